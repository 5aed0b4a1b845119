"""Silhouettes by family; `silhouette("tops.shirt")` finds the drawing of a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.silhouettes import bags, bottoms, dresses, footwear, headwear, outerwear, tops, wearables
from fashionrec.demo.silhouettes.body import Look

_FAMILIES = {
    "bags": bags,
    "bottoms": bottoms,
    "dresses": dresses,
    "footwear": footwear,
    "headwear": headwear,
    "outerwear": outerwear,
    "tops": tops,
    "wearables": wearables,
}
_STANDING = ("bags", "footwear")


@dataclass(frozen=True)
class Silhouette:
    """`draw` puts the product on the canvas; `stands` says that its shadow lies on the ground."""

    draw: Callable[[Canvas, Look], None]
    stands: bool


def silhouette(name: str) -> Silhouette:
    """The silhouette called "family.function". Raises ValueError for an unknown name."""
    family, _, function = name.partition(".")
    draw = getattr(_FAMILIES.get(family), function, None)
    if draw is None:
        raise ValueError(f"silhouette: received {name!r}, no such drawing")
    return Silhouette(draw, family in _STANDING)
