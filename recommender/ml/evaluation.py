"""Full-ranking evaluation of anything that scores histories, and paired comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from recommender.ml.dataset import FloatArray, HistoryLike, IntArray, item_histories
from recommender.ml.metrics import PerUser, ndcg_at_k, paired_bootstrap, rank_of_target, recall_at_k
from recommender.ml.split import Part, Split


class ScoresHistories(Protocol):
    """All that evaluation needs: score(histories) -> (B, n_items)."""

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray: ...


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics of one scorer on one part of a split.

    users: (U',) int64, who was evaluated. recall, ndcg: (U',) float64 at k, one held-out item each.
    """

    part: Part
    k: int
    users: IntArray
    recall: PerUser
    ndcg: PerUser

    @property
    def mean_recall(self) -> float:
        return float(self.recall.mean())

    @property
    def mean_ndcg(self) -> float:
        return float(self.ndcg.mean())


@dataclass(frozen=True)
class Difference:
    """Mean paired difference to the baseline with its 95% bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    recall: Difference
    ndcg: Difference


def evaluate(
    scorer: ScoresHistories, split: Split, *, part: Part = "test", k: int = 10, batch: int = 256
) -> Evaluation:
    """Ranks every held-out item among all items its user has not seen; never sampled.

    The history is the training events, for the test also the validation item. Raises ValueError if the
    part is empty.
    """
    users, target = split.targets(part)
    if not len(users):
        raise ValueError(f"part: received {part!r}, which holds out no user's item")
    histories = split.histories(part)
    recall, ndcg = np.empty(len(users)), np.empty(len(users))
    for start in range(0, len(users), batch):
        rows = slice(start, start + batch)
        rank = rank_of_target(scorer.score(histories[rows]), target[rows], item_histories(histories[rows]))
        recall[rows] = recall_at_k(rank, k)
        ndcg[rows] = ndcg_at_k(rank, k)
    return Evaluation(part=part, k=k, users=users, recall=recall, ndcg=ndcg)


def compare(
    evaluations: Mapping[str, Evaluation], *, baseline: str = "popularity", seed: int, samples: int = 1000
) -> dict[str, Comparison]:
    """Each other evaluation minus the baseline, paired by user.

    Raises ValueError if the baseline is missing or an evaluation is of other users, part or k.
    """
    if baseline not in evaluations:
        raise ValueError(f"baseline: received {baseline!r}, expected one of {', '.join(evaluations)}")
    base = evaluations[baseline]
    compared = {}
    for name, other in evaluations.items():
        if name == baseline:
            continue
        if (other.part, other.k) != (base.part, base.k) or not np.array_equal(other.users, base.users):
            raise ValueError(f"evaluations: {name!r} and {baseline!r} are not of the same users, part and k")
        compared[name] = Comparison(
            recall=Difference(*paired_bootstrap(other.recall, base.recall, seed=seed, samples=samples)),
            ndcg=Difference(*paired_bootstrap(other.ndcg, base.ndcg, seed=seed, samples=samples)),
        )
    return compared
