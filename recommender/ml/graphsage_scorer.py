"""Serves GraphSAGE with onnxruntime and numpy: a visitor is a user node whose neighbours are the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from recommender.ml.artifact import open_session, read_config, read_tensors
from recommender.ml.dataset import FloatArray, History, HistoryLike, IntArray
from recommender.ml.graph_neighbours import nearest_items
from recommender.ml.scorers import known_items


def recency_weight(rank: Any, half_life: float) -> Any:
    """0.5 ** (rank / half_life) for a numpy array or torch tensor of ranks; rank 0 is the newest item.

    Training and serving both weight a user's history by this one function.
    """
    return 0.5 ** (rank / half_life)


@dataclass(frozen=True, eq=False)
class Audience:
    """Who took an item, as far as it hears from them: its latest users.

    histories: (m) what each user took, this item included. weight: (m,) float32, how much each taking counts.
    synthetic: (m,) bool; None: all are human. total: summed weight of all who ever took it; None: of these.
    """

    histories: Sequence[HistoryLike]
    weight: FloatArray
    synthetic: np.ndarray | None = None
    total: float | None = None


@dataclass(frozen=True, eq=False)
class GraphSAGEScorer:
    """item_vectors: (n_items, d + 1) float32, the last column an item's bias; user vectors end in 1.

    A score is the inner product of the two. representations: (n_items, layers × d) float32, what an item says in each
    layer; the first d are what it starts with. group_vectors: per brand, category, … (groups, d) float32.
    centre, projection: (D,) and (D, d) float32, from content to what an item starts with.
    directory: where the trained items' content lies, for finding the neighbours of new ones.
    """

    item_vectors: FloatArray
    representations: FloatArray
    group_vectors: Mapping[str, FloatArray]
    centre: FloatArray
    projection: FloatArray
    half_lives: tuple[float, ...]
    history_length: int
    audience: int
    neighbours: int
    layers: int
    user_dimensions: int
    trained_items: int
    user_tower: onnxruntime.InferenceSession
    item_tower: onnxruntime.InferenceSession
    directory: Path
    kind: str = "graphsage"

    @property
    def n_items(self) -> int:
        return len(self.item_vectors)

    @classmethod
    def load(cls, directory: Path) -> GraphSAGEScorer:
        """Raises FileNotFoundError naming what is missing of the artifact."""
        directory = Path(directory)
        config = read_config(directory)
        item_vectors = read_tensors(directory, "item_vectors")["item_vectors"]
        projection = read_tensors(directory, "content_projection")
        stored_groups = read_tensors(directory, "group_vectors")
        return cls(
            item_vectors=item_vectors,
            representations=read_tensors(directory, "item_representations")["item_representations"],
            group_vectors={name: stored_groups[name] for name in config["groups"]},
            centre=projection["centre"],
            projection=projection["projection"],
            half_lives=tuple(config["half_lives"]),
            history_length=config["history_length"],
            audience=config["audience"],
            neighbours=config["neighbours"],
            layers=len(config["fan_out"]),
            user_dimensions=config["user_dimensions"],
            trained_items=len(item_vectors),
            user_tower=open_session(directory / "user_tower.onnx"),
            item_tower=open_session(directory / "item_tower.onnx"),
            directory=directory,
        )

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """(B, n_items) float32; an empty history scores by what new visitors took first in training."""
        return self.user_vectors(histories) @ self.item_vectors.T

    def score_one(self, history: HistoryLike) -> FloatArray:
        """(n_items,) float32, without padding."""
        return self.item_vectors @ self.user_vectors([history])[0]

    def user_vectors(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """(B, d + 1) float32; the first d carry the learned temperature, the last is 1.

        Raises ValueError naming an unknown item index, or what a shopper stated in another number of dimensions.
        """
        return self._embed_users(histories, None)[:, : self.item_vectors.shape[1]]

    def extended(self, content: FloatArray, groups: Mapping[str, IntArray] | None = None) -> GraphSAGEScorer:
        """The same model over a longer catalogue: new items follow the trained ones, placed by what they resemble.

        content: (N, D) float32, L2-normalised. groups: see `embed_new_items`. Of a model trained without content new
        items are what an item without any edge is. Neighbours are trained items only, so it does not matter
        whether items are added one by one or together.
        """
        vectors, representations = self.embed_new_items(content, self.content_neighbours(content), groups)
        return replace(
            self,
            item_vectors=np.concatenate([self.item_vectors, vectors]),
            representations=np.concatenate([self.representations, representations]),
        )

    def content_neighbours(self, content: FloatArray) -> IntArray:
        """(N, k) int64 nearest trained items of new content (N, D), -1 for none."""
        self._check_content(content)
        trained = read_tensors(self.directory, "content")["content"].astype(np.float32)
        return nearest_items(np.asarray(content, np.float32), trained, self.neighbours)

    def embed_new_items(
        self,
        content: FloatArray,
        neighbours: IntArray | None = None,
        groups: Mapping[str, IntArray] | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Vectors (N, d + 1) and representations (N, layers × d) of items that were not in the graph.

        content: (N, D) float32, L2-normalised. neighbours: (N, k) int64, each new item's nearest known items
        by content, -1 for none; without any, the content stands alone. groups: by name ("brand", "category") the
        (N,) int64 numbers that training knew them by, -1 for none or new.
        Raises ValueError if a shape differs or a neighbour or group is unknown.
        """
        self._check_content(content)
        near = np.full((len(content), 0), -1) if neighbours is None else np.asarray(neighbours, dtype=np.int64)
        start = (content - self.centre) @ self.projection * content.any(axis=1, keepdims=True)
        alone = np.asarray((near < 0).all(axis=1, keepdims=True))
        return self._embed_items(start.astype(np.float32), near, alone, groups or {}, None)

    def refresh_items(
        self,
        items: IntArray,
        neighbours: IntArray,
        audiences: Sequence[Audience],
        groups: Mapping[str, IntArray] | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Vectors (N, d + 1) and representations (N, layers × d) of known items, from who took them by now.

        items: (N,) int64. neighbours, groups: as in `embed_new_items`. audiences: one for each item, of whose users the
        last `audience` are heard. What comes out is what embedding the whole graph would give, for the layers'
        inputs are stored: an item needs its direct neighbours only.
        """
        known_items([np.asarray(items)], self.n_items)
        if len(audiences) != len(items):
            raise ValueError(f"audiences: received {len(audiences)} for {len(items)} items")
        alone = np.zeros((len(items), 1), dtype=bool)
        start = self.representations[items][:, : self._size]
        near = np.asarray(neighbours, dtype=np.int64)
        return self._embed_items(start, near, alone, groups or {}, audiences)

    @property
    def _size(self) -> int:
        return self.item_vectors.shape[1] - 1

    def _check_content(self, content: FloatArray) -> None:
        expected = len(self.centre)
        if content.ndim != 2 or content.shape[1] != expected:
            raise ValueError(f"content: received shape {content.shape}, the model expects (N, {expected})")

    def _embed_users(self, histories: Sequence[HistoryLike], synthetic: np.ndarray | None) -> FloatArray:
        """(B, d + 1 + (layers − 1) × d): vectors, and what the users say in each layer but the first."""
        items = known_items(histories, self.n_items)
        recent = [np.asarray(history[-self.history_length :], dtype=np.int64) for history in items]
        lengths = np.array([len(items) for items in recent], dtype=np.int64)
        longest = int(lengths.max(initial=0))
        padded = np.zeros((len(recent), longest), np.int64)
        padded[np.arange(longest) < lengths[:, None]] = np.concatenate([*recent, lengths[:0]])
        features = np.zeros((len(recent), 1 + self.user_dimensions), np.float32)
        if synthetic is not None:
            features[:, 0] = synthetic
        for row, history in enumerate(histories):
            stated = history.features if isinstance(history, History) and self.user_dimensions else None
            if stated is not None:
                if stated.shape != (self.user_dimensions,):
                    raise ValueError(f"features: received {stated.shape} in row {row}, not ({self.user_dimensions},)")
                features[row, 1:] = stated
        inputs = {
            "said": self.representations[padded],
            "weights": self._weights(lengths, longest),
            "features": features,
        }
        return self.user_tower.run(None, inputs)[0]

    def _embed_items(
        self,
        start: FloatArray,
        near: IntArray,
        alone: np.ndarray,
        groups: Mapping[str, IntArray],
        audiences: Sequence[Audience] | None,
    ) -> tuple[FloatArray, FloatArray]:
        if near.ndim != 2 or len(near) != len(start):
            raise ValueError(f"neighbours: received shape {near.shape}, expected ({len(start)}, k)")
        unknown = near[(near < -1) | (near >= self.n_items)]
        if len(unknown):
            raise ValueError(f"neighbours: received item {unknown[0]}, expected -1 to {self.n_items - 1}")
        present = (near >= 0).astype(np.float32)
        inputs = {
            "start": start,
            "said": self.representations[near],
            "weights": (present / np.maximum(present.sum(axis=1, keepdims=True), 1))[:, None],
            "alone": alone.astype(np.float32),
            "popularity": _log_popularity(audiences, len(start)),
        }
        if self.layers > 1:
            inputs |= self._heard_from_users(audiences or [Audience([], np.zeros(0, np.float32))] * len(start))
            for name, vectors in self.group_vectors.items():
                number = np.asarray(groups.get(name, np.full(len(start), -1)), dtype=np.int64)
                if number.shape != (len(start),) or (len(number) and number.max() >= len(vectors)):
                    raise ValueError(f"groups: received {number} for {name!r}, which has {len(vectors)}")
                known = number >= 0
                heard = np.zeros((len(start), self._size), np.float32)
                heard[known] = vectors[number[known]]
                inputs[f"group_{name}"] = heard
        embedded = self.item_tower.run(None, inputs)[0]
        width = self.item_vectors.shape[1]
        return embedded[:, :width], embedded[:, width:]

    def _heard_from_users(self, audiences: Sequence[Audience]) -> dict[str, FloatArray]:
        heard = [slice(max(0, len(audience.histories) - self.audience), None) for audience in audiences]
        sizes = [len(audience.histories[part]) for audience, part in zip(audiences, heard, strict=True)]
        said = np.zeros((len(audiences), max(sizes, default=0), (self.layers - 1) * self._size), np.float32)
        weights = np.zeros((len(audiences), 1, said.shape[1]), np.float32)
        for row, (audience, part, size) in enumerate(zip(audiences, heard, sizes, strict=True)):
            if size:
                synthetic = None if audience.synthetic is None else audience.synthetic[part]
                said[row, :size] = self._embed_users(audience.histories[part], synthetic)[:, self._size + 1 :]
                total = audience.weight[part].sum()
                weights[row, 0, :size] = audience.weight[part] / (total if total > 0 else 1)
        return {"said_by_users": said, "user_weights": weights}

    def _weights(self, lengths: IntArray, longest: int) -> FloatArray:
        """(B, half-lives, longest) float32, each row summing to 1 over its history and 0 behind it."""
        rank = lengths[:, None] - 1 - np.arange(longest)
        weights = np.stack([recency_weight(np.maximum(rank, 0), h) for h in self.half_lives], axis=1)
        weights = weights * (rank >= 0)[:, None]
        total = weights.sum(axis=2, keepdims=True)
        return (weights / np.where(total > 0, total, 1)).astype(np.float32)


def _log_popularity(audiences: Sequence[Audience] | None, items: int) -> FloatArray:
    """(items, 1) float32, as training counts it; 0 for items that nobody took."""
    if audiences is None:
        return np.zeros((items, 1), np.float32)
    totals = [audience.weight.sum() if audience.total is None else audience.total for audience in audiences]
    return np.log1p(np.array(totals, np.float32).reshape(-1, 1))
