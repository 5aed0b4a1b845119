"""Worker-side work: asking a rater, chunk by chunk."""

import time
from collections.abc import Callable

from django.db import OperationalError

from catalog.models import Product
from fashionrec.common.errors import Invalid
from fashionrec.common.runs import fail_run, finish_chunk, work_through_chunks
from personas.ml.language_model import LABELS
from personas.ml.language_model import LanguageModel as Adapter
from personas.models import RatingChunk, RatingRun
from personas.prompts import prompt_sha256, render_prefix, render_suffix
from personas.services.language_models import load_adapter
from personas.services.ratings import store_scores


def work_rating_run(run_id: str, *, on_chunk: Callable[[RatingRun], None] | None = None) -> None:
    """Rate every cell of a run's plan that nobody has rated yet. A rater that cannot be loaded fails the run."""
    run = RatingRun.objects.select_related("language_model", "template").filter(pk=run_id).first()
    if run is None or not run.is_open:
        return
    try:
        adapter = load_adapter(run.language_model)
    except Invalid as error:
        fail_run(run=run, error=error.message)
        return

    def process(run: RatingRun, chunk: RatingChunk) -> None:
        rate_chunk(run, chunk, adapter)
        if on_chunk:
            run.refresh_from_db()
            on_chunk(run)

    chunks = RatingChunk.objects.filter(run=run)
    work_through_chunks(run, chunks, process, retry_on=(OperationalError, ConnectionError, TimeoutError))


def rate_chunk(run: RatingRun, chunk: RatingChunk, adapter: Adapter) -> None:
    """One persona, at most 64 products, one call of the rater."""
    found = Product.objects.filter(pk__in=chunk.product_ids).select_related("brand", "category").order_by("pk")
    products = list(found)
    prefix = render_prefix(run.template, chunk.persona)
    suffixes = [render_suffix(run.template, product) for product in products]
    started = time.perf_counter()
    scores = adapter.score_labels(prefix, suffixes, LABELS)
    elapsed_ms = (time.perf_counter() - started) * 1000
    with finish_chunk(run, chunk):
        store_scores(
            run=run,
            persona=chunk.persona,
            product_ids=[product.pk for product in products],
            log_probabilities=scores,
            prompt_digests=[prompt_sha256(prefix, suffix) for suffix in suffixes],
            latency_ms=elapsed_ms / max(1, len(products)),
            model_digest=adapter.digest,
            simulated=run.language_model.is_simulator,
        )
