import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from recommender.ml.metrics import (
    TargetRank,
    UserMetrics,
    metrics_of_users,
    ndcg_at_k,
    paired_bootstrap,
    paired_bootstrap_over_seeds,
    rank_of_target,
    rank_of_targets,
    recall_at_k,
    sampled_rank,
)


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
means = evaluate(Qrels(qrels), Run(run), ["recall@10", "ndcg@10", "mrr"])
print(json.dumps({name: float(mean) for name, mean in means.items()}))
"""


def by_ranx(qrels: dict, run: dict) -> dict[str, float]:
    # Without numba's compiler, which takes 30 s and can only be switched off for a whole process.
    answer = subprocess.run(
        [sys.executable, "-c", RANX],
        input=json.dumps([qrels, run]),
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout)


def test_metrics_equal_ranx_without_ties_for_one_and_for_several_targets() -> None:
    scores, target, seen = random_task(ties=False)
    many_scores, row, many_targets, many_seen = several_targets(ties=False)
    tasks = [(scores, np.arange(60), target, seen), (many_scores, row, many_targets, many_seen)]
    found: list[UserMetrics] = []
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for number, (table, rows, targets, known) in enumerate(tasks):
        found.append(metrics_of_users(rank_of_targets(table, rows, targets, known), rows, 60, 10))
        for user, line in enumerate(table):
            left = set(range(len(line))) - set(known[user].tolist())
            qrels[f"{number}-{user}"] = {str(item): 1 for item in targets[rows == user]}
            run[f"{number}-{user}"] = {str(item): float(line[item]) for item in left}
    means = by_ranx(qrels, run)
    for name in ("recall", "ndcg", "mrr"):
        ours = np.concatenate([getattr(metrics, name) for metrics in found]).mean()
        assert ours == pytest.approx(means["mrr" if name == "mrr" else f"{name}@10"], abs=1e-9)


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


def several_targets(*, ties: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """Sixty users with one to five targets each: scores, row, target, seen."""
    rng = np.random.default_rng(8)
    scores = rng.normal(size=(60, 25)).astype(np.float32)
    if ties:
        scores = np.round(scores)
    orders = [rng.permutation(25) for _ in scores]
    counts = rng.integers(1, 6, 60)
    targets = [order[:count] for order, count in zip(orders, counts, strict=True)]
    seen = [order[5 : 5 + rng.integers(0, 8)] for order in orders]
    return scores, np.repeat(np.arange(60), counts), np.concatenate(targets), seen


def test_metrics_of_several_targets_equal_the_mean_over_random_orders_of_the_ties() -> None:
    scores, row, target, seen = several_targets(ties=True)
    found = metrics_of_users(rank_of_targets(scores, row, target, seen), row, 60, 5)
    rng = np.random.default_rng(0)
    for user in range(0, 60, 6):
        left = np.setdiff1d(np.arange(25), seen[user])
        wanted = np.isin(left, target[row == user])
        draws = []
        for _ in range(1500):
            order = np.lexsort((rng.random(len(left)), -scores[user, left]))
            hits = np.flatnonzero(wanted[order])
            gain = (1 / np.log2(hits[hits < 5] + 2)).sum()
            ideal = (1 / np.log2(np.arange(min(5, len(hits))) + 2)).sum()
            draws.append([(hits < 5).mean(), gain / ideal, 1 / (hits[0] + 1)])
        np.testing.assert_allclose(
            [found.recall[user], found.ndcg[user], found.mrr[user]], np.mean(draws, axis=0), atol=0.03
        )


def test_several_targets_without_ties_equal_a_naive_loop() -> None:
    scores, row, target, seen = several_targets(ties=False)
    found = metrics_of_users(rank_of_targets(scores, row, target, seen), row, 60, 5)
    for user in range(60):
        left = sorted(set(range(25)) - set(seen[user].tolist()), key=lambda item: -scores[user, item])
        hits = [place for place, item in enumerate(left) if item in set(target[row == user].tolist())]
        ideal = sum(1 / math.log2(place + 2) for place in range(min(5, len(hits))))
        assert found.recall[user] == pytest.approx(sum(place < 5 for place in hits) / len(hits))
        assert found.ndcg[user] == pytest.approx(sum(1 / math.log2(p + 2) for p in hits if p < 5) / ideal)
        assert found.mrr[user] == pytest.approx(1 / (hits[0] + 1))


def test_one_target_per_user_is_the_same_either_way() -> None:
    scores, target, seen = random_task(ties=True)
    rank = rank_of_target(scores, target, seen)
    found = metrics_of_users(rank, np.arange(60), 60, 10)
    np.testing.assert_allclose(found.recall, recall_at_k(rank, 10))
    np.testing.assert_allclose(found.ndcg, ndcg_at_k(rank, 10))


def test_the_first_target_of_a_user_is_one_when_it_leads_and_never_twice() -> None:
    rank = TargetRank(better=np.array([0, 3, 1, 0, 0]), tied=np.array([1, 1, 2, 3, 3]))
    found = metrics_of_users(rank, np.array([0, 0, 1, 2, 2]), 3, 10)
    # The last user's two targets are among three tied items: the first of them stands first with chance 2/3.
    np.testing.assert_allclose(found.mrr, [1, (1 / 2 + 1 / 3) / 2, 2 / 3 + 1 / 3 / 2])


def test_rows_that_do_not_ascend_or_have_no_target_are_refused() -> None:
    scores, seen = np.zeros((2, 4), np.float32), [np.empty(0, np.int64)] * 2
    with pytest.raises(ValueError, match="row: received 0 after a larger one"):
        rank_of_targets(scores, np.array([1, 0]), np.array([1, 1]), seen)
    rank = rank_of_targets(scores, np.array([1]), np.array([1]), seen)
    with pytest.raises(ValueError, match="row: received 2 rows, some without a target"):
        metrics_of_users(rank, np.array([1]), 2, 10)


def test_ranking_among_sampled_items_equals_really_sampling_them() -> None:
    rng = np.random.default_rng(2)
    scores = np.round(rng.normal(size=(1, 60)), 1).astype(np.float32)
    rank = rank_of_target(scores, np.array([7]), [np.arange(50, 55)])
    many = 4000
    repeated = TargetRank(better=np.repeat(rank.better, many), tied=np.repeat(rank.tied, many))
    drawn = sampled_rank(repeated, np.full(many, 55), 20, np.random.default_rng(1))
    others = np.setdiff1d(np.arange(60), [7, *range(50, 55)])
    sampled = np.array([rng.choice(scores[0, others], 20, replace=False) for _ in range(many)])
    better, tied = (sampled > scores[0, 7]).sum(1), (sampled == scores[0, 7]).sum(1) + 1
    assert drawn.better.mean() == pytest.approx(better.mean(), abs=0.1)
    assert drawn.better.std() == pytest.approx(better.std(), rel=0.05)
    assert drawn.tied.mean() == pytest.approx(tied.mean(), abs=0.05)
    expected = recall_at_k(TargetRank(better=better, tied=tied), 5).mean()
    assert recall_at_k(drawn, 5).mean() == pytest.approx(expected, abs=0.03)


def test_a_user_with_fewer_other_items_is_ranked_among_all_of_them() -> None:
    rank = TargetRank(better=np.array([3]), tied=np.array([2]))
    drawn = sampled_rank(rank, np.array([9]), 100, np.random.default_rng(0))
    assert (drawn.better.tolist(), drawn.tied.tolist()) == ([3], [2])


def test_an_interval_over_training_seeds_is_wider_than_one_over_users_alone() -> None:
    rng = np.random.default_rng(1)
    users = rng.normal(0.2, 0.1, 500)
    a = users + rng.normal(0, 0.05, (5, 1))
    b = np.zeros((1, 500))
    mean, low, high = paired_bootstrap_over_seeds(a, b, seed=3)
    _, low_users, high_users = paired_bootstrap(a.mean(axis=0), b[0], seed=3)
    assert mean == pytest.approx(a.mean())
    assert high - low > 2 * (high_users - low_users)
    assert paired_bootstrap_over_seeds(a, b, seed=3) == (mean, low, high)
    with pytest.raises(ValueError, match=r"received \(5, 500\) and \(1, 499\)"):
        paired_bootstrap_over_seeds(a, b[:, 1:], seed=3)
