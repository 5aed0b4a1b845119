"""Maximal marginal relevance (Carbonell and Goldstein 1998): a page that is not ten times the same shirt."""

from collections.abc import Sequence
from typing import Protocol

RELEVANCE = 0.75
"""λ: what relevance weighs against being unlike what was already chosen."""

ALIKE = 1.0
"""λ beside a product that others shall be like: variety would only bring what is less so."""


class Shelved(Protocol):
    @property
    def category_id(self) -> int | None: ...
    @property
    def brand_id(self) -> int | None: ...
    @property
    def colour(self) -> str: ...


def likeness(a: Shelved, b: Shelved) -> float:
    """0..1: how alike two products are on a shelf."""
    return (
        0.5 * (a.category_id is not None and a.category_id == b.category_id)
        + 0.3 * (a.brand_id is not None and a.brand_id == b.brand_id)
        + 0.2 * (bool(a.colour) and a.colour == b.colour)
    )


def diversify(
    products: Sequence[Shelved], scores: Sequence[float], *, n: int, relevance: float = RELEVANCE
) -> list[int]:
    """Positions into `products` (best first by `scores`, all > 0) of the chosen n, in order of choice."""
    if not products:
        return []
    top = max(scores)
    closest = [0.0] * len(products)
    left = list(range(len(products)))
    chosen: list[int] = []
    while left and len(chosen) < n:
        best = max(left, key=lambda i: (relevance * scores[i] / top - (1 - relevance) * closest[i], -i))
        left.remove(best)
        chosen.append(best)
        for i in left:
            closest[i] = max(closest[i], likeness(products[i], products[best]))
    return chosen
