"""Does search find what was asked for? Queries made of the labels of photographed products, judged by these labels.

The products' texts name type, colour and gender, as a well-kept catalogue's do: the figures compare ways to rank, and
are too good for a catalogue that lacks them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog import search
from catalog.product_filters import ProductFilters
from fashionrec.benchmarks.search_world import Photo

K = 10
FEWEST_RELEVANT = 3
WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Of meaning beside full text's 1, tried on the validation half."""


@dataclass(frozen=True)
class LabelQuery:
    text: str
    kind: str
    colour: str
    gender: str
    """"" where it was not asked for."""

    def wants(self, photo: Photo) -> bool:
        return (photo.kind, photo.colour) == (self.kind, self.colour) and self.gender in ("", photo.gender)


def label_queries(photos: Sequence[Photo], *, count: int, seed: int) -> list[LabelQuery]:
    """At most `count` distinct queries such as "navy blue men shirts", every other with a gender where it can be.

    Each has at least FEWEST_RELEVANT products that it asks for.
    """
    generator = np.random.default_rng(seed)
    drawn: dict[LabelQuery, None] = {}
    usual = Counter((photo.kind, photo.colour) for photo in photos if photo.kind and photo.colour)
    by_gender = Counter((photo.kind, photo.colour, photo.gender) for photo in photos)
    for row in generator.permutation(len(photos)):
        photo = photos[row]
        asks_gender = len(drawn) % 2 == 1 and by_gender[photo.kind, photo.colour, photo.gender] >= FEWEST_RELEVANT
        gender = photo.gender if asks_gender else ""
        if photo.kind and photo.colour and usual[photo.kind, photo.colour] >= FEWEST_RELEVANT and len(drawn) < count:
            words = [photo.colour, gender, photo.kind.lower()]
            drawn[LabelQuery(" ".join(word for word in words if word), photo.kind, photo.colour, gender)] = None
    return list(drawn)


def measure_fusion(queries: Sequence[LabelQuery], photo_of: Mapping[int, Photo], *, seed: int) -> dict[str, Any]:
    """Precision and NDCG at 10 of full text alone, meaning alone and both fused, with the weight that validation
    chooses, on the other half of the queries. photo_of: by the product's primary key."""
    ranked = [search.rankings(query.text, ProductFilters()) for query in queries]
    relevant = [sum(query.wants(photo) for photo in photo_of.values()) for query in queries]

    def figures(text_weight: float, meaning_weight: float, rows: Sequence[int]) -> dict[str, float]:
        precisions, gains = [], []
        for row in rows:
            by_text, by_meaning = ranked[row]
            best = search.fused([(text_weight, by_text), (meaning_weight, by_meaning)])
            hits = np.array([queries[row].wants(photo_of[pk]) for pk, score in best[:K] if score > 0], dtype=float)
            discounts = 1.0 / np.log2(np.arange(2, K + 2))
            precisions.append(hits.sum() / K)
            gains.append(float(hits @ discounts[: len(hits)] / discounts[: min(K, relevant[row])].sum()))
        return {"p@10": round(float(np.mean(precisions)), 4), "ndcg@10": round(float(np.mean(gains)), 4)}

    # By chance: every other query asks for a gender, and both halves shall hold as many of them.
    shuffled = np.random.default_rng(seed).permutation(len(queries)).tolist()
    validation, test = shuffled[: len(shuffled) // 2], shuffled[len(shuffled) // 2 :]
    tried = {str(weight): figures(1.0, weight, validation) for weight in WEIGHTS}
    chosen = max(WEIGHTS, key=lambda weight: tried[str(weight)]["ndcg@10"])
    return {
        "queries": len(queries),
        "without_a_full_text_match": sum(not by_text for by_text, _ in ranked),
        "validation": tried,
        "chosen_weight": chosen,
        "test": {
            "full text": figures(1.0, 0.0, test),
            "meaning": figures(0.0, 1.0, test),
            f"fused, weight {chosen}": figures(1.0, chosen, test),
            f"as served, weight {search.MEANING_WEIGHT}": figures(search.TEXT_WEIGHT, search.MEANING_WEIGHT, test),
        },
    }
