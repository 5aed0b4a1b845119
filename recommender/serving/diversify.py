"""Maximal marginal relevance (Carbonell and Goldstein 1998): a page that is not ten times the same shirt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from catalog.models import Product

RELEVANCE = 0.75
"""λ: what relevance weighs against being unlike what was already chosen."""

ALIKE = 1.0
"""λ beside a product that others shall be like: variety would only bring what is less so."""


CATEGORY, BRAND, COLOUR = 0.5, 0.3, 0.2
"""Shares of likeness where the style of one of two products is unknown."""

STYLE = 0.35
"""Share of likeness that the style has where both are known; the others keep their proportions in the rest."""


class Shelved(Protocol):
    @property
    def category_id(self) -> int | None: ...
    @property
    def brand_id(self) -> int | None: ...
    @property
    def colour(self) -> str: ...
    @property
    def style_id(self) -> str | None: ...


@dataclass(frozen=True)
class OnShelf:
    """What diversity looks at of a product; style_id: the group of look-alikes it was found in, if any."""

    category_id: int | None = None
    brand_id: int | None = None
    colour: str = ""
    style_id: str | None = None

    @classmethod
    def of(cls, product: Product) -> "OnShelf":
        """Costs a query unless the product came with its placement (`select_related("placement")`)."""
        placement = getattr(product, "placement", None)
        style = str(placement.cluster_id) if placement is not None and placement.cluster_id else None
        return cls(product.category_id, product.brand_id, product.colour, style)


def likeness(a: Shelved, b: Shelved) -> float:
    """0..1: how alike two products are on a shelf."""
    said = (
        CATEGORY * (a.category_id is not None and a.category_id == b.category_id)
        + BRAND * (a.brand_id is not None and a.brand_id == b.brand_id)
        + COLOUR * (bool(a.colour) and a.colour == b.colour)
    )
    if a.style_id is None or b.style_id is None:
        return said
    return STYLE * (a.style_id == b.style_id) + (1 - STYLE) * said


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
