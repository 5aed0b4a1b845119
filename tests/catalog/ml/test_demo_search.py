"""The shipped encoder on drawings it has never seen: seed 20261, while it was trained on seed 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from catalog.ml.clip_examples import Example
from catalog.ml.embedding_metrics import neighbour_precision, pixel_vectors, target_ranks
from catalog.ml.encoder import Vectors
from catalog.ml.open_clip_encoder import OpenClipEncoder
from catalog.ml.text_encoder import OnnxTextEncoder
from fashionrec.demo.drawing import draw_product
from fashionrec.demo.encoder_examples import demo_caption, visible_attributes
from fashionrec.demo.products import generate_products

Wanted = Callable[[Mapping[str, str]], bool]

QUERIES: dict[str, Wanted] = {
    "red floral dress": lambda a: (a["type"], a["colour"], a["pattern"]) == ("dress", "red", "floral"),
    "striped t-shirt": lambda a: a["type"] == "T-shirt" and a["pattern"] == "striped",
    "blue jeans": lambda a: a["type"] == "jeans" and "blue" in a["colour"],
    "navy blue coat": lambda a: a["category"] == "Coats" and a["colour"] == "navy",
}


@pytest.fixture(scope="module")
def drawings() -> list[Example]:
    """240 products, and six answers to each query, picked from 12,000 because red floral dresses are rare."""
    products = generate_products(seed=20261, count=12_000)
    picked = list(products[:240])
    for wanted in QUERIES.values():
        picked += [product for product in products[240:] if wanted(visible_attributes(product))][:6]
    assert len(picked) == 240 + 6 * len(QUERIES)
    return [
        Example(draw_product(product, size=160), demo_caption(product), visible_attributes(product))
        for product in picked
    ]


@pytest.fixture(scope="module")
def images(compact: OpenClipEncoder, drawings: list[Example]) -> Vectors:
    return compact.encode_images([example.image for example in drawings])


def test_text_search_finds_what_was_asked_for(
    compact_text: OnnxTextEncoder, drawings: list[Example], images: Vectors
) -> None:
    texts = compact_text.encode_texts([example.caption for example in drawings])
    hybrid = images + texts
    hybrid /= np.linalg.norm(hybrid, axis=1, keepdims=True)
    found = {}
    for (query, wanted), vector in zip(QUERIES.items(), compact_text.encode_texts(list(QUERIES)), strict=True):
        best = np.argsort(-(hybrid @ vector))[:5]
        found[query] = sum(wanted(drawings[index].attributes) for index in best)
    print(found)
    assert min(found.values()) >= 3, found
    assert sum(found.values()) >= 16, found


def test_neighbours_are_alike_more_than_pixels_say(drawings: list[Example], images: Vectors) -> None:
    pixels = pixel_vectors(np.stack([np.asarray(example.image.resize((16, 16))) for example in drawings]))
    for name, lead in (("category", 0.15), ("pattern", 0.04)):
        labels = [example.attributes[name] for example in drawings]
        precision = neighbour_precision(images, labels, k=5)
        assert precision >= neighbour_precision(pixels, labels, k=5) + lead


def test_a_caption_finds_its_picture_among_all(
    compact_text: OnnxTextEncoder, drawings: list[Example], images: Vectors
) -> None:
    ranks = target_ranks(
        compact_text.encode_texts([example.caption for example in drawings]), images, np.arange(len(drawings))
    )
    assert (ranks <= 10).mean() >= 0.95
