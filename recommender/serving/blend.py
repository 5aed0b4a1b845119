"""One order out of several: weighted reciprocal rank fusion (Cormack, Clarke and Büttcher 2009, eq. 1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.serving.candidates import Candidates

RANK_OFFSET = 20
"""The k of the formula: small, because the first dozen products are what a page shows."""

WEIGHTS = {"model": 1.0, "similar": 0.5, "complement": 1.0, "trending": 0.15, "new": 0.1}
WEIGHTS_FOR_STRANGERS = {"model": 0.6, "similar": 0.0, "trending": 1.0, "new": 0.4}
"""For a shopper without history: what others take, and what is new."""


@dataclass(frozen=True)
class Blended:
    """score: summed weight / (RANK_OFFSET + rank); source: the one that contributed most."""

    product: int
    score: float
    source: str
    anchor: int | None


def blend(candidates: Sequence[Candidates], *, stranger: bool) -> list[Blended]:
    """Products of all sources, best first, ties by primary key."""
    weights = WEIGHTS_FOR_STRANGERS if stranger else WEIGHTS
    scores: dict[int, float] = {}
    best: dict[int, tuple[float, str, int | None]] = {}
    for group in candidates:
        for rank, product in enumerate(group.products, start=1):
            share = weights[group.source] / (RANK_OFFSET + rank)
            scores[product] = scores.get(product, 0.0) + share
            if product not in best or share > best[product][0]:
                best[product] = (share, group.source, group.anchor)
    order = sorted(scores, key=lambda product: (-scores[product], product))
    return [Blended(product, scores[product], best[product][1], best[product][2]) for product in order]
