"""Serves the two towers with onnxruntime and numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from recommender.ml.artifact import open_session, read_config, read_tensors
from recommender.ml.dataset import FloatArray, History, HistoryLike, IntArray
from recommender.ml.scorers import known_items
from recommender.ml.time_gaps import event_codes


@dataclass(frozen=True, eq=False)
class TwoTowerScorer:
    """item_vectors: (n_items, d) float32; a score is the inner product with the user vector.

    length: how many of the latest items the user tower reads. event_kinds: how many kinds of events it knows; 0 for
        one from before towers read kinds and gaps.
    feature_dimensions: F of what a shopper stated; 0 where the model was trained without.
    """

    item_vectors: FloatArray
    length: int
    user_tower: onnxruntime.InferenceSession
    item_tower: onnxruntime.InferenceSession | None
    event_kinds: int
    feature_dimensions: int
    kind: str = "two_tower"

    @property
    def n_items(self) -> int:
        return len(self.item_vectors)

    @classmethod
    def load(cls, directory: Path) -> TwoTowerScorer:
        config = read_config(directory)
        return cls(
            item_vectors=read_tensors(directory, "item_vectors")["item_vectors"],
            length=config["length"],
            user_tower=open_session(directory / "user_tower.onnx"),
            item_tower=open_session(directory / "item_tower.onnx") if config["content_dimensions"] else None,
            event_kinds=config.get("event_kinds", 0),
            feature_dimensions=config.get("feature_dimensions", 0),
        )

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        return self.user_vectors(histories) @ self.item_vectors.T

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self.item_vectors @ self.user_vectors([history])[0]

    def user_vectors(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """(B, d) float32, not normalised: the length carries the learned temperature.

        Raises ValueError if the features of a history are not of the size that the model was trained on.
        """
        known = known_items(histories, self.n_items)
        recent = [np.asarray(history[-self.length :], dtype=np.int64) for history in known]
        lengths = np.array([len(items) for items in recent], dtype=np.int64)
        # At least one position, so that a batch of new visitors has a shape the graph accepts.
        mask = np.arange(max(lengths.max(initial=0), 1)) < lengths[:, None]
        items = np.zeros(mask.shape, np.int64)
        items[mask] = np.concatenate([*recent, lengths[:0]])
        inputs: dict[str, NDArray[Any]] = {"item_vectors": self.item_vectors[items], "mask": mask.astype(np.float32)}
        if self.event_kinds:
            inputs["events"] = self._events(histories, mask)
        if self.feature_dimensions:
            inputs["features"] = self._features(histories)
        return self.user_tower.run(None, inputs)[0]

    def _events(self, histories: Sequence[HistoryLike], mask: NDArray[np.bool_]) -> IntArray:
        """(B, L, 2) int64 codes of kind and gap, 0 where nothing is known."""
        events = np.zeros((*mask.shape, 2), np.int64)
        for row, history in enumerate(histories):
            if isinstance(history, History):
                codes = event_codes(history, length=self.length, kinds=self.event_kinds)
                events[row, : len(codes)] = codes
        return events

    def _features(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """(B, F) float32, zeros where a shopper stated nothing."""
        features = np.zeros((len(histories), self.feature_dimensions), np.float32)
        for row, history in enumerate(histories):
            stated = history.features if isinstance(history, History) else None
            if stated is None:
                continue
            if stated.shape != (expected := (self.feature_dimensions,)):
                raise ValueError(f"features: received shape {stated.shape} in row {row}, the model expects {expected}")
            features[row] = stated
        return features

    def vectors_from_content(self, content: FloatArray) -> FloatArray:
        """(N, D) content → (N, d) item vectors for products added since training.

        Raises ValueError if the model was trained without content or D differs.
        """
        expected = self.item_tower.get_inputs()[0].shape[1] if self.item_tower else 0
        if self.item_tower is None or content.ndim != 2 or content.shape[1] != expected:
            raise ValueError(f"content: received shape {content.shape}, the model expects (N, {expected})")
        return self.item_tower.run(None, {"content": np.asarray(content, np.float32)})[0]

    def extended(self, content: FloatArray) -> TwoTowerScorer:
        """The same model over a longer catalogue: new items follow the trained ones, placed by content."""
        added = self.vectors_from_content(content)
        return replace(self, item_vectors=np.concatenate([self.item_vectors, added]))
