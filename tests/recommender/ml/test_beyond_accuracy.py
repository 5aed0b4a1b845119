"""What lists are like, checked against loops that say it plainly."""

import math
from itertools import combinations

import numpy as np
import pytest

from recommender.ml.beyond_accuracy import (
    category_diversity,
    coverage,
    first_k,
    gini,
    intra_list_diversity,
    list_figures,
    novelty,
    popularity_lift,
)

RNG = np.random.default_rng(6)
SHOWN = np.array([RNG.permutation(12)[:4] for _ in range(20)])
SHOWN[3, 2:] = -1
CONTENT = RNG.normal(size=(12, 5)).astype(np.float32)
CONTENT /= np.linalg.norm(CONTENT, axis=1, keepdims=True)
CONTENT[[2, 7]] = 0
CATEGORY = np.array([0, 0, 1, 1, 2, 2, -1, 3, 3, 3, -1, 0])
POPULARITY = RNG.integers(0, 9, 12).astype(np.float64)


def listed(row: np.ndarray) -> list[int]:
    return [int(item) for item in row if item >= 0]


def test_lists_are_the_best_unseen_items_and_equal_scores_go_by_index() -> None:
    scores = np.round(RNG.normal(size=(30, 12))).astype(np.float32)
    before = scores.copy()
    seen = [RNG.permutation(12)[: RNG.integers(0, 11)] for _ in scores]
    shown = first_k(scores, seen, 4)
    for row, history, found in zip(scores, seen, shown, strict=True):
        left = sorted(set(range(12)) - set(history.tolist()), key=lambda item: (-row[item], item))
        assert found.tolist() == (left + [-1] * 4)[:4]
    assert np.array_equal(scores, before)


def test_an_unseen_item_scored_minus_infinity_is_shown_and_a_seen_one_never() -> None:
    scores = np.array([[-np.inf, 1.0, -np.inf]], np.float32)
    assert first_k(scores, [np.array([0])], 5).tolist() == [[1, 2, -1, -1, -1]]


def test_diversity_is_one_minus_the_mean_cosine_of_pairs_that_have_content() -> None:
    for row, found in zip(SHOWN, intra_list_diversity(SHOWN, CONTENT), strict=True):
        items = [item for item in listed(row) if CONTENT[item].any()]
        cosines = [float(CONTENT[a] @ CONTENT[b]) for a, b in combinations(items, 2)]
        assert found == pytest.approx(1 - np.mean(cosines) if cosines else math.nan, abs=1e-6, nan_ok=True)


def test_category_diversity_is_the_share_of_unlike_pairs_that_have_a_category() -> None:
    for row, found in zip(SHOWN, category_diversity(SHOWN, CATEGORY), strict=True):
        items = [item for item in listed(row) if CATEGORY[item] >= 0]
        unlike = [CATEGORY[a] != CATEGORY[b] for a, b in combinations(items, 2)]
        assert found == pytest.approx(np.mean(unlike) if unlike else math.nan, nan_ok=True)


def test_novelty_is_the_mean_information_of_an_items_share() -> None:
    shares = (POPULARITY + 1) / (POPULARITY + 1).sum()
    for row, found in zip(SHOWN, novelty(SHOWN, POPULARITY), strict=True):
        assert found == pytest.approx(np.mean([-math.log2(shares[item]) for item in listed(row)]))


def test_lift_compares_what_is_shown_with_what_the_same_shoppers_took() -> None:
    histories = [RNG.permutation(12)[: user % 4] for user in range(20)]
    compared = [user for user in range(20) if len(histories[user])]
    shown = np.mean([np.mean([POPULARITY[item] for item in listed(SHOWN[user])]) for user in compared])
    took = np.mean([np.mean([POPULARITY[item] for item in histories[user]]) for user in compared])
    assert popularity_lift(SHOWN, histories, POPULARITY) == pytest.approx(shown / took)
    assert popularity_lift(SHOWN, [np.empty(0, np.int64)] * 20, POPULARITY) is None


def test_gini_is_the_mean_absolute_difference_over_twice_the_mean() -> None:
    counts = RNG.integers(0, 30, 25)
    naive = np.mean([[abs(a - b) for a in counts] for b in counts]) / (2 * counts.mean())
    assert gini(counts) == pytest.approx(naive)
    assert gini(np.full(8, 3)) == pytest.approx(0)
    assert gini(np.array([0, 0, 0, 5])) == pytest.approx(0.75)
    with pytest.raises(ValueError, match="counts: received none above 0"):
        gini(np.zeros(3, np.int64))


def test_coverage_counts_every_item_once_and_no_empty_place() -> None:
    assert coverage(np.array([[0, 1], [1, -1]]), 8) == 0.25


def test_figures_that_cannot_be_said_are_none() -> None:
    figures = list_figures(
        np.array([[0, 1]]), [np.empty(0, np.int64)], popularity=np.ones(4), content=np.zeros((4, 0), np.float32)
    )
    assert figures.rounded() == {
        "coverage": 0.5,
        "gini": 0.5,
        "diversity": None,
        "category_diversity": None,
        "novelty": 2.0,
        "popularity_lift": None,
    }
