"""Serves GraphSAGE with onnxruntime and numpy: a visitor is a user node whose neighbours are the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from recommender.ml.artifact import open_session, read_config, read_tensors
from recommender.ml.dataset import FloatArray, HistoryLike, IntArray
from recommender.ml.scorers import known_items


def recency_weight(rank: Any, half_life: float) -> Any:
    """0.5 ** (rank / half_life) for a numpy array or torch tensor of ranks; rank 0 is the newest item.

    Training and serving both weight a user's history by this one function.
    """
    return 0.5 ** (rank / half_life)


@dataclass(frozen=True, eq=False)
class GraphSAGEScorer:
    """item_vectors: (n_items, d + 1) float32, the last column an item's bias; user vectors end in 1.

    A score is the inner product of the two. representations: (n_items, layers × d) float32, what a user node
    receives from its items in each layer. item_tower is None when the model was trained without content.
    """

    item_vectors: FloatArray
    representations: FloatArray
    half_lives: tuple[float, ...]
    history_length: int
    user_tower: onnxruntime.InferenceSession
    item_tower: onnxruntime.InferenceSession | None
    kind: str = "graphsage"

    @property
    def n_items(self) -> int:
        return len(self.item_vectors)

    @classmethod
    def load(cls, directory: Path) -> GraphSAGEScorer:
        """Raises FileNotFoundError naming what is missing of the artifact."""
        directory = Path(directory)
        config = read_config(directory)
        return cls(
            item_vectors=read_tensors(directory, "item_vectors")["item_vectors"],
            representations=read_tensors(directory, "item_representations")["item_representations"],
            half_lives=tuple(config["half_lives"]),
            history_length=config["history_length"],
            user_tower=open_session(directory / "user_tower.onnx"),
            item_tower=open_session(directory / "item_tower.onnx") if config["content_dimensions"] else None,
        )

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """(B, n_items) float32; an empty history scores by what new visitors took first in training."""
        return self.user_vectors(histories) @ self.item_vectors.T

    def score_one(self, history: HistoryLike) -> FloatArray:
        """(n_items,) float32, without padding."""
        recent = np.asarray(known_items([history], self.n_items)[0][-self.history_length :], dtype=np.int64)
        inputs = {
            "representations": self.representations[recent][None],
            "weights": self._weights(np.array([len(recent)]), len(recent)),
        }
        return self.item_vectors @ self.user_tower.run(None, inputs)[0][0]

    def user_vectors(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """(B, d + 1) float32; the first d carry the learned temperature, the last is 1.

        Raises ValueError naming an unknown item index.
        """
        items = known_items(histories, self.n_items)
        recent = [np.asarray(history[-self.history_length :], dtype=np.int64) for history in items]
        lengths = np.array([len(items) for items in recent], dtype=np.int64)
        longest = int(lengths.max(initial=0))
        padded = np.zeros((len(recent), longest), np.int64)
        padded[np.arange(longest) < lengths[:, None]] = np.concatenate([*recent, lengths[:0]])
        inputs = {"representations": self.representations[padded], "weights": self._weights(lengths, longest)}
        return self.user_tower.run(None, inputs)[0]

    def embed_new_items(self, content: FloatArray, neighbours: IntArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Vectors (N, d + 1) and representations (N, layers × d) of items that were not in the graph.

        content: (N, D) float32, L2-normalised. neighbours: (N, k) int64, each new item's nearest known items
        by content, -1 for none; without them the content stands alone.
        Raises ValueError if the model was trained without content, a shape differs or a neighbour is unknown.
        """
        expected = self.item_tower.get_inputs()[0].shape[1] if self.item_tower else 0
        if self.item_tower is None or content.ndim != 2 or content.shape[1] != expected:
            raise ValueError(f"content: received shape {content.shape}, the model expects (N, {expected})")
        near = np.full((len(content), 0), -1) if neighbours is None else np.asarray(neighbours, dtype=np.int64)
        if near.ndim != 2 or len(near) != len(content):
            raise ValueError(f"neighbours: received shape {near.shape}, expected ({len(content)}, k)")
        unknown = near[(near < -1) | (near >= self.n_items)]
        if len(unknown):
            raise ValueError(f"neighbours: received item {unknown[0]}, expected -1 to {self.n_items - 1}")
        present = (near >= 0).astype(np.float32)
        inputs = {
            "content": np.asarray(content, np.float32),
            "representations": self.representations[near],
            "weights": (present / np.maximum(present.sum(axis=1, keepdims=True), 1))[:, None],
        }
        embedded = self.item_tower.run(None, inputs)[0]
        width = self.item_vectors.shape[1]
        return embedded[:, :width], embedded[:, width:]

    def vectors_from_content(self, content: FloatArray) -> FloatArray:
        """(N, D) content → (N, d + 1) item vectors for products added since training."""
        return self.embed_new_items(content)[0]

    def extended(self, content: FloatArray, neighbours: IntArray | None = None) -> GraphSAGEScorer:
        """The same model over a longer catalogue: new items follow the trained ones, placed by content."""
        vectors, representations = self.embed_new_items(content, neighbours)
        return replace(
            self,
            item_vectors=np.concatenate([self.item_vectors, vectors]),
            representations=np.concatenate([self.representations, representations]),
        )

    def _weights(self, lengths: IntArray, longest: int) -> FloatArray:
        """(B, half-lives, longest) float32, each row summing to 1 over its history and 0 behind it."""
        rank = lengths[:, None] - 1 - np.arange(longest)
        weights = np.stack([recency_weight(np.maximum(rank, 0), h) for h in self.half_lives], axis=1)
        weights = weights * (rank >= 0)[:, None]
        total = weights.sum(axis=2, keepdims=True)
        return (weights / np.where(total > 0, total, 1)).astype(np.float32)
