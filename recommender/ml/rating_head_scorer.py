"""Serves the rating head beside its towers with numpy: what a shopper would say of each item, −1 or 1 to 10."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.ml.artifact import read_tensors
from recommender.ml.dataset import FloatArray
from recommender.ml.ratings import LABELS

FILE = "rating_head"
"""Name of the tensors in the folder of their two-tower model."""


@dataclass(frozen=True, eq=False)
class RatingHead:
    """hidden: (3 d + 2, H) and (H,); output: (H, 11) and (11,), all float32.

    tilt: log-odds of a label per point that it lies higher and per point of bias.
    item_bias: (n_items,) float32, points above the mean of what raters gave an item; 0 where nobody rated it.
    """

    hidden_weight: FloatArray
    hidden_bias: FloatArray
    output_weight: FloatArray
    output_bias: FloatArray
    tilt: float
    item_bias: FloatArray

    @classmethod
    def load(cls, directory: Path) -> RatingHead | None:
        """The head in a two-tower model's folder; None where that was trained without ratings."""
        if not (Path(directory) / f"{FILE}.safetensors").exists():
            return None
        tensors = read_tensors(Path(directory), FILE)
        return cls(**{**tensors, "tilt": tensors["tilt"].item()})

    def distributions(self, user_vector: FloatArray, item_vectors: FloatArray, *, user_bias: float = 0.0) -> FloatArray:
        """(N, 11) float32 over LABELS for each of N items, the trained ones first.

        user_vector: (d,), item_vectors: (N, d) of the two-tower model's scorer; user_bias: points by which this rater
        is known to lie above others.
        """
        count = len(item_vectors)
        item_bias = np.zeros(count, np.float32)
        trained = min(count, len(self.item_bias))
        item_bias[:trained] = self.item_bias[:trained]
        users = np.broadcast_to(user_vector, item_vectors.shape)
        bias = np.stack([np.full(count, user_bias, np.float32), item_bias], axis=1)
        hidden = np.maximum(head_inputs(users, item_vectors, bias) @ self.hidden_weight + self.hidden_bias, 0)
        labels = np.array(LABELS, dtype=np.float32)
        logits = hidden @ self.output_weight + self.output_bias + self.tilt * bias.sum(axis=1)[:, None] * labels
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def expectations(self, user_vector: FloatArray, item_vectors: FloatArray, *, user_bias: float = 0.0) -> FloatArray:
        """(N,) float32, the expected rating of each item."""
        labels = np.array(LABELS, dtype=np.float32)
        return self.distributions(user_vector, item_vectors, user_bias=user_bias) @ labels


def head_inputs(users: FloatArray, items: FloatArray, bias: FloatArray) -> FloatArray:
    """(N, 3 d + 2) float32: both vectors at length 1, their product by component, and the two biases."""
    user, item = _unit(users), _unit(items)
    return np.concatenate([user, item, user * item * np.sqrt(user.shape[1]), bias], axis=1).astype(np.float32)


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
