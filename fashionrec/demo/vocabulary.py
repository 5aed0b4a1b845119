"""What a kind of product is, and the words that kinds share."""

from __future__ import annotations

from dataclasses import dataclass, field

GENDERS = ("women", "men", "unisex", "girls", "boys")
STYLES = ("casual", "formal", "sporty", "boho", "streetwear", "classic", "minimal", "romantic", "outdoor")

Options = dict[str, tuple[str, ...]]

EVERY_COLOURS = (
    "black",
    "white",
    "cream",
    "beige",
    "camel",
    "brown",
    "grey",
    "navy",
    "blue",
    "light blue",
    "teal",
    "green",
    "olive",
    "mint",
    "yellow",
    "mustard",
    "orange",
    "red",
    "burgundy",
    "pink",
    "purple",
    "lavender",
)
TAILORED_COLOURS = ("black", "navy", "grey", "beige", "camel", "brown", "olive", "burgundy", "white", "cream")
LEATHER_COLOURS = ("black", "brown", "camel", "burgundy", "navy", "red", "white", "beige", "green", "pink")
DENIM_COLOURS = ("blue", "light blue", "navy", "black", "grey", "white")
BRIGHT_COLOURS = (
    "red",
    "yellow",
    "blue",
    "teal",
    "orange",
    "green",
    "pink",
    "navy",
    "black",
    "mint",
    "purple",
    "light blue",
)

PRINTED_PATTERNS = {"plain": 4.0, "striped": 2.0, "dotted": 1.3, "checked": 1.0, "floral": 1.6}
MASCULINE_PATTERNS = {"plain": 4.0, "striped": 2.2, "checked": 1.8, "dotted": 0.4, "floral": 0.4}
KNIT_PATTERNS = {"plain": 4.0, "striped": 2.2, "dotted": 0.5}
PLAIN_PATTERNS = {"plain": 1.0}

TOP_FITS = ("slim", "regular", "regular", "relaxed", "oversized")
CASUAL_STYLES = ("casual", "streetwear", "sporty", "minimal", "classic", "boho", "outdoor", "romantic")


@dataclass(frozen=True)
class Kind:
    """One kind of product.

    noun: as in a title; category: leaf of the tree; group: its parent; silhouette: "module.function"
    genders: who it is made for, with weights (products per deck of the catalogue)
    materials, colours: plain lists; patterns: weights; options: visible attributes and their values
    sizes: a size system of `sizes.py`; price: usual price in EUR; seasons: "" means all year
    """

    noun: str
    category: str
    group: str
    silhouette: str
    genders: dict[str, int]
    materials: tuple[str, ...]
    sizes: str
    price: float
    styles: tuple[str, ...] = CASUAL_STYLES
    colours: tuple[str, ...] = EVERY_COLOURS
    patterns: dict[str, float] = field(default_factory=lambda: dict(PLAIN_PATTERNS))
    options: Options = field(default_factory=dict)
    seasons: tuple[str, ...] = ("",)
    occasions: tuple[str, ...] = ("everyday",)
    plural: bool = False
