"""Serves DropoutNet with onnxruntime and numpy: a visitor's latents are folded in from their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime

from recommender.ml.artifact import open_session, read_config, read_tensors
from recommender.ml.dataset import FloatArray, HistoryLike
from recommender.ml.factorisation import mean_rows, scaled_content, solve_factors
from recommender.ml.scorers import known_items


@dataclass(frozen=True, eq=False)
class DropoutNetScorer:
    """vectors: (n_items, d) float32, a score is the inner product with the user network's output.

    latents: (n_items, k) float32 factors, zeros for items added since. features: (n_items, D) float32, content as
    the networks read it; centre (D,) and spread make it. mean_weight: what a history item weighs in the fold-in.
    """

    vectors: FloatArray
    latents: FloatArray
    features: FloatArray
    centre: FloatArray
    spread: float
    user_scale: float
    mean_weight: float
    confidence: float
    latent_reg: float
    user_network: onnxruntime.InferenceSession
    item_network: onnxruntime.InferenceSession
    kind: str = "dropoutnet"

    @property
    def n_items(self) -> int:
        return len(self.vectors)

    @classmethod
    def load(cls, directory: Path) -> DropoutNetScorer:
        """Raises FileNotFoundError naming what is missing of the artifact."""
        directory = Path(directory)
        config, items = read_config(directory), read_tensors(directory, "items")
        return cls(
            vectors=items["vectors"],
            latents=items["latents"],
            features=items["features"],
            centre=items["centre"],
            spread=float(items["spread"][0]),
            user_scale=config["user_scale"],
            mean_weight=config["mean_weight"],
            confidence=config["confidence"],
            latent_reg=config["latent_reg"],
            user_network=open_session(directory / "user_network.onnx"),
            item_network=open_session(directory / "item_network.onnx"),
        )

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        return self.user_vectors(histories) @ self.vectors.T

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self.vectors @ self.user_vectors([history])[0]

    def user_vectors(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """(B, d) float32: the half-step of the factorisation for each history, and the mean of its content."""
        taken = [np.unique(items) for items in known_items(histories, self.n_items)]
        weights = [np.full(len(items), self.mean_weight) for items in taken]
        factors = solve_factors(taken, weights, self.latents, confidence=self.confidence, reg=self.latent_reg)
        latents = (factors / self.user_scale).astype(np.float32)
        return self.user_network.run(None, {"latents": latents, "content": mean_rows(taken, self.features)})[0]

    def extended(self, content: FloatArray) -> DropoutNetScorer:
        """The same model over a longer catalogue: new items have content and no latents."""
        if content.ndim != 2 or content.shape[1] != len(self.centre):
            raise ValueError(f"content: received shape {content.shape}, the model expects (N, {len(self.centre)})")
        features = scaled_content(np.asarray(content, np.float32), self.centre, self.spread)
        latents = np.zeros((len(content), self.latents.shape[1]), np.float32)
        added = self.item_network.run(None, {"latents": latents, "content": features})[0]
        return replace(
            self,
            vectors=np.concatenate([self.vectors, added]),
            latents=np.concatenate([self.latents, latents]),
            features=np.concatenate([self.features, features]),
        )
