"""Serves LightGCN: two stored tables, a sum over the history, one matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recommender.ml.artifact import read_tensors
from recommender.ml.dataset import FloatArray, HistoryLike
from recommender.ml.neighbour_scorer import FALLBACK_SCALE, latest_first
from recommender.ml.scorers import known_items


@dataclass(frozen=True, eq=False)
class LightGCNScorer:
    """representations, item_vectors: (n_items, d) float32; a score is the inner product of the user vector with the
    latter, whose length carries the learned temperature.

    history_projection, item_projection: (D, d) float32, content of new items → rows of the two tables; D may be 0.
    popularity: (n_items,) float32 in [0, 1], all that an empty history gets.
    """

    representations: FloatArray
    item_vectors: FloatArray
    history_projection: FloatArray
    item_projection: FloatArray
    popularity: FloatArray
    kind: str = "lightgcn"

    @property
    def n_items(self) -> int:
        return len(self.item_vectors)

    @classmethod
    def load(cls, directory: Path) -> LightGCNScorer:
        tensors = read_tensors(directory, "item_vectors")
        return cls(
            representations=tensors["representations"],
            item_vectors=tensors["item_vectors"],
            history_projection=tensors["history_projection"],
            item_projection=tensors["item_projection"],
            popularity=tensors["popularity"],
        )

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        return self.user_vectors(histories) @ self.item_vectors.T + FALLBACK_SCALE * self.popularity

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self.score([history])[0]

    def user_vectors(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """(B, d) float32, L2-normalised, zero for an empty history."""
        summed = np.zeros((len(histories), self.representations.shape[1]), np.float32)
        for row, history in enumerate(known_items(histories, self.n_items)):
            summed[row] = self.representations[latest_first(history)].sum(axis=0)
        return summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12)

    def extended(self, content: FloatArray) -> LightGCNScorer:
        """New items are placed by content; without any they get the mean item's vector, so average scores."""
        if content.ndim != 2 or (len(self.item_projection) and content.shape[1] != len(self.item_projection)):
            raise ValueError(f"content: expected (N, {len(self.item_projection)}), received {content.shape}")
        added = np.zeros((2, len(content), self.item_vectors.shape[1]), np.float32)
        if len(self.item_projection):
            added = np.stack([content @ self.history_projection, content @ self.item_projection])
        length = np.linalg.norm(added[1], axis=1, keepdims=True)
        scale = np.linalg.norm(self.item_vectors, axis=1).max(initial=0.0)
        placed = scale * added[1] / np.maximum(length, 1e-12)
        vectors = np.where(length > 1e-12, placed, self.item_vectors.mean(axis=0))
        return replace(
            self,
            representations=np.concatenate([self.representations, added[0]]),
            item_vectors=np.concatenate([self.item_vectors, vectors.astype(np.float32)]),
            popularity=np.append(self.popularity, np.zeros(len(content), np.float32)),
        )
