"""Maximal marginal relevance (Carbonell and Goldstein 1998): a page that is not ten times the same shirt."""

from collections.abc import Sequence

from catalog.models import Product

RELEVANCE = 0.75
"""λ: what relevance weighs against being unlike what was already chosen."""


def likeness(a: Product, b: Product) -> float:
    """0..1: how alike two products are on a shelf."""
    return (
        0.5 * (a.category_id is not None and a.category_id == b.category_id)
        + 0.3 * (a.brand_id is not None and a.brand_id == b.brand_id)
        + 0.2 * (bool(a.colour) and a.colour == b.colour)
    )


def diversify(products: Sequence[Product], scores: Sequence[float], *, n: int) -> list[int]:
    """Positions into `products` (best first by `scores`, all > 0) of the chosen n, in order of choice."""
    if not products:
        return []
    top = max(scores)
    closest = [0.0] * len(products)
    left = list(range(len(products)))
    chosen: list[int] = []
    while left and len(chosen) < n:
        best = max(left, key=lambda i: (RELEVANCE * scores[i] / top - (1 - RELEVANCE) * closest[i], -i))
        left.remove(best)
        chosen.append(best)
        for i in left:
            closest[i] = max(closest[i], likeness(products[i], products[best]))
    return chosen
