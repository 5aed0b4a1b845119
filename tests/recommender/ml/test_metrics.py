import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from recommender.ml.metrics import TargetRank, ndcg_at_k, paired_bootstrap, rank_of_target, recall_at_k


def random_task(*, ties: bool) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(60, 40)).astype(np.float32)
    if ties:
        scores = np.round(scores)
    orders = [rng.permutation(40) for _ in scores]
    target = np.array([order[0] for order in orders])
    return scores, target, [order[1 : 1 + rng.integers(0, 12)] for order in orders]


def naive(scores: np.ndarray, target: int, seen: np.ndarray, k: int) -> tuple[float, float]:
    """Recall and NDCG averaged over every place the target can take among its ties."""
    left = [item for item in range(len(scores)) if item not in set(seen.tolist())]
    better = sum(scores[item] > scores[target] for item in left)
    tied = sum(scores[item] == scores[target] for item in left)
    places = range(better, better + tied)
    recall = sum(1.0 for place in places if place < k) / tied
    ndcg = sum(1.0 / math.log2(place + 2) for place in places if place < k) / tied
    return recall, ndcg


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", [1, 5, 10, 100])
def test_metrics_equal_a_naive_loop(ties: bool, k: int) -> None:
    scores, target, seen = random_task(ties=ties)
    rank = rank_of_target(scores, target, seen)
    expected = np.array([naive(*row, k) for row in zip(scores, target, seen, strict=True)])
    np.testing.assert_allclose(recall_at_k(rank, k), expected[:, 0], rtol=1e-12)
    np.testing.assert_allclose(ndcg_at_k(rank, k), expected[:, 1], rtol=1e-12)


RANX = """
import json, sys
from ranx import Qrels, Run, evaluate
qrels, run = json.load(sys.stdin)
means = evaluate(Qrels(qrels), Run(run), ["recall@10", "ndcg@10"])
print(json.dumps({name: float(mean) for name, mean in means.items()}))
"""


def test_metrics_equal_ranx_without_ties() -> None:
    scores, target, seen = random_task(ties=False)
    rank = rank_of_target(scores, target, seen)
    qrels = {str(user): {str(item): 1} for user, item in enumerate(target)}
    run = {
        str(user): {str(item): float(row[item]) for item in range(40) if item not in set(seen[user].tolist())}
        for user, row in enumerate(scores)
    }
    # Without numba's compiler, which takes 30 s and can only be switched off for a whole process.
    answer = subprocess.run(
        [sys.executable, "-c", RANX],
        input=json.dumps([qrels, run]),
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    means = json.loads(answer.stdout)
    assert recall_at_k(rank, 10).mean() == pytest.approx(means["recall@10"], abs=1e-9)
    assert ndcg_at_k(rank, 10).mean() == pytest.approx(means["ndcg@10"], abs=1e-9)


def test_seen_items_do_not_count_even_with_infinite_scores() -> None:
    scores = np.array([[np.inf, 1.0, 2.0, -np.inf]], np.float32)
    rank = rank_of_target(scores, np.array([1]), [np.array([0])])
    assert (rank.better.tolist(), rank.tied.tolist()) == ([1], [1])


def test_scores_are_not_changed() -> None:
    scores, target, seen = random_task(ties=False)
    before = scores.copy()
    rank_of_target(scores, target, seen)
    assert np.array_equal(scores, before)


def test_constant_scores_earn_exactly_what_chance_does() -> None:
    rank = rank_of_target(np.zeros((1, 50), np.float32), np.array([49]), [np.arange(10)])
    assert recall_at_k(rank, 10).tolist() == [0.25]


def test_known_ranks_have_known_gains() -> None:
    rank = TargetRank(better=np.array([0, 1, 9, 10]), tied=np.array([1, 1, 1, 1]))
    assert recall_at_k(rank, 10).tolist() == [1, 1, 1, 0]
    np.testing.assert_allclose(ndcg_at_k(rank, 10), [1, 1 / math.log2(3), 1 / math.log2(11), 0])


def test_a_seen_target_is_refused() -> None:
    with pytest.raises(ValueError, match="target: received item 3, already seen"):
        rank_of_target(np.zeros((1, 5), np.float32), np.array([3]), [np.array([3, 4])])


def test_nan_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="scores: received NaN in row 1"):
        rank_of_target(np.array([[0.0, 1], [np.nan, 1]]), np.array([1, 1]), [np.array([], int)] * 2)


def test_the_paired_bootstrap_finds_a_constant_difference_exactly() -> None:
    a = np.random.default_rng(0).random(200)
    assert paired_bootstrap(a, a - 0.25, seed=1) == pytest.approx((0.25, 0.25, 0.25))


def test_the_paired_bootstrap_interval_is_the_normal_one() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.1, 1, 4000), np.zeros(4000)
    mean, low, high = paired_bootstrap(a, b, seed=5, samples=2000)
    half_width = 1.96 * a.std() / math.sqrt(4000)
    assert mean == pytest.approx(a.mean())
    assert (low, high) == pytest.approx((mean - half_width, mean + half_width), abs=0.1 * half_width)
    assert paired_bootstrap(a, b, seed=5, samples=2000) == (mean, low, high)


def test_the_paired_bootstrap_refuses_other_users() -> None:
    with pytest.raises(ValueError, match=r"received \(3,\) and \(2,\)"):
        paired_bootstrap(np.zeros(3), np.zeros(2), seed=0)
