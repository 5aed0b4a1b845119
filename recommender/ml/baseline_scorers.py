"""Scorers that learn nothing or only counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recommender.ml.artifact import read_config, read_tensors
from recommender.ml.dataset import FloatArray, HistoryLike
from recommender.ml.scorers import known_items


@dataclass(frozen=True)
class RandomScorer:
    """Uniform scores in [0, 1), the same for the same seed and history."""

    n_items: int
    seed: int
    kind: str = "random"

    @classmethod
    def load(cls, directory: Path) -> RandomScorer:
        config = read_config(directory)
        return cls(n_items=config["n_items"], seed=config["seed"])

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        scores = np.empty((len(histories), self.n_items), np.float32)
        for row, history in enumerate(known_items(histories, self.n_items)):
            # Seeded by the whole history: the length first, so that [] and [0] differ.
            rng = np.random.default_rng([self.seed, len(history), *map(int, history)])
            rng.random(dtype=np.float32, out=scores[row])
        return scores

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self.score([history])[0]

    def extended(self, content: FloatArray) -> RandomScorer:
        return replace(self, n_items=self.n_items + len(content))


@dataclass(frozen=True, eq=False)
class PopularityScorer:
    """Everyone gets the item counts. counts: (n_items,) float32, of all events or of the latest."""

    counts: FloatArray
    kind: str = "popularity"

    @property
    def n_items(self) -> int:
        return len(self.counts)

    @classmethod
    def load(cls, directory: Path) -> PopularityScorer:
        return cls(counts=read_tensors(directory, "popularity")["counts"], kind=read_config(directory)["kind"])

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        known_items(histories, self.n_items)
        return np.repeat(self.counts[None], len(histories), axis=0)

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self.score([history])[0]

    def extended(self, content: FloatArray) -> PopularityScorer:
        return replace(self, counts=np.concatenate([self.counts, np.zeros(len(content), np.float32)]))
