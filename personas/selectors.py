"""Reads over personas and ratings."""

from collections.abc import Iterator

import numpy as np
from django.db.models import Avg, F, QuerySet
from django.db.models.functions import Coalesce

from personas.models import SCALE, Persona, Rating, RatingRun


def published() -> QuerySet[Rating]:
    """Ratings of published runs: the only ones that are shown or reach training."""
    return Rating.objects.filter(run__published_at__isnull=False)


def published_ratings() -> Iterator[tuple[str, int, float]]:
    """(persona key, product id, rating) of every published rating, calibrated where a calibration exists."""
    rows = (
        published()
        .annotate(value=Coalesce("calibrated", F("expectation")))
        .order_by("persona_id", "product_id")
        .values_list("persona__key", "product_id", "value")
    )
    yield from rows.iterator(chunk_size=10_000)


def persona_ratings(persona: Persona) -> QuerySet[Rating]:
    """A persona's published ratings, best first."""
    return published().filter(persona=persona).select_related("product", "run").order_by("-expectation", "pk")


def run_summary(run: RatingRun) -> dict[str, object]:
    """Figures of a run: mean, and how often each point of the scale is the most likely one."""
    ratings = Rating.objects.filter(run=run)
    counts = dict.fromkeys(SCALE, 0)
    for probabilities in ratings.values_list("probabilities", flat=True).iterator():
        counts[SCALE[int(np.argmax(probabilities))]] += 1
    return {
        "ratings": sum(counts.values()),
        "mean": ratings.aggregate(mean=Avg("expectation"))["mean"],
        "histogram": {str(point).replace("-", "−"): number for point, number in counts.items()},
        "highest": max(counts.values()) or 1,
    }
