"""Serves a transition-kNN matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recommender.ml.artifact import read_config, read_tensors
from recommender.ml.dataset import FloatArray, HistoryLike, IntArray
from recommender.ml.scorers import known_items

# Popularity breaks ties and ranks what no transition reaches; smaller than any transition that matters.
FALLBACK_SCALE = 1e-6


@dataclass(frozen=True, eq=False)
class TransitionScorer:
    """Sums the rows of the history's items, the latest counting most.

    indptr (n_items + 1,) int64, indices (nnz,) int32, values (nnz,) float32: CSR, row = item left.
    popularity: (n_items,) float32 in [0, 1], all that an empty history gets.
    """

    indptr: IntArray
    indices: np.ndarray
    values: FloatArray
    popularity: FloatArray
    history_decay: float
    kind: str = "transition_knn"

    @property
    def n_items(self) -> int:
        return len(self.popularity)

    @classmethod
    def load(cls, directory: Path) -> TransitionScorer:
        tensors = read_tensors(directory, "transitions")
        return cls(
            indptr=tensors["indptr"],
            indices=tensors["indices"],
            values=tensors["values"],
            popularity=tensors["popularity"],
            history_decay=read_config(directory)["history_decay"],
        )

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        scores = np.empty((len(histories), self.n_items), np.float32)
        for row, history in enumerate(known_items(histories, self.n_items)):
            scores[row] = self._score(history)
        return scores

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self._score(known_items([history], self.n_items)[0])

    def extended(self, content: FloatArray) -> TransitionScorer:
        """New items come after nothing yet, and nothing after them."""
        added = len(content)
        return replace(
            self,
            indptr=np.append(self.indptr, np.full(added, self.indptr[-1])),
            popularity=np.append(self.popularity, np.zeros(added, np.float32)),
        )

    def _score(self, history: IntArray) -> FloatArray:
        # Beyond 64 steps back the default decay has nothing left to add.
        latest = history[-64:][::-1]
        rows = [slice(self.indptr[item], self.indptr[item + 1]) for item in latest]
        scores: np.ndarray = np.zeros(self.n_items)
        if rows:
            reached = np.concatenate([self.indices[row] for row in rows])
            decayed = [self.values[row] * self.history_decay**steps for steps, row in enumerate(rows)]
            scores = np.bincount(reached, weights=np.concatenate(decayed), minlength=self.n_items)
        return (scores + FALLBACK_SCALE * self.popularity).astype(np.float32)
