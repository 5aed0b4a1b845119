"""An embedding run worked on by a command: a bar in the terminal, an error when it did not end well."""

from django.core.management.base import CommandError
from django.db.models import Sum
from tqdm import tqdm

from catalog.models import EmbeddingRun
from fashionrec.common.runs import release_leases_of_the_dead


def work_with_bar(run: EmbeddingRun) -> int:
    """Products embedded, those included that changed meanwhile and went into runs of their own.

    Raises CommandError when a run ended otherwise than done.
    """
    from catalog.embedding_jobs import work_embedding_run

    with tqdm(total=run.total, initial=run.done, unit=" products", desc="embed") as bar:

        def show(current: EmbeddingRun) -> None:
            bar.total, bar.n = current.total, current.done
            bar.refresh()

        release_leases_of_the_dead()  # what a killed command held is carried on at once
        work_embedding_run(str(run.pk), on_chunk=show)
    runs = EmbeddingRun.objects.filter(encoder=run.encoder_id, created_at__gte=run.created_at)
    if (unfinished := runs.exclude(state=EmbeddingRun.State.DONE).first()) is not None:
        raise CommandError(f"embedding: {unfinished.state}: {unfinished.error or 'another process works on the rest'}")
    return int(runs.aggregate(done=Sum("done"))["done"])
