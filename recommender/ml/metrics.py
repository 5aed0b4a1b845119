"""Full-ranking metrics for one held-out item per user, exact under ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.ml.dataset import IntArray

PerUser = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TargetRank:
    """Where each target stands among the items its user has not seen.

    better: (B,) int64, items scored strictly higher than the target.
    tied: (B,) int64 ≥ 1, items with the target's score, itself included.
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
    if np.isnan(scores).any():
        raise ValueError(f"scores: received NaN in row {int(np.isnan(scores).any(axis=1).argmax())}")
    rows = np.arange(len(scores))
    candidate = np.ones(scores.shape, dtype=bool)
    candidate[np.repeat(rows, [len(items) for items in seen]), np.concatenate([*seen, target[:0]])] = False
    if not candidate[rows, target].all():
        raise ValueError(f"target: received item {target[~candidate[rows, target]][0]}, already seen")
    own = scores[rows, target][:, None]
    return TargetRank(
        better=((scores > own) & candidate).sum(axis=1),
        tied=((scores == own) & candidate).sum(axis=1),
    )


def recall_at_k(rank: TargetRank, k: int) -> PerUser:
    """(B,) float64: the chance that the target is among the first k when ties break uniformly.

    An expectation rather than a tie-break by index, which would reward or punish the catalogue's order
    (McSherry and Najork 2008).
    """
    return np.clip((k - rank.better) / rank.tied, 0.0, 1.0)


def ndcg_at_k(rank: TargetRank, k: int) -> PerUser:
    """(B,) float64: expected 1 / log2(position + 1) of the target within the first k, else 0.

    With one relevant item the ideal DCG is 1, so this is NDCG.
    """
    gained = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, k + 2)))])
    first = np.minimum(rank.better, k)
    after = np.minimum(rank.better + rank.tied, k)
    return (gained[after] - gained[first]) / rank.tied


def paired_bootstrap(
    a: PerUser, b: PerUser, *, seed: int, samples: int = 1000, confidence: float = 0.95
) -> tuple[float, float, float]:
    """(mean difference a − b, low, high): percentile interval over resampled users.

    a, b: (U,) the same users in the same order. Raises ValueError if the shapes differ or U is 0.
    """
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(f"a, b: expected two equal (U,) arrays, received {a.shape} and {b.shape}")
    difference = a - b
    rng = np.random.default_rng(seed)
    means = [difference[rng.integers(0, len(a), len(a))].mean() for _ in range(samples)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(difference.mean()), float(low), float(high)
