"""A model asked about another catalogue than its own."""

import numpy as np
import pytest

from recommender.ml.baseline_scorers import PopularityScorer
from recommender.ml.dataset import FloatArray, History, HistoryLike
from recommender.ml.translated_scorer import TranslatedScorer

LOWEST = np.finfo(np.float32).min


class Recorder(PopularityScorer):
    """Remembers what it was asked."""

    asked: list[HistoryLike]

    def score(self, histories: list[HistoryLike]) -> FloatArray:  # type: ignore[override]
        object.__setattr__(self, "asked", histories)
        return super().score(histories)


def test_items_are_scored_where_they_are_and_unknown_ones_come_last() -> None:
    scorer = TranslatedScorer(Recorder(np.array([1, 2, 3], np.float32)), np.array([2, -1, 0]))
    history = History(
        items=np.array([1, 0, 2]), kind=np.array([1, 2, 3], np.uint8), time=np.array([5.0, 6.0, 7.0]), now=8.0
    )
    np.testing.assert_array_equal(scorer.score([history]), [[3, LOWEST, 1]])
    (asked,) = scorer.scorer.asked  # type: ignore[attr-defined]
    assert asked.items.tolist() == [2, 0]
    assert asked.kind.tolist() == [2, 3]
    assert (asked.time.tolist(), asked.now) == ([6.0, 7.0], 8.0)
    np.testing.assert_array_equal(scorer.score_one(np.array([2])), [3, LOWEST, 1])
    assert scorer.scorer.asked[0].tolist() == [0]  # type: ignore[attr-defined]


def test_a_longer_catalogue_follows_and_an_unknown_index_is_refused() -> None:
    scorer = TranslatedScorer(PopularityScorer(np.array([1, 2], np.float32)), np.array([1, -1]))
    longer = scorer.extended(np.zeros((2, 0), np.float32))
    np.testing.assert_array_equal(longer.score([np.array([3])]), [[2, LOWEST, 0, 0]])
    with pytest.raises(ValueError, match="received item 2 in row 0, expected 0 to 1"):
        scorer.score([np.array([2])])
