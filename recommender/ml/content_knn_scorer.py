"""Serves content-kNN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recommender.ml.artifact import read_config, read_tensors
from recommender.ml.dataset import FloatArray, HistoryLike
from recommender.ml.neighbour_scorer import FALLBACK_SCALE, latest_first
from recommender.ml.scorers import known_items


@dataclass(frozen=True, eq=False)
class ContentKNNScorer:
    """Inner product with the recency-weighted mean of the history's content; items without content add nothing.

    content: (n_items, D) float32, L2-normalised to float16's precision, zero rows where an item has none; D may be 0.
    popularity: (n_items,) float32 in [0, 1], all that a history without content gets.
    """

    content: FloatArray
    popularity: FloatArray
    history_decay: float
    kind: str = "content_knn"

    @property
    def n_items(self) -> int:
        return len(self.popularity)

    @classmethod
    def load(cls, directory: Path) -> ContentKNNScorer:
        tensors = read_tensors(directory, "content")
        return cls(
            content=tensors["content"].astype(np.float32),
            popularity=tensors["popularity"],
            history_decay=read_config(directory)["history_decay"],
        )

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        profiles = np.zeros((len(histories), self.content.shape[1]), np.float32)
        for row, history in enumerate(known_items(histories, self.n_items)):
            items = latest_first(history)
            items = items[self.content[items].any(axis=1)]
            weight = self.history_decay ** np.arange(len(items))
            profiles[row] = weight @ self.content[items] / max(weight.sum(), 1e-12)
        return profiles @ self.content.T + FALLBACK_SCALE * self.popularity

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self.score([history])[0]

    def extended(self, content: FloatArray) -> ContentKNNScorer:
        if content.ndim != 2 or content.shape[1] != self.content.shape[1]:
            raise ValueError(f"content: expected (N, {self.content.shape[1]}), received {content.shape}")
        return replace(
            self,
            content=np.concatenate([self.content, content.astype(np.float32)]),
            popularity=np.append(self.popularity, np.zeros(len(content), np.float32)),
        )
