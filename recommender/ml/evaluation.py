"""Full-ranking evaluation of anything that scores histories, and paired comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from recommender.ml.beyond_accuracy import ListFigures, first_k, list_figures
from recommender.ml.dataset import FloatArray, HistoryLike, IntArray, item_histories
from recommender.ml.metrics import (
    PerUser,
    TargetRank,
    metrics_of_users,
    paired_bootstrap,
    rank_of_targets,
    recall_at_k,
    sampled_rank,
)
from recommender.ml.split import HeldOut, Part


class ScoresHistories(Protocol):
    """All that evaluation needs: score(histories) -> (B, n_items)."""

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray: ...


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics of one scorer on one part of a split, of U users with T targets in all.

    users: (U,) int64, who was evaluated. recall, ndcg: (U,) float64 at k. mrr: (U,) float64, over the whole ranking.
    shown: (U, k) int64, the list each user would see, −1 where nothing is left. history_length: (U,) int64.
    row: (T,) int64, each target's place in users; rank: of the targets; unseen: (U,) int64, how many items were ranked.
    """

    part: Part
    k: int
    users: IntArray
    recall: PerUser
    ndcg: PerUser
    mrr: PerUser
    shown: IntArray
    history_length: IntArray
    row: IntArray
    rank: TargetRank
    unseen: IntArray

    @property
    def mean_recall(self) -> float:
        return float(self.recall.mean())

    @property
    def mean_ndcg(self) -> float:
        return float(self.ndcg.mean())

    @property
    def mean_mrr(self) -> float:
        return float(self.mrr.mean())

    def recall_of_sampled(self, negatives: int, *, seed: int) -> PerUser:
        """(U,) float64: recall at k where every target stands among `negatives` drawn items instead of all."""
        generator = np.random.default_rng(seed)
        among = sampled_rank(self.rank, self.unseen[self.row], negatives, generator)
        targets = np.bincount(self.row, minlength=len(self.users))
        return np.bincount(self.row, recall_at_k(among, self.k), len(self.users)) / targets


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
    scorer: ScoresHistories, split: HeldOut, *, part: Part = "test", k: int = 10, batch: int = 256
) -> Evaluation:
    """Ranks every held-out item among all items its user has not seen; never sampled.

    The scorer was trained on split.train; the split says what it knows of each user. Raises ValueError if the part
    is empty.
    """
    prepared: ScoresHistories = split.prepared(scorer)  # type: ignore[arg-type]  # a longer catalogue needs a Scorer
    histories = split.histories(part)
    return evaluate_scores(lambda rows: prepared.score(histories[rows]), split, part=part, k=k, batch=batch)


def evaluate_scores(
    scores_of: Callable[[slice], FloatArray], split: HeldOut, *, part: Part = "test", k: int = 10, batch: int = 256
) -> Evaluation:
    """The same for what needs no history: scores_of(rows) -> (B, n_items) of the users `rows` of those evaluated."""
    user, target = split.targets(part)
    if not len(user):
        raise ValueError(f"part: received {part!r}, which holds out no user's item")
    users, row = np.unique(user, return_inverse=True)
    seen = item_histories(split.histories(part))
    better, tied = np.empty(len(target), np.int64), np.empty(len(target), np.int64)
    unseen = np.empty(len(users), np.int64)
    shown = np.empty((len(users), k), np.int64)
    for start in range(0, len(users), batch):
        rows = slice(start, start + batch)
        held = slice(*np.searchsorted(row, [start, start + batch]))
        scores = scores_of(rows)
        rank = rank_of_targets(scores, row[held] - start, target[held], seen[rows])
        better[held], tied[held] = rank.better, rank.tied
        shown[rows] = first_k(scores, seen[rows], k)
        unseen[rows] = [scores.shape[1] - len(np.unique(items)) for items in seen[rows]]
    rank = TargetRank(better=better, tied=tied)
    metrics = metrics_of_users(rank, row, len(users), k)
    return Evaluation(
        part=part, k=k, users=users, recall=metrics.recall, ndcg=metrics.ndcg, mrr=metrics.mrr, shown=shown,
        history_length=np.array([len(items) for items in seen]), row=row, rank=rank, unseen=unseen,
    )  # fmt: skip


def lists_of(evaluation: Evaluation, split: HeldOut) -> ListFigures:
    """What the evaluated users' lists are like, popularity being that of the training events."""
    catalogue = split.catalogue
    return list_figures(
        evaluation.shown,
        split.seen(evaluation.part),
        popularity=catalogue.popularity(),
        content=catalogue.content,
        category=catalogue.groups.get("category"),
    )


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
