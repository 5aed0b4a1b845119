"""Serves a blend: the weighted evidence of several models, by how much is known of a shopper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recommender.ml.artifact import read_config
from recommender.ml.dataset import FloatArray, HistoryLike, IntArray
from recommender.ml.scorers import Scorer, known_items, load_scorer

SHARES = frozenset(
    {"popularity", "popularity_30d", "popularity_7d", "item_knn", "transition_knn", "gf_cf", "ease", "slist", "random"}
)
"""Kinds whose scores count something; of the others they are logits already, or cosines."""


@dataclass(frozen=True)
class Mixture:
    """What each component weighs for shoppers with at least `from_length` items in their history.

    weights: by component. smoothing: by component that counts, the share that stands for "never seen together".
    """

    from_length: int
    weights: Mapping[str, float]
    smoothing: Mapping[str, float]


def evidence(kind: str, scores: FloatArray) -> FloatArray:
    """(B, n_items) scores of one kind → what `log_evidence` takes: shares of each row's sum, or logits as they are."""
    if kind not in SHARES:
        return scores
    positive = np.maximum(scores, 0)
    return positive / np.maximum(positive.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)


def log_evidence(kind: str, values: FloatArray, smoothing: float) -> FloatArray:
    """Shares → log(share + smoothing); logits unchanged. Weighted sums of these are a product of experts."""
    return np.log(values + np.float32(smoothing)) if kind in SHARES else values


@dataclass(frozen=True, eq=False)
class BlendScorer:
    """components: the scorers by kind, all over the same items; mixtures: by ascending from_length, the first 0."""

    components: Mapping[str, Scorer]
    mixtures: Sequence[Mixture]
    kind: str = "blend"

    @property
    def n_items(self) -> int:
        return next(iter(self.components.values())).n_items

    @classmethod
    def load(cls, directory: Path) -> BlendScorer:
        """Opens the components that have a weight. Raises FileNotFoundError naming what is missing."""
        mixtures = [Mixture(**mixture) for mixture in read_config(directory)["mixtures"]]
        used = {kind: None for mixture in mixtures for kind in mixture.weights}
        return cls({kind: load_scorer(Path(directory) / "components" / kind) for kind in used}, mixtures)

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        lengths = np.array([len(items) for items in known_items(histories, self.n_items)], dtype=np.int64)
        scores = np.zeros((len(histories), self.n_items), np.float32)
        for mixture, rows in self._by_mixture(lengths):
            chosen = [histories[row] for row in rows]
            for kind, weight in mixture.weights.items():
                scores[rows] += weight * self._log_evidence(kind, mixture, self.components[kind].score(chosen))
        return scores

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self.score_and_contributions(history)[0]

    def score_and_contributions(self, history: HistoryLike) -> tuple[FloatArray, dict[str, FloatArray]]:
        """(n_items,) float32 scores, and how far each component lifts each item above an average one, by kind.

        Every component is asked once for both.
        """
        parts = self._parts(history)
        scores = sum(parts.values(), np.zeros(self.n_items, np.float32))
        return scores, {kind: part - part.mean() for kind, part in parts.items()}

    def extended(self, content: FloatArray) -> BlendScorer:
        return replace(self, components={kind: part.extended(content) for kind, part in self.components.items()})

    def _parts(self, history: HistoryLike) -> dict[str, FloatArray]:
        (items,) = known_items([history], self.n_items)
        ((mixture, _),) = self._by_mixture(np.array([len(items)]))
        return {
            kind: np.float32(weight)
            * self._log_evidence(kind, mixture, self.components[kind].score_one(history)[None])[0]
            for kind, weight in mixture.weights.items()
        }

    def _by_mixture(self, lengths: IntArray) -> list[tuple[Mixture, IntArray]]:
        """Each mixture with the rows it is for; mixtures without rows are left out."""
        place = np.searchsorted([mixture.from_length for mixture in self.mixtures], lengths, side="right") - 1
        return [(self.mixtures[number], np.flatnonzero(place == number)) for number in np.unique(place)]

    @staticmethod
    def _log_evidence(kind: str, mixture: Mixture, scores: FloatArray) -> FloatArray:
        return log_evidence(kind, evidence(kind, scores), mixture.smoothing.get(kind, 0.0))
