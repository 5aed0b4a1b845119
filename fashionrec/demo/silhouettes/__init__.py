"""Silhouettes by family; `silhouette("tops.shirt")` finds the drawing of a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.silhouettes import (
    bags,
    boots,
    bottoms,
    coats,
    dress_shoes,
    dresses,
    headwear,
    jackets,
    knitwear,
    nightwear,
    sandals,
    shirts,
    skirts,
    sneakers,
    swimwear,
    tops,
    wearables,
)
from fashionrec.demo.silhouettes.body import Look

_FAMILIES = {
    "bags": bags,
    "boots": boots,
    "bottoms": bottoms,
    "coats": coats,
    "dress_shoes": dress_shoes,
    "dresses": dresses,
    "headwear": headwear,
    "jackets": jackets,
    "knitwear": knitwear,
    "nightwear": nightwear,
    "sandals": sandals,
    "shirts": shirts,
    "skirts": skirts,
    "sneakers": sneakers,
    "swimwear": swimwear,
    "tops": tops,
    "wearables": wearables,
}
_STANDING = ("bags", "boots", "dress_shoes", "sandals", "sneakers")


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
