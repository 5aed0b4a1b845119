"""Products of shops that do not exist, as the fields of a rating prompt: what a small rater learns from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fashionrec.demo.brands import BRANDS
from fashionrec.demo.persona_words import COLOURS, GARMENTS, INVENTED_BRANDS, MATERIALS, PATTERNS
from fashionrec.demo.products import DemoProduct

Fields = dict[str, str]

DEMO_PRICE_EDGES = (40.0, 80.0)
"""Terciles of the prices that generate_products draws (40.90 and 78.90 at 3,000 products of seed 5)."""

CURRENCY_SCALES = (1.0, 1.0, 1.0, 1.0, 10.0, 25.0, 90.0)
"""Shops whose currency is worth less write larger numbers; low and high move along."""

_GENDERS = ("women", "men", "unisex", "girls", "boys")
_GENDER_SHARES = (0.4, 0.36, 0.08, 0.08, 0.08)
_SEASONS = ("", "", "spring", "summer", "autumn", "winter", "fall", "all year")
_STYLES = (
    "casual", "formal", "sporty", "boho", "streetwear", "classic", "minimal", "romantic", "outdoor", "ethnic", "party",
    "smart casual", "sports", "travel", "home", "",
)  # fmt: skip
_TITLES = (
    "{brand} {colour} {material} {noun}", "{noun} in {colour}", "{brand} {gender} {colour} {noun}",
    "{colour} {pattern} {noun}", "{brand} {noun}", "{noun}", "{material} {noun}, {colour}",
    "{brand} {gender} {pattern} {colour} {noun}", "{adjective} {noun}", "{brand} {adjective} {material} {noun}",
)  # fmt: skip
_ADJECTIVES = (
    "new", "soft", "slim", "relaxed", "long sleeve", "cropped", "oversized", "everyday", "essential", "light", "warm",
    "regular fit", "wide", "high-rise", "pleated", "printed", "solid", "washed",
)  # fmt: skip


def demo_fields(product: DemoProduct) -> Fields:
    """What the shop's prompt says of a product of the demo: its own category, not the path to it."""
    return {
        "title": product.title,
        "brand": product.brand,
        "category": product.category.rsplit(">", 1)[-1].strip(),
        "gender": product.gender,
        "colour": product.colour,
        "pattern": product.pattern,
        "material": product.material,
        "season": product.season,
        "style": product.attributes.get("style", ""),
        "price": f"{product.variants[0].price:.2f}",
    }


def draw_products(rng: np.random.Generator, *, count: int) -> tuple[list[Fields], tuple[float, float]]:
    """`count` products of one imagined shop, and where its prices part low from medium and medium from high."""
    scale = float(rng.choice(CURRENCY_SCALES))
    # A shop leaves out the same fields everywhere, and others here and there.
    never = {
        name for name in ("brand", "category", "pattern", "material", "season", "style", "price") if rng.random() < 0.12
    }
    capitals = rng.random() < 0.4
    products = [_product(rng, scale=scale, capitals=capitals) for _ in range(count)]
    for product in products:
        for name in product:
            if name in never or (name != "title" and rng.random() < 0.06):
                product[name] = ""
    low, high = DEMO_PRICE_EDGES
    return products, (low * scale, high * scale)


def _product(rng: np.random.Generator, *, scale: float, capitals: bool) -> Fields:
    garment = _one(rng, GARMENTS[:42] if rng.random() < 0.6 else GARMENTS)
    gender = str(rng.choice(_GENDERS, p=_GENDER_SHARES))
    fields = {
        "brand": _one(rng, INVENTED_BRANDS) if rng.random() < 0.8 else BRANDS[int(rng.integers(len(BRANDS)))].name,
        "category": garment if rng.random() < 0.9 else f"{gender} > {garment}",
        "gender": gender,
        "colour": _one(rng, COLOURS[:24] if rng.random() < 0.6 else COLOURS),
        "pattern": "plain" if rng.random() < 0.35 else _one(rng, PATTERNS[:5] if rng.random() < 0.6 else PATTERNS),
        "material": _one(rng, MATERIALS[:32] if rng.random() < 0.6 else MATERIALS),
        "season": _one(rng, _SEASONS),
        "style": _one(rng, _STYLES),
    }
    noun = garment if garment in ("jeans", "trousers", "leggings", "shorts", "heels") else singular(garment)
    title = _one(rng, _TITLES).format(noun=noun, adjective=_one(rng, _ADJECTIVES), **fields)
    price = float(np.exp(rng.normal(np.log(56.0), 0.75))) * scale
    fields = {name: _capital(value) if capitals and name != "brand" else value for name, value in fields.items()}
    if rng.random() < 0.3:
        title = title.title()
    cents = 0.0 if rng.random() < 0.4 else 0.9 if rng.random() < 0.6 else round(float(rng.integers(0, 100)) / 100, 2)
    return {"title": title[0].upper() + title[1:], **fields, "price": f"{max(int(price), 3) + cents:.2f}"}


def singular(garment: str) -> str:
    if garment.endswith(("sses", "shes", "ches", "xes")):
        return garment[:-2]
    return garment[:-1] if garment.endswith("s") and not garment.endswith("ss") else garment


def _capital(value: str) -> str:
    return value[:1].upper() + value[1:]


def _one(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]
