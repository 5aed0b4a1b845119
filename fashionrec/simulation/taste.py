"""Persona-explained taste: a planted function of persona attributes and product attributes.

Both the world (whose shoppers choose by it) and the simulated rater (who rates by it) read this one file.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Attributes = Mapping[str, str]

PRICE_EDGES: tuple[float, float] = (30.0, 80.0)
"""Prices that part low from medium and medium from high when nothing is known about the catalogue."""

AFFINITIES: dict[tuple[str, str], float] = {
    ("style", "category"): 1.0,
    ("style", "colour"): 0.8,
    ("style", "pattern"): 0.7,
    ("style", "material"): 0.7,
    ("style", "brand"): 0.5,
    ("age_band", "category"): 0.6,
    ("age_band", "colour"): 0.5,
    ("age_band", "brand"): 0.4,
    ("occupation", "category"): 0.5,
    ("region", "season"): 0.4,
    ("region", "colour"): 0.4,
}
"""(persona attribute, product attribute) → relative size of their hidden weights."""

STYLE_WORDS: dict[str, frozenset[str]] = {
    "casual": frozenset(["casual", "denim", "jean", "tshirt", "tee", "hoodie", "sneaker", "cotton", "jersey"]),
    "formal": frozenset(["formal", "blazer", "suit", "shirt", "oxford", "heel", "wool", "tie", "trouser"]),
    "sporty": frozenset(["sporty", "sport", "track", "jogger", "legging", "sneaker", "jersey", "polyester"]),
    "boho": frozenset(["boho", "ethnic", "kurta", "maxi", "floral", "linen", "skirt", "sandal"]),
    "streetwear": frozenset(["streetwear", "street", "hoodie", "cap", "bomber", "sneaker", "cargo", "denim"]),
    "classic": frozenset(["classic", "coat", "trench", "knitwear", "cardigan", "loafer", "checked", "wool", "shirt"]),
    "minimal": frozenset(["minimal", "plain", "white", "black", "grey", "beige", "linen"]),
    "romantic": frozenset(
        ["romantic", "party", "dress", "blouse", "floral", "dotted", "silk", "lace", "skirt", "pink"]
    ),
}
"""Words of the product's attributes that suit a style whatever the hidden weights say."""

BUDGET_FIT: dict[str, dict[str, float]] = {
    "low": {"low": 0.4, "medium": -0.3, "high": -1.4},
    "medium": {"low": 0.0, "medium": 0.3, "high": -0.5},
    "high": {"low": -0.5, "medium": 0.1, "high": 0.5},
}

AFFINITY_SCALE = 0.75
STYLE_BONUS = 0.5
LIKE_BONUS = 0.9
DISLIKE_PENALTY = -2.8
OTHER_GENDER = -1.5
CHILDRENS = -2.0
TASTE_RANGE = (-5.0, 4.0)

_GENDERS = {
    "woman": "women", "women": "women", "female": "women", "f": "women",
    "man": "men", "men": "men", "male": "men", "m": "men",
    "girl": "girls", "girls": "girls", "boy": "boys", "boys": "boys",
}  # fmt: skip
_BANDS = {
    "low": "low",
    "budget": "low",
    "medium": "medium",
    "mid": "medium",
    "high": "high",
    "premium": "high",
}
_AGE_EDGES = ((18, "18-24"), (25, "25-34"), (35, "35-44"), (45, "45-54"), (55, "55-64"), (65, "65+"))
_FEATURES = ("category", "colour", "pattern", "material", "style", "brand", "season")


class Taste:
    """The hidden weights of one seed.

    The score of a (persona, product) cell is the sum of a gender fit, a budget fit, explicit likes and
    dislikes, words that suit a style, and hidden affinities (one N(0, 1) weight per pair of attribute
    values, from a hash of the seed and the four words, so that vocabulary and order never matter).
    An attribute that is missing on either side adds nothing. affinity_scale 0 leaves the hidden affinities out:
    what remains is public, the same for every seed, and tells nothing of any planted world.
    """

    def __init__(self, *, seed: int, affinity_scale: float = AFFINITY_SCALE) -> None:
        if affinity_scale < 0:
            raise ValueError(f"affinity_scale: must not be negative, received {affinity_scale!r}")
        self.seed, self.affinity_scale = seed, affinity_scale

    def scores(
        self,
        personas: Sequence[Attributes],
        products: Sequence[Attributes],
        *,
        price_edges: tuple[float, float] = PRICE_EDGES,
    ) -> NDArray[np.float64]:
        """Taste of every persona for every product: (P, I) float64, roughly within −5..4."""
        people = [normalise_persona(persona) for persona in personas]
        goods = [normalise_product(product, price_edges=price_edges) for product in products]
        tokens = [_product_tokens(product) for product in goods]
        total = np.zeros((len(people), len(goods)))
        if self.affinity_scale:
            total += self.affinity_scale * self._affinities(people, goods)
        total += _pairwise(people, goods, "gender", "gender", _gender_fit)
        total += _pairwise(people, goods, "budget", "price_band", lambda b, p: BUDGET_FIT.get(b, {}).get(p, 0.0))
        total += _term_matches(people, tokens, "likes") * LIKE_BONUS
        total += _term_matches(people, tokens, "dislikes") * DISLIKE_PENALTY
        for style, words in STYLE_WORDS.items():
            wearers = np.array([person.get("style") == style for person in people], dtype=np.float64)
            suits = np.array([bool(words & product) for product in tokens], dtype=np.float64)
            total += STYLE_BONUS * np.outer(wearers, suits)
        return np.clip(total, *TASTE_RANGE)

    def _affinities(self, people: Sequence[Attributes], goods: Sequence[Attributes]) -> NDArray[np.float64]:
        """Sum of hidden weights over the pairs present, scaled to variance 1 whatever is missing: (P, I)."""
        total = np.zeros((len(people), len(goods)))
        weight = np.zeros_like(total)
        for (mine, theirs), size in AFFINITIES.items():

            def draw(a: str, b: str, mine: str = mine, theirs: str = theirs) -> float:
                return hidden_normal(self.seed, mine, a, theirs, b)

            total += size * _pairwise(people, goods, mine, theirs, draw)
            present = np.outer([bool(p.get(mine)) for p in people], [bool(g.get(theirs)) for g in goods])
            weight += size**2 * present
        return np.divide(total, np.sqrt(weight), out=np.zeros_like(total), where=weight > 0)


def hidden_normal(seed: int, *words: str) -> float:
    """One N(0, 1) draw that depends on the seed and the words alone (Box-Muller over a hash, 3 µs)."""
    digest = hashlib.blake2b("\x1f".join((str(seed), *words)).encode(), digest_size=16).digest()
    radius = (int.from_bytes(digest[:8], "big") + 1) / 2.0**64
    angle = int.from_bytes(digest[8:], "big") / 2.0**64
    return math.sqrt(-2.0 * math.log(radius)) * math.cos(2.0 * math.pi * angle)


def normalise_persona(persona: Attributes) -> dict[str, str]:
    """Lower-case attributes in the planted vocabulary; an age in years becomes its band."""
    clean = {key: value.strip().lower() for key, value in persona.items() if value and value.strip()}
    clean["gender"] = _GENDERS.get(clean.get("gender", ""), "")
    clean["budget"] = _BANDS.get(clean.get("budget", ""), "")
    age = (clean.get("age_band") or clean.get("age", "")).replace("\N{EN DASH}", "-")
    years = re.fullmatch(r"(\d+)(?: years?.*)?", age)
    if years:
        age = next((band for start, band in reversed(_AGE_EDGES) if int(years[1]) >= start), "")
    clean["age_band"] = age.replace(" ", "")
    return clean


def normalise_product(product: Attributes, *, price_edges: tuple[float, float] = PRICE_EDGES) -> dict[str, str]:
    """Lower-case attributes in the planted vocabulary: a band for a price, the leaf of a category path."""
    clean = {key: value.strip().lower() for key, value in product.items() if value and value.strip()}
    clean["gender"] = _GENDERS.get(clean.get("gender", ""), "")
    clean["colour"] = clean.get("colour") or clean.get("color", "")
    clean["category"] = re.split(r"[>/|]", clean.get("category", ""))[-1].strip()
    band = _BANDS.get(clean.get("price_band", ""), "")
    price = parse_price(clean.get("price", ""))
    if not band and price is not None:
        band = ("low", "medium", "high")[int(np.searchsorted(price_edges, price, side="right"))]
    clean["price_band"] = band
    return clean


def parse_price(text: str) -> float | None:
    """The number in a text such as "39.90 EUR" or "1,299"; None when there is none."""
    found = re.search(r"\d[\d,]*(?:\.\d+)?", text)
    return float(found.group().replace(",", "")) if found else None


def _pairwise(
    people: Sequence[Attributes],
    goods: Sequence[Attributes],
    mine: str,
    theirs: str,
    value: Callable[[str, str], float],
) -> NDArray[np.float64]:
    """value(a, b) of the persona's a and the product's b in every cell, 0 where one is missing: (P, I)."""
    rows, row = np.unique([person.get(mine, "") for person in people], return_inverse=True)
    columns, column = np.unique([product.get(theirs, "") for product in goods], return_inverse=True)
    table = np.array([[value(str(a), str(b)) if a and b else 0.0 for b in columns] for a in rows])
    return np.asarray(table.reshape(len(rows), len(columns))[row][:, column])


def _gender_fit(persona: str, product: str) -> float:
    if product in ("girls", "boys"):
        return CHILDRENS
    return 0.0 if persona == product else OTHER_GENDER


def _term_matches(people: Sequence[Attributes], tokens: Sequence[frozenset[str]], key: str) -> NDArray[np.float64]:
    """How many terms of a comma-separated persona attribute occur in each product, at most two: (P, I)."""
    terms = [[words_of(term) for term in person.get(key, "").split(",") if term.strip()] for person in people]
    hits = {
        term: np.array([term <= product for product in tokens], dtype=np.float64)
        for term in {term for row in terms for term in row if term}
    }
    counts = np.zeros((len(people), len(tokens)))
    for index, row in enumerate(terms):
        for term in set(row) - {frozenset()}:
            counts[index] += hits[term]
    return np.minimum(counts, 2.0)


def _product_tokens(product: Attributes) -> frozenset[str]:
    return words_of(" ".join(product.get(key, "") for key in _FEATURES))


@lru_cache(maxsize=50_000)
def words_of(text: str) -> frozenset[str]:
    """Words of a text without plural endings: "Dresses" and "dress" are one word."""
    return frozenset(_singular(word) for word in re.findall(r"[a-z]+", text.lower().replace("-", "")))


def _singular(word: str) -> str:
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
