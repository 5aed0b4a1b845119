"""Serves GF-CF: the linear filter as neighbours, the ideal low-pass filter as two thin products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np

from recommender.ml.artifact import read_config, read_tensors
from recommender.ml.dataset import FloatArray, HistoryLike
from recommender.ml.neighbour_scorer import NeighbourScorer, latest_first
from recommender.ml.scorers import known_items


@dataclass(frozen=True, eq=False)
class GFCFScorer(NeighbourScorer):
    """score = r R̃ᵀR̃ + α r D_I^-1/2 V Vᵀ D_I^1/2, r: the history's items.

    analysis, synthesis: (n_items, k) float32, D_I^-1/2 V and α D_I^1/2 V; zero rows for items nobody took.
    """

    analysis: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    synthesis: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @classmethod
    def load(cls, directory: Path) -> Self:
        tensors = read_tensors(directory, cls.TENSORS)
        root = np.sqrt(tensors["degree"])[:, None]
        inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
        return replace(
            super().load(directory),
            analysis=inverse * tensors["basis"],
            synthesis=np.float32(read_config(directory)["alpha"]) * root * tensors["basis"],
        )

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        scores = super().score(histories)
        profiles = np.zeros((len(histories), self.analysis.shape[1]), np.float32)
        for row, history in enumerate(known_items(histories, self.n_items)):
            items = latest_first(history, self.window)
            profiles[row] = self.history_decay ** np.arange(len(items)) @ self.analysis[items]
        scores += profiles @ self.synthesis.T
        return scores

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self.score([history])[0]

    def extended(self, content: FloatArray) -> Self:
        added = np.zeros((len(content), self.analysis.shape[1]), np.float32)
        return replace(
            super().extended(content),
            analysis=np.concatenate([self.analysis, added]),
            synthesis=np.concatenate([self.synthesis, added]),
        )
