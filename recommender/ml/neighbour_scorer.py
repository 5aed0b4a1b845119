"""Serves any model that is a sparse item × item matrix: item-kNN, transition-kNN, EASE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from recommender.ml.artifact import read_config, read_tensors
from recommender.ml.dataset import FloatArray, HistoryLike, IntArray
from recommender.ml.scorers import known_items

# Popularity breaks ties and ranks what no neighbour reaches; smaller than any entry that matters.
FALLBACK_SCALE = 1e-6


def latest_first(history: IntArray, window: int | None = None) -> IntArray:
    """Each item once, where it occurred last, newest → oldest; at most the `window` latest."""
    backwards = history[::-1]
    _, first = np.unique(backwards, return_index=True)
    return backwards[np.sort(first)][:window]


@dataclass(frozen=True, eq=False)
class NeighbourScorer:
    """Sums the matrix rows of the history's items, the latest counting most.

    indptr (n_items + 1,) int64, indices (nnz,) int32, values (nnz,) float32: CSR, row = item in the history.
    popularity: (n_items,) float32 in [0, 1], all that an empty history gets.
    history_decay: the i-th latest item counts decay ** i.
    window: at most this many of the latest items count; None: all.
    """

    indptr: IntArray
    indices: NDArray[np.int32]
    values: FloatArray
    popularity: FloatArray
    history_decay: float
    kind: str
    window: int | None = None
    TENSORS: ClassVar[str] = "neighbours"

    @property
    def n_items(self) -> int:
        return len(self.popularity)

    @classmethod
    def load(cls, directory: Path) -> Self:
        tensors = read_tensors(directory, cls.TENSORS)
        config = read_config(directory)
        return cls(
            indptr=tensors["indptr"],
            indices=tensors["indices"],
            values=tensors["values"],
            popularity=tensors["popularity"],
            history_decay=config["history_decay"],
            kind=config["kind"],
            window=config.get("window", cls.window),
        )

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        scores = np.empty((len(histories), self.n_items), np.float32)
        for row, history in enumerate(known_items(histories, self.n_items)):
            scores[row] = self._score(history)
        return scores

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self._score(known_items([history], self.n_items)[0])

    def extended(self, content: FloatArray) -> Self:
        """New items have no neighbours yet, and are nobody's."""
        added = len(content)
        return replace(
            self,
            indptr=np.append(self.indptr, np.full(added, self.indptr[-1])),
            popularity=np.append(self.popularity, np.zeros(added, np.float32)),
        )

    def _score(self, history: IntArray) -> FloatArray:
        rows = [slice(self.indptr[item], self.indptr[item + 1]) for item in latest_first(history, self.window)]
        scores: np.ndarray = np.zeros(self.n_items)
        if rows:
            reached = np.concatenate([self.indices[row] for row in rows])
            decayed = [self.values[row] * self.history_decay**steps for steps, row in enumerate(rows)]
            scores = np.bincount(reached, weights=np.concatenate(decayed), minlength=self.n_items)
        return (scores + FALLBACK_SCALE * self.popularity).astype(np.float32)
