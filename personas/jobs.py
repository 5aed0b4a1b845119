"""Worker-side work: probing language models, and asking them for ratings, chunk by chunk."""

import time
from collections.abc import Callable

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
from personas.services.ratings import count_usage, store_ratings, store_raw_scores

logger = structlog.get_logger(__name__)

MOST_UNANSWERED, FEWEST_UNANSWERED = 0.02, 3
"""A server that hides small probabilities cannot answer one prompt in a few hundred: up to this share of a run's
prompts is left out, and this many of a small run's."""
MOST_IN_A_ROW = 5
"""Refusals without an answer between them: the model is gone, not a prompt odd."""

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
        if model.state == LanguageModel.State.READY and probed is not None:
            return probed
        what = "was refused" if model.state == LanguageModel.State.REFUSED else "could not be probed"
        raise ModelUnusable(f"{model.name} {what}: {model.probe.get('reason')}")
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
    except RETRIED:
        raise  # it can heal, and the run is rung for again
    except (
        Exception
    ) as error:  # whatever an adapter's own code raises: left open, the run would be rung for without end
        reason = str(error) if isinstance(error, ModelUnusable) else f"{type(error).__name__}: {error}"
        fail_run(run=run, error=reason)
        return
    answered_by = list(RawScore.objects.filter(run=run).values_list("model_digest", flat=True)[:1])
    if answered_by not in ([], [adapter.digest]):
        fail_run(run=run, error="its answers so far came from other weights or options; plan a new run")
        return

    unanswered = Unanswered(allowed=max(FEWEST_UNANSWERED, round(MOST_UNANSWERED * run.plan.get("calls", 0))))

    def process(run: RatingRun, chunk: RatingChunk) -> None:
        try:
            rate_chunk(run, chunk, adapter, unanswered)
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


class Unanswered:
    """Prompts that a model cannot answer: a few are left out of the run, many of them or several in a row end it."""

    def __init__(self, *, allowed: int) -> None:
        self.left, self.in_a_row = allowed, 0

    def leave_out(self, error: ModelUnusable) -> None:
        """Count one; raises `error` when it is one too many."""
        self.left, self.in_a_row = self.left - 1, self.in_a_row + 1
        if self.left < 0 or self.in_a_row >= MOST_IN_A_ROW:
            raise error
        logger.warning("cell_left_out", error=str(error))


def rate_chunk(run: RatingRun, chunk: RatingChunk, adapter: Adapter, unanswered: Unanswered) -> None:
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
            try:
                _ask(run, chunk, adapter, order, prefix, {pk: suffixes[pk] for pk in piece})
                unanswered.in_a_row = 0
            except ModelUnusable:
                # One odd answer spoils its piece: which product it was shows when they are asked one by one.
                for pk in piece:
                    _ask_alone(run, chunk, adapter, order, prefix, {pk: suffixes[pk]}, unanswered)
    with finish_chunk(run, chunk):
        store_ratings(run=run, chunk=chunk)


def _ask_alone(
    run: RatingRun,
    chunk: RatingChunk,
    adapter: Adapter,
    order: str,
    prefix: str,
    suffix: dict[int, str],
    unanswered: Unanswered,
) -> None:
    try:
        _ask(run, chunk, adapter, order, prefix, suffix)
        unanswered.in_a_row = 0
    except ModelUnusable as error:
        unanswered.leave_out(error)


def _ask(
    run: RatingRun, chunk: RatingChunk, adapter: Adapter, order: str, prefix: str, suffixes: dict[int, str]
) -> None:
    """Ask about products (primary key to suffix) and store what the model answers."""
    _check_budget(run, len(suffixes))
    before, started = adapter.usage.copy(), time.perf_counter()
    try:
        scores = adapter.score_labels(prefix, list(suffixes.values()), labels_by_point(order))
    except Exception:
        # What a server answered before it went away is lost, but it was paid for and counts against the budget.
        count_usage(run=run, usage=adapter.usage.since(before), prompts=0)
        raise
    store_raw_scores(
        run=run,
        persona=chunk.persona,
        purpose=chunk.purpose,
        label_order=order,
        product_ids=list(suffixes),
        log_probabilities=scores,
        prompt_digests=[prompt_sha256(prefix, suffix) for suffix in suffixes.values()],
        model_digest=adapter.digest,
        latency_ms=(time.perf_counter() - started) * 1000 / len(suffixes),
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
