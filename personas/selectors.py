"""Reads over personas and ratings."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db.models import Avg, F, QuerySet
from django.db.models.functions import Coalesce
from numpy.typing import NDArray

from personas.ml.prompt_text import LABEL_ORDERS
from personas.models import SCALE, Persona, PromptTemplate, Purpose, Rating, RatingRun, RawScore


@dataclass(frozen=True)
class StoredScores:
    """Answered cells: persona and product (N,) int64 primary keys, log_probabilities (N, O, 11) float64.

    Only cells answered in every label order, ascending first. model_digest: of the model that answered; empty if none.
    """

    persona: NDArray[np.int64]
    product: NDArray[np.int64]
    log_probabilities: NDArray[np.float64]
    model_digest: str


def published() -> QuerySet[Rating]:
    """Ratings of published runs: the only ones that are shown or reach training."""
    return Rating.objects.filter(run__published_at__isnull=False)


def published_ratings() -> Iterator[tuple[str, int, float, list[float]]]:
    """(persona key, product id, rating, distribution over SCALE) of every published rating, calibrated where it is.

    Where one model rated a cell in several published runs, what it said in the one published last counts.
    """
    rows = (
        published()
        .annotate(
            value=Coalesce("calibrated", F("expectation")),
            distribution=Coalesce("calibrated_probabilities", F("probabilities")),
        )
        .order_by("persona_id", "product_id", "run__language_model_id", "-run__published_at", "-pk")
        .distinct("persona_id", "product_id", "run__language_model_id")
        .values_list("persona__key", "product_id", "value", "distribution")
    )
    yield from rows.iterator(chunk_size=10_000)


def persona_ratings(persona: Persona) -> QuerySet[Rating]:
    """A persona's published ratings, best first, each with `value`: the calibrated rating, else the expectation."""
    ratings = published().filter(persona=persona).select_related("product", "run__language_model")
    return ratings.annotate(value=Coalesce("calibrated", F("expectation"))).order_by("-value", "pk")


def stored_scores(
    *, run: RatingRun, purpose: str, persona_id: int | None = None, product_ids: Sequence[int] | None = None
) -> StoredScores:
    """What the model answered in a run for one purpose, by cell; of one persona and of some products if given."""
    rows = RawScore.objects.filter(run=run, purpose=purpose)
    if persona_id is not None:
        rows = rows.filter(persona_id=persona_id)
    if product_ids is not None:
        rows = rows.filter(product_id__in=product_ids)
    return _by_cell(rows)


def pooled_scores(*, template: PromptTemplate, model_digest: str, at_most: int, seed: int) -> NDArray[np.float64]:
    """(N, O, 11) answers that one model gave to one template in all runs, `at_most` of them, drawn by the seed."""
    pooled = RawScore.objects.filter(run__template=template, model_digest=model_digest, purpose=Purpose.RATING)
    cells = pooled.filter(label_order=LABEL_ORDERS[0])
    if cells.count() > at_most:
        runs = list(cells.order_by("-run__created_at").values_list("run_id", flat=True).distinct())
        kept: list[UUID] = []
        for run_id in runs:  # the newest runs until there are enough, so that memory stays bounded
            kept.append(run_id)
            if cells.filter(run_id__in=kept).count() >= at_most:
                break
        pooled = pooled.filter(run_id__in=kept)
    scores = _by_cell(pooled).log_probabilities
    if len(scores) > at_most:
        scores = scores[np.random.default_rng(seed).choice(len(scores), size=at_most, replace=False)]
    return scores


def _by_cell(rows: QuerySet[RawScore]) -> StoredScores:
    """Rows of one cell stand together, ascending before descending; cells without both are left out."""
    ordered = rows.order_by("run_id", "persona_id", "product_id", "label_order")
    persona, product, digest = array("q"), array("q"), ""
    scores = array("d")  # flat: lists of lists would take four times the memory
    before: tuple[object, ...] = ()
    kept: list[list[float]] = []
    columns = ("run_id", "persona_id", "product_id", "label_order", "log_probabilities", "model_digest")
    for run_id, persona_id, product_id, order, values, model_digest in ordered.values_list(*columns).iterator(5_000):
        if (cell := (run_id, persona_id, product_id)) != before:
            before, kept = cell, []
        if order == LABEL_ORDERS[len(kept)]:
            kept.append(values)
        if len(kept) == len(LABEL_ORDERS):
            persona.append(persona_id)
            product.append(product_id)
            for answer in kept:
                scores.extend(answer)
            digest = digest or model_digest
            before, kept = (), []
    return StoredScores(
        np.array(persona, dtype=np.int64),
        np.array(product, dtype=np.int64),
        np.array(scores, dtype=np.float64).reshape(-1, len(LABEL_ORDERS), len(SCALE)),
        digest,
    )


def run_summary(run: RatingRun) -> dict[str, object]:
    """Figures of a run: means, and how often each point of the scale is the most likely one, and is the rating."""
    ratings = Rating.objects.filter(run=run)
    before, after = dict.fromkeys(SCALE, 0), dict.fromkeys(SCALE, 0)
    points = np.array(SCALE)
    for probabilities, calibrated in ratings.values_list("probabilities", "calibrated").iterator():
        before[SCALE[int(np.argmax(probabilities))]] += 1
        if calibrated is not None:
            after[SCALE[int(np.abs(points - calibrated).argmin())]] += 1
    means = ratings.aggregate(mean=Avg("expectation"), calibrated=Avg("calibrated"))
    return {
        "ratings": sum(before.values()),
        "mean": means["mean"],
        "calibrated_mean": means["calibrated"],
        "histogram": _by_name(before),
        "calibrated_histogram": _by_name(after),
        "highest": max([*before.values(), *after.values()]) or 1,
    }


def _by_name(counts: dict[int, int]) -> dict[str, int]:
    return {str(point).replace("-", "−"): number for point, number in counts.items()}
