"""Worker-side work: probing language models, and asking them for ratings, chunk by chunk."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import structlog
from django.db import OperationalError

from catalog.models import Product
from fashionrec.common.batching import batched
from fashionrec.common.errors import AppError, Invalid
from fashionrec.common.runs import RunPaused, fail_run, finish_chunk, work_through_chunks
from personas.ml.language_model import LABELS, ModelUnusable
from personas.ml.language_model import LanguageModel as Adapter
from personas.ml.probe import probe_language_model
from personas.ml.prompt_text import LABEL_ORDERS, labels_by_point, probe_prompts, prompt_sha256
from personas.models import LanguageModel, Purpose, RatingChunk, RatingRun, RawScore
from personas.prompts import render_prefix, render_suffix
from personas.services.language_models import load_adapter, record_probe
from personas.services.rating_plans import CHUNK_SIZE
from personas.services.rating_quality import ensure_judged
from personas.services.ratings import store_ratings, store_raw_scores

logger = structlog.get_logger(__name__)

RETRIED = (OperationalError, ConnectionError, TimeoutError)
"""What can heal: the chunk is tried again later. ModelUnavailable is a ConnectionError."""


def probe_model(model_id: int) -> LanguageModel | None:
    """Probe a model and store what was found; None when the row is gone. A server that is away leaves it as it was."""
    model = LanguageModel.objects.filter(pk=model_id).first()
    return model and _probe(model)[0]


def _probe(model: LanguageModel) -> tuple[LanguageModel, Adapter | None]:
    try:
        adapter = load_adapter(model)
    except (AppError, ModelUnusable) as error:
        return record_probe(model=model, adapter=None, probe={"usable": False, "reason": str(error)}), None
    prefix, suffixes = probe_prompts()
    probe = probe_language_model(adapter, prefix=prefix, suffixes=suffixes, labels=LABELS)
    return record_probe(model=model, adapter=adapter, probe=probe.as_dict()), adapter


def ready_adapter(model: LanguageModel) -> Adapter:
    """The adapter of a model that probing found usable and that has not changed since; probes a new one first.

    Raises ModelUnusable saying why not.
    """
    if model.state != LanguageModel.State.READY:
        model, probed = _probe(model)
        if model.state != LanguageModel.State.READY or probed is None:
            raise ModelUnusable(f"{model.name} was refused: {model.probe.get('reason')}")
        return probed
    try:
        adapter = load_adapter(model)
        digest = adapter.digest
    except AppError as error:
        raise ModelUnusable(error.message) from error
    if digest != model.digest:
        raise ModelUnusable(f"{model.name} answers with other weights or options than were probed; probe it again")
    return adapter


def work_rating_run(run_id: str, *, on_chunk: Callable[[RatingRun], None] | None = None) -> None:
    """Ask every cell of a run's plan that nobody has answered yet, then calibrate and judge the answers.

    A model that cannot be used fails the run with the reason. A budget that the next call would exceed pauses it.
    """
    run = RatingRun.objects.select_related("language_model", "template").filter(pk=run_id).first()
    if run is None or not run.is_open:
        return
    try:
        adapter = ready_adapter(run.language_model)
    except ModelUnusable as error:
        fail_run(run=run, error=str(error))
        return

    def process(run: RatingRun, chunk: RatingChunk) -> None:
        try:
            rate_chunk(run, chunk, adapter)
        except ModelUnusable as error:
            # Asking another chunk cannot help; what is answered stays, and a new run will not ask it again.
            fail_run(run=run, error=str(error))
            raise
        if on_chunk:
            run.refresh_from_db()
            on_chunk(run)

    work_through_chunks(run, RatingChunk.objects.filter(run=run), process, retry_on=RETRIED)
    if run.state == RatingRun.State.DONE:
        try:
            ensure_judged(run=run)
        except Invalid as error:  # every product was deleted meanwhile
            logger.warning("run_not_judged", run=str(run.pk), error=error.message)


def rate_chunk(run: RatingRun, chunk: RatingChunk, adapter: Adapter) -> None:
    """One persona, at most 64 products, each in both label orders. Answers are stored as they come."""
    found = Product.objects.filter(pk__in=chunk.product_ids).select_related("brand", "category").order_by("pk")
    products = list(found)
    suffixes = {product.pk: render_suffix(run.template, product) for product in products}
    for order in LABEL_ORDERS:
        prefix = render_prefix(run.template, chunk.persona, order=order)
        digests = {pk: prompt_sha256(prefix, suffix) for pk, suffix in suffixes.items()}
        stored = RawScore.objects.filter(
            run=run, persona=chunk.persona, purpose=chunk.purpose, label_order=order, product__in=products
        )
        missing = set(suffixes) - set(stored.values_list("product_id", flat=True))
        if chunk.purpose == Purpose.RATING and adapter.scoring != "sampling":
            missing -= _copy_known(run, chunk, order, {pk: digests[pk] for pk in missing}, adapter.digest)
        # An adapter that asks one prompt a call names a smaller `save_every`, so that a kill loses few answers.
        for piece in batched(sorted(missing), getattr(adapter, "save_every", CHUNK_SIZE)):
            _ask(
                run, chunk, adapter, order, prefix, [suffixes[pk] for pk in piece], piece, [digests[pk] for pk in piece]
            )
    with finish_chunk(run, chunk):
        store_ratings(run=run, chunk=chunk)


def _ask(
    run: RatingRun,
    chunk: RatingChunk,
    adapter: Adapter,
    order: str,
    prefix: str,
    suffixes: Sequence[str],
    product_ids: Sequence[int],
    digests: Sequence[str],
) -> None:
    _check_budget(run, len(product_ids))
    before, started = adapter.usage.copy(), time.perf_counter()
    scores = adapter.score_labels(prefix, suffixes, labels_by_point(order))
    store_raw_scores(
        run=run,
        persona=chunk.persona,
        purpose=chunk.purpose,
        label_order=order,
        product_ids=product_ids,
        log_probabilities=scores,
        prompt_digests=digests,
        model_digest=adapter.digest,
        latency_ms=(time.perf_counter() - started) * 1000 / len(product_ids),
        usage=adapter.usage.since(before),
    )


def _copy_known(run: RatingRun, chunk: RatingChunk, order: str, digests: dict[int, str], model_digest: str) -> set[int]:
    """Take over what this very model answered to this very prompt in an earlier run; returns those products."""
    known = RawScore.objects.filter(
        model_digest=model_digest, prompt_sha256__in=digests.values(), purpose=Purpose.RATING
    ).values_list("prompt_sha256", "log_probabilities")
    answers = dict(known)
    copied = [pk for pk, digest in digests.items() if digest in answers]
    if copied:
        store_raw_scores(
            run=run,
            persona=chunk.persona,
            purpose=chunk.purpose,
            label_order=order,
            product_ids=copied,
            log_probabilities=np.array([answers[digests[pk]] for pk in copied], dtype=np.float64),
            prompt_digests=[digests[pk] for pk in copied],
            model_digest=model_digest,
        )
    return set(copied)


def _check_budget(run: RatingRun, prompts: int) -> None:
    """Raises RunPaused when the next `prompts` would take the run over its budget, by what a prompt took so far."""
    if run.max_tokens is None and run.max_cost is None:
        return
    run.refresh_from_db(fields=["tokens_used", "cost_used", "calls_made", "max_tokens", "max_cost"])
    planned = max(1, int(run.plan.get("calls", 0)))
    answered = run.calls_made
    per_prompt = run.tokens_used / answered if answered else run.plan.get("estimated_tokens", 0) / planned
    price = float(run.cost_used) / answered if answered else run.plan.get("estimated_cost", 0) / planned
    tokens, cost = run.tokens_used + per_prompt * prompts, float(run.cost_used) + price * prompts
    if run.max_tokens is not None and tokens > run.max_tokens:
        raise RunPaused(
            f"token budget: {run.tokens_used} of {run.max_tokens} used, the next call needs {per_prompt * prompts:.0f}"
        )
    if run.max_cost is not None and cost > float(run.max_cost):
        raise RunPaused(
            f"cost budget: {run.cost_used:.4f} of {run.max_cost} used, the next call costs {price * prompts:.4f}"
        )
