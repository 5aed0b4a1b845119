"""What a scorer is worth on unseen products and shoppers, per user, and how two of them compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fashionrec.benchmarks.coldstart_split import ColdStartSplit, Questions
from recommender.ml.dataset import FloatArray
from recommender.ml.metrics import PerUser, ndcg_at_k, paired_bootstrap, rank_of_target, recall_at_k
from recommender.ml.scorers import Scorer

K = 10

ScoresOf = Callable[[slice], FloatArray]
"""Rows of a set of questions → (B, items) scores."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Per user, (U,) float64 each, the same users in the same order for every model.

    ndcg, recall: unseen items in full ranking. among: ndcg of unseen items when only those are ranked.
    warm: ndcg of the held-out trained item when the trained items are ranked. warm_full: when all are.
    picks: ndcg of unseen users by what they revealed.
    """

    ndcg: PerUser
    recall: PerUser
    among: PerUser
    warm: PerUser
    warm_full: PerUser
    picks: dict[str, PerUser]

    @classmethod
    def mean(cls, found: Sequence[Measured]) -> Measured:
        """Over trainings."""
        columns = ("ndcg", "recall", "among", "warm", "warm_full")
        picks = {name: np.mean([one.picks[name] for one in found], axis=0) for name in found[0].picks}
        return cls(**{name: np.mean([getattr(one, name) for one in found], axis=0) for name in columns}, picks=picks)


def measure(scorer: Scorer, split: ColdStartSplit) -> Measured:
    """All figures of a scorer of the trained items."""
    extended = scorer.extended(split.new_content)
    ndcg, recall, among = about_items(extended, split)
    return Measured(
        ndcg=ndcg,
        recall=recall,
        among=among,
        warm=about_trained(scorer, split),
        warm_full=about_trained(extended, split),
        picks={name: _answers(scorer, questions)[0] for name, questions in split.cold_users.items()},
    )


def measure_oracle(utility: FloatArray, split: ColdStartSplit) -> Measured:
    """The same of whoever ranks by true utility, (n_users, n_items); nothing has to be revealed to them."""
    trained = split.warm.train.n_items

    def scores_of(questions: Questions, items: int) -> ScoresOf:
        return lambda rows: utility[questions.user[rows]][:, split.catalogue[:items]]

    everything = len(split.catalogue)
    ndcg, recall = per_user(scores_of(split.cold_items, everything), split.cold_items)
    return Measured(
        ndcg=ndcg,
        recall=recall,
        among=per_user(scores_of(split.cold_items, everything), split.cold_items, without_first=trained)[0],
        warm=per_user(scores_of(split.warm_items, trained), split.warm_items)[0],
        warm_full=per_user(scores_of(split.warm_items, everything), split.warm_items)[0],
        picks={
            name: per_user(scores_of(questions, trained), questions)[0] for name, questions in split.cold_users.items()
        },
    )


def about_items(extended: Scorer, split: ColdStartSplit) -> tuple[PerUser, PerUser, PerUser]:
    """(ndcg, recall, among) of the questions about unseen items."""
    trained = split.warm.train.n_items
    among, _ = _answers(extended, split.cold_items, without_first=trained)
    return (*_answers(extended, split.cold_items), among)


def about_trained(scorer: Scorer, split: ColdStartSplit) -> PerUser:
    """(U,) ndcg of the held-out trained items, among the items that the scorer has."""
    return _answers(scorer, split.warm_items)[0]


def _answers(scorer: Scorer, questions: Questions, *, without_first: int = 0) -> tuple[PerUser, PerUser]:
    return per_user(lambda rows: scorer.score(questions.histories[rows]), questions, without_first=without_first)


def per_user(
    scores_of: ScoresOf, questions: Questions, *, without_first: int = 0, batch: int = 512
) -> tuple[PerUser, PerUser]:
    """(ndcg, recall) at K of each user who is asked about, ascending: the mean over their questions.

    without_first: so many items at the catalogue's beginning are not ranked.
    """
    ndcg, recall = np.empty(len(questions.target)), np.empty(len(questions.target))
    for start in range(0, len(ndcg), batch):
        rows = slice(start, start + batch)
        scores = scores_of(rows)
        if without_first:
            scores = scores.copy()
            scores[:, :without_first] = -np.inf
        rank = rank_of_target(scores, questions.target[rows], questions.seen[rows])
        ndcg[rows], recall[rows] = ndcg_at_k(rank, K), recall_at_k(rank, K)
    _, user = np.unique(questions.user, return_inverse=True)
    count = np.bincount(user)
    return np.bincount(user, ndcg) / count, np.bincount(user, recall) / count


def row_of(found: Measured, peer: Measured, *, seed: int) -> dict[str, Any]:
    """Means of a model, and its differences from the peer with 95% intervals over resampled users."""
    means = {
        "ndcg@10": found.ndcg,
        "recall@10": found.recall,
        "ndcg@10_among_unseen": found.among,
        "ndcg@10_trained": found.warm,
        "ndcg@10_trained_full": found.warm_full,
        **{f"ndcg@10_picks_{name}": values for name, values in found.picks.items()},
    }
    row: dict[str, Any] = {name: round(float(values.mean()), 4) for name, values in means.items()}
    everything = float(found.picks["all"].mean())
    row["five_picks_share"] = round(float(found.picks["5"].mean()) / everything, 3) if everything else None
    row["over_peer"] = _difference(found.ndcg, peer.ndcg, seed=seed)
    row["over_peer_among_unseen"] = _difference(found.among, peer.among, seed=seed)
    return row


def relative_loss(found: PerUser, without: PerUser, *, seed: int) -> dict[str, float | None]:
    """Share of the mean of `without` that is lost, with its 95% interval over resampled users."""
    return _difference(without, found, seed=seed, of=float(without.mean()))


def gap_closed(row: dict[str, Any], floor: dict[str, Any], oracle: dict[str, Any]) -> float | None:
    """(model − popularity) / (oracle − popularity) on NDCG in full ranking."""
    room = oracle["ndcg@10"] - floor["ndcg@10"]
    return round((row["ndcg@10"] - floor["ndcg@10"]) / room, 3) if room else None


def _difference(a: PerUser, b: PerUser, *, seed: int, of: float | None = None) -> dict[str, float | None]:
    """a − b with its interval, and as a share of `of` (the mean of b)."""
    mean, low, high = paired_bootstrap(a, b, seed=seed)
    whole = float(b.mean()) if of is None else of
    found = {"mean": mean, "low": low, "high": high}
    shares = {"share": mean, "share_low": low, "share_high": high}
    return {
        **{name: round(value, 5) for name, value in found.items()},
        **{name: round(value / whole, 4) if whole else None for name, value in shares.items()},
    }
