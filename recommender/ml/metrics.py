"""Full-ranking metrics of held-out items, one or several per user, exact under ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.ml.dataset import IntArray

PerUser = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TargetRank:
    """Where each of T targets stands among the items its user has not seen.

    better: (T,) int64, items scored strictly higher than the target.
    tied: (T,) int64 ≥ 1, items with the target's score, itself included.
    """

    better: IntArray
    tied: IntArray


def rank_of_target(scores: NDArray[np.floating], target: IntArray, seen: Sequence[IntArray]) -> TargetRank:
    """Ranks target[b] in scores[b], leaving out the items seen[b].

    scores: (B, n_items), not changed; target: (B,) item indexes; seen: B arrays of item indexes.
    Raises ValueError if a score is NaN or a target was already seen.
    """
    if scores.ndim != 2 or target.shape != scores.shape[:1] or len(seen) != len(scores):
        raise ValueError(f"scores, target, seen: received shapes {scores.shape}, {target.shape} and {len(seen)} rows")
    return rank_of_targets(scores, np.arange(len(scores)), target, seen)


def rank_of_targets(
    scores: NDArray[np.floating], row: IntArray, target: IntArray, seen: Sequence[IntArray]
) -> TargetRank:
    """Ranks target[t] in scores[row[t]], leaving out the items seen[row[t]] but not the row's other targets.

    scores: (B, n_items), not changed; row, target: (T,) with row ascending; seen: B arrays of item indexes.
    Raises ValueError if a score is NaN, row does not ascend, or a target was already seen.
    """
    if scores.ndim != 2 or row.shape != target.shape or len(seen) != len(scores):
        raise ValueError(
            f"scores, row, target, seen: received shapes {scores.shape}, {row.shape}, {target.shape} "
            f"and {len(seen)} rows"
        )
    if (np.diff(row) < 0).any():
        raise ValueError(f"row: received {row[1:][np.diff(row) < 0][0]} after a larger one, expected ascending rows")
    if np.isnan(scores).any():
        raise ValueError(f"scores: received NaN in row {int(np.isnan(scores).any(axis=1).argmax())}")
    candidate = unseen(seen, scores.shape[1])
    if not candidate[row, target].all():
        raise ValueError(f"target: received item {target[~candidate[row, target]][0]}, already seen")
    better, tied = np.empty(len(row), np.int64), np.empty(len(row), np.int64)
    place = np.arange(len(row)) - np.searchsorted(row, row)
    for turn in range(int(place.max(initial=-1)) + 1):  # the first target of every user, then the second, …
        now = np.flatnonzero(place == turn)
        who = row[now] if len(now) < len(scores) else slice(None)
        own = scores[row[now], target[now]][:, None]
        better[now] = ((scores[who] > own) & candidate[who]).sum(axis=1)
        tied[now] = ((scores[who] == own) & candidate[who]).sum(axis=1)
    return TargetRank(better=better, tied=tied)


def unseen(seen: Sequence[IntArray], n_items: int) -> NDArray[np.bool_]:
    """(B, n_items) bool: what may be shown to each of B users."""
    candidate = np.ones((len(seen), n_items), dtype=bool)
    items = np.concatenate([*seen, np.empty(0, np.int64)])
    candidate[np.repeat(np.arange(len(seen)), [len(items) for items in seen]), items] = False
    return candidate


def recall_at_k(rank: TargetRank, k: int) -> PerUser:
    """(T,) float64: the chance that the target is among the first k when ties break uniformly.

    An expectation rather than a tie-break by index, which would reward or punish the catalogue's order
    (McSherry and Najork 2008).
    """
    return np.clip((k - rank.better) / rank.tied, 0.0, 1.0)


def ndcg_at_k(rank: TargetRank, k: int) -> PerUser:
    """(T,) float64: expected 1 / log2(position + 1) of the target within the first k, else 0.

    With one relevant item the ideal DCG is 1, so this is NDCG.
    """
    gained = _ideal_gains(k)
    first = np.minimum(rank.better, k)
    after = np.minimum(rank.better + rank.tied, k)
    return (gained[after] - gained[first]) / rank.tied


@dataclass(frozen=True, eq=False)
class UserMetrics:
    """recall, ndcg (at k) and mrr (over the whole ranking): (B,) float64, one figure per user."""

    recall: PerUser
    ndcg: PerUser
    mrr: PerUser


def metrics_of_users(rank: TargetRank, row: IntArray, n_rows: int, k: int) -> UserMetrics:
    """The metrics of B = n_rows users from the ranks of their T targets; row: (T,), ascending, each user at least once.

    recall: expected share of the user's targets among the first k. ndcg: expected DCG over that of the targets all
    first. mrr: expected 1 / position of the first target. Raises ValueError for a user without a target.
    """
    targets = np.bincount(row, minlength=n_rows)
    if len(targets) != n_rows or not targets.all():
        raise ValueError(f"row: received {len(targets)} rows, some without a target, expected {n_rows}")
    ideal = _ideal_gains(k)[np.minimum(targets, k)]
    return UserMetrics(
        recall=np.bincount(row, recall_at_k(rank, k), n_rows) / targets,
        ndcg=np.bincount(row, ndcg_at_k(rank, k), n_rows) / ideal,
        mrr=_reciprocal_rank(rank, row, n_rows),
    )


def sampled_rank(rank: TargetRank, unseen: IntArray, negatives: int, generator: np.random.Generator) -> TargetRank:
    """Where each target stands among itself and `negatives` of the items its user has not seen, drawn uniformly.

    unseen: (T,) int64, how many items stood in the full ranking. How many of the drawn stand before the target is
    hypergeometric, so the draw needs the full rank alone. A user with fewer other items is ranked among all of them.
    Such figures depend on the number drawn and do not order models as full ranking does (Krichene and Rendle 2020).
    """
    others = unseen - 1
    drawn = np.minimum(negatives, others)
    better = generator.hypergeometric(rank.better, others - rank.better, drawn)
    worse = others - rank.better - (rank.tied - 1)
    tied = generator.hypergeometric(rank.tied - 1, worse, drawn - better)
    return TargetRank(better=better.astype(np.int64), tied=tied.astype(np.int64) + 1)


def paired_bootstrap(
    a: PerUser, b: PerUser, *, seed: int, samples: int = 1000, confidence: float = 0.95
) -> tuple[float, float, float]:
    """(mean difference a − b, low, high): percentile interval over resampled users.

    a, b: (U,) the same users in the same order. Raises ValueError if the shapes differ or U is 0.
    """
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(f"a, b: expected two equal (U,) arrays, received {a.shape} and {b.shape}")
    return paired_bootstrap_over_seeds(a[None], b[None], seed=seed, samples=samples, confidence=confidence)


def paired_bootstrap_over_seeds(
    a: PerUser, b: PerUser, *, seed: int, samples: int = 1000, confidence: float = 0.95
) -> tuple[float, float, float]:
    """(mean difference a − b, low, high): percentile interval over resampled users and, of each side, training seeds.

    a: (S, U), b: (S', U) the same users in the same order. Another training is another model: an interval over users
    alone would say how sure we are of these S models, not of the method. Raises ValueError if U differs or is 0.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not a.size or not b.size:
        raise ValueError(f"a, b: expected (S, U) arrays of the same users, received {a.shape} and {b.shape}")
    rng = np.random.default_rng(seed)
    n_users = a.shape[1]
    single = len(a) == len(b) == 1
    difference = a[0] - b[0]
    means = np.empty(samples)
    for sample in range(samples):
        users: IntArray = rng.integers(n_users, size=(n_users,))
        if single:
            means[sample] = difference[users].mean()
        else:
            means[sample] = _resampled(a, users, rng) - _resampled(b, users, rng)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(a.mean() - b.mean() if not single else difference.mean()), float(low), float(high)


def _resampled(values: PerUser, users: IntArray, rng: np.random.Generator) -> float:
    seeds = rng.integers(0, len(values), len(values))
    return float(values[seeds].mean(axis=0)[users].mean()) if len(values) > 1 else float(values[0, users].mean())


def _ideal_gains(k: int) -> PerUser:
    """(k + 1,) float64: the DCG of 0, 1, … k relevant items at the head of the list."""
    return np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))])


def _reciprocal_rank(rank: TargetRank, row: IntArray, n_rows: int) -> PerUser:
    """(B,) float64: expected 1 / position of the user's first target when ties break uniformly.

    Of t tied items of which m are targets the first target stands at offset j with chance C(t−1−j, m−1) / C(t, m).
    """
    first = np.full(n_rows, np.iinfo(np.int64).max)
    np.minimum.at(first, row, rank.better)
    leading = rank.better == first[row]
    tied = np.zeros(n_rows, np.int64)
    tied[row[leading]] = rank.tied[leading]
    several = np.bincount(row[leading], minlength=n_rows)
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, int((first + tied).max(initial=0)) + 1))])
    expected = (harmonic[first + tied] - harmonic[first]) / tied
    for user in np.flatnonzero(several > 1):
        t, m = int(tied[user]), int(several[user])
        offset = np.arange(t - m + 1)
        chance = m / t * np.cumprod(np.concatenate([[1.0], (t - offset[:-1] - m) / (t - 1 - offset[:-1])]))
        expected[user] = (chance / (first[user] + 1 + offset)).sum()
    return expected
