"""A catalogue of 650 products, 40 personas, and the world planted on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from fashionrec.simulation.config import WorldConfig
from fashionrec.simulation.shoppers import ShopperEvents
from fashionrec.simulation.world import SimPersona, SimProduct, World, build_world

CATEGORIES = (
    "dresses", "shirts", "t-shirts", "jeans", "trousers", "skirts", "shorts", "coats", "jackets", "blazers", "hoodies",
    "sweaters", "cardigans", "sneakers", "boots", "sandals", "heels", "bags", "belts", "hats", "scarves", "leggings",
)  # fmt: skip
COLOURS = ("black", "white", "grey", "navy", "blue", "red", "green", "pink", "beige", "brown", "yellow", "purple")
PATTERNS = ("plain", "striped", "dotted", "checked", "floral")
MATERIALS = ("cotton", "wool", "linen", "denim", "leather", "silk", "polyester")
STYLES = ("casual", "formal", "sporty", "boho", "streetwear", "classic", "minimal", "romantic")
AGES = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
DISLIKABLE = (
    "floral", "striped", "dotted", "checked", "pink", "red", "yellow", "black", "beige", "leather", "wool", "polyester",
    "skirts", "heels", "hats", "hoodies", "blazers", "boots",
)  # fmt: skip


def _catalogue(n: int) -> list[SimProduct]:
    rng = np.random.default_rng(11)

    def pick(values: Sequence[str], weights: Sequence[float] | None = None) -> str:
        return str(rng.choice(values, p=weights))

    return [
        SimProduct(
            key=f"p{index}",
            attributes={
                "category": f"Clothing > {pick(CATEGORIES)}",
                "gender": pick(["women", "men", "unisex"], [0.42, 0.36, 0.22]),
                "colour": pick(COLOURS),
                "pattern": pick(PATTERNS, [0.5, 0.15, 0.1, 0.12, 0.13]),
                "material": pick(MATERIALS),
                "season": pick(["spring", "summer", "autumn", "winter"]),
                "brand": pick([f"brand {number}" for number in range(10)]),
                "price": f"{np.exp(rng.normal(3.9, 0.6)):.2f} EUR",
            },
        )
        for index in range(n)
    ]


def _personas(n: int) -> list[SimPersona]:
    rng = np.random.default_rng(12)
    people = []
    for index in range(n):
        words = rng.permutation(DISLIKABLE)
        people.append(
            SimPersona(
                key=f"persona {index}",
                attributes={
                    "gender": ("woman", "man")[index % 2],
                    "age_band": AGES[index % 6],
                    "region": str(rng.choice(["north", "south", "east", "west"])),
                    "occupation": str(rng.choice(["student", "office", "trade", "care", "retired"])),
                    "style": STYLES[index % 8],
                    "budget": str(rng.choice(["low", "medium", "high"])),
                    "likes": ", ".join(words[:2]),
                    "dislikes": ", ".join(words[2:5]),
                },
            )
        )
    return people


@pytest.fixture(scope="session")
def products() -> list[SimProduct]:
    return _catalogue(650)


@pytest.fixture(scope="session")
def personas() -> list[SimPersona]:
    return _personas(40)


@pytest.fixture(scope="session")
def planted(products: list[SimProduct], personas: list[SimPersona]) -> tuple[World, ShopperEvents]:
    """The world of 650 products and 1,500 shoppers whose figures the documentation states."""
    world = build_world(products, personas, config=WorldConfig(), seed=0)
    return world, world.simulate_shoppers(1500)
