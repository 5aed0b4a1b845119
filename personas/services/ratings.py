"""Storing what the model answered, and publishing what it is worth."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from numpy.typing import NDArray

from fashionrec.common.errors import Conflict
from personas.ml.distributions import expectation, label_mass, mean_distribution, to_probabilities
from personas.ml.language_model import Usage
from personas.models import Persona, Purpose, Rating, RatingChunk, RatingRun, RawScore
from personas.selectors import stored_scores
from personas.services.rating_quality import ensure_judged


@transaction.atomic
def store_raw_scores(
    *,
    run: RatingRun,
    persona: Persona,
    purpose: str,
    label_order: str,
    product_ids: Sequence[int],
    log_probabilities: NDArray[np.floating[Any]],
    prompt_digests: Sequence[str],
    model_digest: str,
    latency_ms: float = 0.0,
    usage: Usage | None = None,
) -> None:
    """Store answers for good, and count what they took. log_probabilities: (N, 11), in the order of the scale.

    A cell that is stored already keeps what it has. Raises ValueError quoting the shape unless there is one row and
    one digest per product, every row with a finite entry.
    """
    if len(log_probabilities) != len(product_ids):
        raise ValueError(f"log_probabilities: received {len(log_probabilities)} rows for {len(product_ids)} products")
    if len(prompt_digests) != len(product_ids):
        raise ValueError(f"prompt_digests: received {len(prompt_digests)} for {len(product_ids)} products")
    to_probabilities(log_probabilities)  # raises when a row says nothing
    # Postgres stores no −inf in a way that JSON can carry; e^-100 is nothing.
    finite = np.maximum(np.asarray(log_probabilities, dtype=np.float64), -100.0)
    usage = usage or Usage()
    tokens = (usage.prompt_tokens + usage.completion_tokens) // max(1, len(product_ids))
    masses = label_mass(log_probabilities)
    RawScore.objects.bulk_create(
        [
            RawScore(
                run=run,
                persona=persona,
                product_id=product_id,
                purpose=purpose,
                label_order=label_order,
                log_probabilities=finite[row].tolist(),
                label_mass=float(masses[row]),
                prompt_sha256=prompt_digests[row],
                model_digest=model_digest,
                latency_ms=latency_ms,
                tokens=tokens,
            )
            for row, product_id in enumerate(product_ids)
        ],
        ignore_conflicts=True,
    )
    if usage.calls:
        count_usage(run=run, usage=usage, prompts=len(product_ids))


def count_usage(*, run: RatingRun, usage: Usage, prompts: int) -> None:
    """Add to what a run took. prompts: how many were answered; an adapter may take several calls for one."""
    model = run.language_model
    cost = (model.prompt_price * usage.prompt_tokens + model.completion_price * usage.completion_tokens) / 1_000_000
    RatingRun.objects.filter(pk=run.pk).update(
        tokens_used=F("tokens_used") + usage.prompt_tokens + usage.completion_tokens,
        cost_used=F("cost_used") + Decimal(cost),
        calls_made=F("calls_made") + prompts,
    )


def store_ratings(*, run: RatingRun, chunk: RatingChunk) -> int:
    """Ratings of a chunk whose cells are all answered: the mean distribution of both label orders. Returns how many.

    Chunks asked for another purpose than the rating leave no rating.
    """
    if chunk.purpose != Purpose.RATING:
        return 0
    stored = stored_scores(run=run, purpose=Purpose.RATING, persona_id=chunk.persona_id, product_ids=chunk.product_ids)
    probabilities = mean_distribution(stored.log_probabilities)
    means = expectation(probabilities)
    ratings = [
        Rating(
            run=run,
            persona_id=chunk.persona_id,
            product_id=int(product_id),
            probabilities=probabilities[row].tolist(),
            expectation=float(means[row]),
            simulated=run.language_model.is_simulator,
        )
        for row, product_id in enumerate(stored.product)
    ]
    Rating.objects.bulk_create(ratings, ignore_conflicts=True)
    return len(ratings)


def publish(*, run: RatingRun) -> RatingRun:
    """Let a finished run's ratings reach training. Raises Conflict unless the run is done and passes the gate."""
    state = RatingRun.objects.values_list("state", flat=True).get(pk=run.pk)
    if state != RatingRun.State.DONE:
        raise Conflict.for_field("state", state, "only a finished run can be published")
    ensure_judged(run=run)  # by itself, so that a report which blocks the run is kept
    with transaction.atomic():
        locked = RatingRun.objects.select_for_update(of=("self",)).select_related("quality").get(pk=run.pk)
        if not locked.quality.passed:
            reasons = "; ".join(locked.quality.reasons)
            raise Conflict.for_field("quality", str(locked.pk)[:8], f"the run does not pass the gate: {reasons}")
        if locked.published_at is None:
            locked.published_at = timezone.now()
            locked.save(update_fields=["published_at"])
    return locked


def withdraw(*, run: RatingRun) -> RatingRun:
    """Take a run's ratings out of training and off the pages again; nothing is deleted."""
    if not RatingRun.objects.filter(pk=run.pk, published_at__isnull=False).update(published_at=None):
        raise Conflict.for_field("published", str(run.pk)[:8], "only a published run can be withdrawn")
    run.refresh_from_db()
    return run
