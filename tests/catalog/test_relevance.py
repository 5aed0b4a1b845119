"""The floor of semantic search, read off words without meaning."""

import numpy as np
import pytest
from django.core.cache import cache

from catalog import relevance
from catalog.models import Encoder
from catalog.relevance import Floor, meaningless_texts, relevance_floor
from tests.factories.catalog import EncoderFactory, ProductEmbeddingFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    cache.clear()


def axis(*values: float) -> np.ndarray:
    vector = np.zeros(8, np.float32)
    vector[: len(values)] = values
    return vector


def test_a_lift_is_what_the_query_adds_to_no_meaning() -> None:
    floor = Floor(meaningless=axis(0, 0, 1), lift=0.0)
    lifts = floor.lifts(axis(1), np.stack([axis(2), axis(0, 3), axis(0, 0, 1), axis(1, 0, 1), axis()]))
    np.testing.assert_allclose(lifts, [1, 0, -1, 0, 0], atol=1e-6)


def test_what_lies_below_the_floor_or_far_below_the_best_is_not_meant() -> None:
    floor = Floor(meaningless=axis(0, 0, 1), lift=0.2)
    query = axis(1)
    close, half, weak = axis(0.8, 0.6), axis(0.4, 0.9165), axis(0.3, 0.9539)
    assert floor.about(query, np.stack([close, half, weak])).tolist() == [True, True, False]
    assert floor.about(query, np.stack([weak, axis(0.2, 0.9798)])).tolist() == [True, False]
    assert floor.about(query, np.zeros((0, 8), np.float32)).tolist() == []


def test_the_floor_is_what_nineteen_of_twenty_meaningless_texts_stay_below(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder: Encoder = EncoderFactory(is_live=True)
    ProductEmbeddingFactory(encoder=encoder, vector=list(axis(1)))
    monkeypatch.setattr(relevance, "NONSENSE", 101)
    # Their nearness to the only product is 0.00, 0.01 … 1.00, so its mean is a half.
    texts = np.stack([axis(step / 100) for step in range(101)])
    monkeypatch.setattr(relevance, "encode_queries", lambda texts_, *, encoder: texts)
    floor = relevance_floor(encoder=encoder)
    assert floor is not None
    assert floor.lift == pytest.approx(0.95 - 0.5, abs=1e-5)
    monkeypatch.setattr(relevance, "encode_queries", lambda texts_, *, encoder: pytest.fail("measured twice"))
    again = relevance_floor(encoder=encoder)
    assert again is not None
    assert again.lift == floor.lift


def test_without_a_text_tower_or_vectors_there_is_no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder: Encoder = EncoderFactory(is_live=True, name="nowhere")
    monkeypatch.setattr(relevance, "encode_queries", lambda texts, *, encoder: np.stack([axis(1)] * len(texts)))
    assert relevance_floor(encoder=encoder) is None
    ProductEmbeddingFactory(encoder=encoder, vector=list(axis(1)))
    monkeypatch.setattr(relevance, "encode_queries", lambda texts, *, encoder: None)
    assert relevance_floor(encoder=encoder) is None


def test_meaningless_texts_are_the_same_every_time() -> None:
    texts = meaningless_texts(50)
    assert texts == meaningless_texts(50)
    assert len(set(texts)) == 50
    assert all(4 <= len(word) <= 9 for text in texts for word in text.split())
