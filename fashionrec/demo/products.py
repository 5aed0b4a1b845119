"""Products of the demo shop, made up from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from fashionrec.demo.brands import BRANDS, Brand
from fashionrec.demo.kinds import KINDS
from fashionrec.demo.sizes import size_run
from fashionrec.demo.vocabulary import Kind
from fashionrec.demo.wording import Subject, description, title

_MATERIAL_PRICE = {
    "silk": 1.5,
    "cashmere": 1.9,
    "leather": 1.35,
    "patent leather": 1.3,
    "suede": 1.25,
    "wool": 1.15,
    "merino": 1.2,
    "tweed": 1.25,
    "velvet": 1.15,
    "linen": 1.1,
    "steel": 1.3,
    "polyester": 0.85,
    "canvas": 0.8,
    "vegan leather": 0.9,
    "rubber": 0.75,
    "straw": 0.7,
}
_MATERIAL_SEASON = {
    "linen": "summer",
    "straw": "summer",
    "flannel": "winter",
    "cashmere": "winter",
    "cable knit": "winter",
    "tweed": "winter",
    "velvet": "winter",
    "corduroy": "autumn",
}


@dataclass(frozen=True)
class DemoVariant:
    """One size. Prices in EUR; `stock` None means untracked."""

    sku: str
    size: str
    colour: str
    price: Decimal
    compare_at_price: Decimal | None
    stock: int | None

    def as_json(self) -> dict[str, Any]:
        was = None if self.compare_at_price is None else str(self.compare_at_price)
        return {
            "sku": self.sku,
            "size": self.size,
            "colour": self.colour,
            "price": str(self.price),
            "compare_at_price": was,
            "currency": "EUR",
            "stock": self.stock,
        }


@dataclass(frozen=True)
class DemoProduct:
    """A product and what is needed to draw it (`kind`, `drawing_seed`)."""

    external_id: str
    title: str
    description: str
    brand: str
    category: str
    gender: str
    colour: str
    material: str
    pattern: str
    season: str
    attributes: Mapping[str, str]
    variants: tuple[DemoVariant, ...]
    kind: Kind
    drawing_seed: int

    @property
    def image(self) -> str:
        """Path of the picture inside the catalogue folder."""
        return f"images/{self.external_id}.jpg"

    def as_json(self) -> dict[str, Any]:
        """The product in the `jsonl` import format."""
        return {
            "external_id": self.external_id,
            "title": self.title,
            "description": self.description,
            "brand": self.brand,
            "category": self.category,
            "gender": self.gender,
            "colour": self.colour,
            "material": self.material,
            "pattern": self.pattern,
            "season": self.season,
            "attributes": dict(self.attributes),
            "images": [self.image],
            "variants": [variant.as_json() for variant in self.variants],
        }


def generate_products(*, seed: int, count: int) -> list[DemoProduct]:
    """`count` products; the same seed gives the same list, and a longer list starts with the shorter one.

    Raises ValueError for a negative count or seed.
    """
    if count < 0 or seed < 0:
        raise ValueError(f"count and seed: received {count} and {seed}, neither may be negative")
    deck = [(kind, gender) for kind in KINDS for gender, copies in kind.genders.items() for _ in range(copies)]
    products = []
    for index in range(count):
        if index % len(deck) == 0:
            # Dealing whole decks keeps every kind in proportion, whatever the seed.
            order = np.random.default_rng([seed, 1, index // len(deck)]).permutation(len(deck))
        kind, gender = deck[order[index % len(deck)]]
        products.append(_product(kind, gender, index, np.random.default_rng([seed, 2, index])))
    return products


def _product(kind: Kind, gender: str, index: int, rng: np.random.Generator) -> DemoProduct:
    brand = _brand(kind, rng)
    material = _one(rng, kind.materials)
    pattern = _pattern(kind, gender, material, rng)
    colour = _one(rng, _colours(kind, material))
    season = _MATERIAL_SEASON.get(material) if "" in kind.seasons else None
    season = season or _one(rng, kind.seasons)
    style = brand.style if brand.style in kind.styles else _one(rng, kind.styles)
    attributes = {"type": kind.noun, "style": style}
    attributes |= {name: _one(rng, values) for name, values in kind.options.items()}
    attributes["occasion"] = _one(rng, kind.occasions)
    attributes = _consistent(kind, attributes)
    subject = Subject(kind, brand.name, gender, colour, material, pattern, season, attributes)
    name, text = title(subject, rng), description(subject, rng)
    external_id = f"demo-{index + 1:05d}"
    variants = _variants(kind, brand, gender, colour, material, external_id, rng)
    return DemoProduct(
        external_id=external_id,
        title=name,
        description=text,
        brand=brand.name,
        category=f"{gender.capitalize()} > {kind.group} > {kind.category}",
        gender=gender,
        colour=colour,
        material=material,
        pattern=pattern,
        season=season,
        attributes=attributes,
        variants=variants,
        kind=kind,
        drawing_seed=int(rng.integers(2**31)),
    )


def _one(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _brand(kind: Kind, rng: np.random.Generator) -> Brand:
    fitting = [brand for brand in BRANDS if kind.group in brand.groups and brand.style in kind.styles]
    return fitting[int(rng.integers(len(fitting)))]


def _pattern(kind: Kind, gender: str, material: str, rng: np.random.Generator) -> str:
    if material in (
        "denim",
        "leather",
        "vegan leather",
        "suede",
        "patent leather",
        "cable knit",
        "velvet",
        "straw",
        "steel",
        "corduroy",
    ):
        return "plain"
    weights = dict(kind.patterns)
    if gender in ("men", "boys") and "floral" in weights:
        weights["floral"] *= 0.35
    names, shares = list(weights), np.array(list(weights.values()))
    return str(rng.choice(names, p=shares / shares.sum()))


def _colours(kind: Kind, material: str) -> tuple[str, ...]:
    """Colours that this material comes in."""
    if material == "denim":
        return ("blue", "light blue", "navy", "black", "grey", "white")
    if material == "steel":
        return ("silver", "gold", "black")
    if material == "straw":
        return ("beige", "cream", "camel", "brown")
    if kind.noun == "watch":
        return tuple(colour for colour in kind.colours if colour not in ("silver", "gold"))
    return kind.colours


def _consistent(kind: Kind, attributes: dict[str, str]) -> dict[str, str]:
    """Removes what contradicts: a slip dress has no sleeves, a wrap dress crosses in a V."""
    shape = attributes.get("shape")
    if kind.noun == "dress":
        if shape == "slip":
            attributes |= {"sleeve": "sleeveless", "neckline": "v-neck"}
        elif shape == "wrap":
            attributes["neckline"] = "v-neck"
            if attributes["sleeve"] == "sleeveless":
                attributes["sleeve"] = "short sleeve"
        elif shape == "shirt dress":
            attributes |= {"neckline": "collar", "closure": "buttons"}
            if attributes["sleeve"] == "sleeveless":
                attributes["sleeve"] = "short sleeve"
        elif shape == "bodycon" and attributes["length"] == "maxi":
            attributes["length"] = "midi"
    if kind.noun == "skirt" and shape == "pencil":
        attributes["length"] = "midi"
    if kind.noun in ("dress", "jumpsuit") and attributes.get("neckline") == "sweetheart":
        attributes["sleeve"] = "sleeveless"
    if (
        kind.noun in ("dress", "jumpsuit", "T-shirt")
        and attributes.get("neckline") == "boat neck"
        and attributes["sleeve"] == "sleeveless"
    ):
        attributes["sleeve"] = "short sleeve"
    return attributes


def _retail(amount: float) -> Decimal:
    """A price as shops write it: 19.90, 129.00."""
    if amount >= 140:
        return Decimal(round(amount / 10) * 10 - 1) + Decimal("0.00")
    return Decimal(max(round(amount), 5) - 1) + Decimal("0.90")


def _variants(
    kind: Kind, brand: Brand, gender: str, colour: str, material: str, external_id: str, rng: np.random.Generator
) -> tuple[DemoVariant, ...]:
    amount = kind.price * brand.price_level * _MATERIAL_PRICE.get(material, 1.0) * float(rng.uniform(0.88, 1.12))
    if gender in ("girls", "boys"):
        amount *= 0.6
    full = _retail(amount)
    price, was = full, None
    if rng.random() < 0.18:
        reduced = _retail(float(full) * float(rng.choice([0.5, 0.6, 0.7, 0.8])))
        price, was = (reduced, full) if reduced < full else (full, None)
    availability = rng.random()
    run = size_run(kind.sizes, gender)
    made = []
    for size in run:
        stock: int | None = int(rng.integers(1, 41))
        if availability < 0.05:
            stock = None
        elif availability < 0.07 or rng.random() < 0.08:
            stock = 0
        sku = f"{external_id.upper()}-{size.upper().replace(' ', '').replace('/', '')}"
        made.append(DemoVariant(sku, size, colour, price, was, stock))
    return tuple(made)
