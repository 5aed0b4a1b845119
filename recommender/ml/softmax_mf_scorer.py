"""Serves softmax matrix factorisation: a shopper's taste is inferred from the history, whoever they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from recommender.ml.artifact import read_config, read_tensors
from recommender.ml.dataset import FloatArray, History, HistoryLike, IntArray
from recommender.ml.scorers import known_items
from recommender.ml.visit_interest import add_interest, moment

NEWTON_STEPS = 20
LONGEST_STEP = 2.0
CLOSE_ENOUGH = 1e-4
"""Newton's method doubles its digits: a step of this size leaves 1e-8."""

SHOPPERS_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class SoftmaxMFScorer:
    """A score is the log-odds of the next item, averaged over what a shopper's taste may be.

    bias: (n_items,) float32. taste: (n_items, K) float32. stated: (n_items, q) float32, what a shopper's statement says
        about the item; q is 0 where nobody stated anything.
    unstated: (n_items, r) float32, the directions in which statements differ most: for who stated nothing they are
        inferred like taste. precision: (K + r,) float32 of the priors of both.
    statement_centre, statement_basis: (F,) and (F, q), statement vectors → f.
    content_centre, content_basis, content_tables: (D,), (D, c) and (c, K + q + r), content → tables of new items.
    own_variance: of what a taste vector has beyond its content. new_items: how many at the end nobody took yet: what is
        their own is unknown, and so is how popular they will be.
    groups: (n_items,) int64 group numbers by name; interest: (3,) log-odds by name, see visit_interest.
    """

    bias: FloatArray
    taste: FloatArray
    stated: FloatArray
    unstated: FloatArray
    precision: FloatArray
    statement_centre: FloatArray
    statement_basis: FloatArray
    content_centre: FloatArray
    content_basis: FloatArray
    content_tables: FloatArray
    groups: Mapping[str, IntArray]
    interest: Mapping[str, FloatArray]
    own_variance: float
    new_items: int = 0
    kind: str = "softmax_mf"

    @property
    def n_items(self) -> int:
        return len(self.bias)

    @cached_property
    def _inferred(self) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
        """Vectors and their `pairs` of what is inferred: for who stated nothing, and for who did."""
        everything = np.concatenate([self.taste, self.unstated], axis=1)
        return (everything, pairs(everything)), (self.taste, pairs(self.taste))

    @classmethod
    def load(cls, directory: Path) -> SoftmaxMFScorer:
        config = read_config(directory)
        tensors: dict[str, Any] = read_tensors(directory, "factors")
        names = config["groups"]
        groups = {name: tensors.pop(f"group.{name}") for name in names}
        interest = {name: tensors.pop(f"interest.{name}") for name in names}
        return cls(**tensors, groups=groups, interest=interest, own_variance=1 / config["item_precision"])

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """Raises ValueError if the features of a history are not of the size that the model was trained on."""
        known = known_items(histories, self.n_items)
        items = [np.unique(history) for history in known]
        stated = self._statements(histories)
        scores = np.empty((len(histories), self.n_items), np.float32)
        said = stated.any(axis=1)
        for knows, (vectors, squares) in enumerate(self._inferred):
            rows = np.flatnonzero(said == bool(knows))
            for start in range(0, len(rows), SHOPPERS_AT_ONCE):
                block = rows[start : start + SHOPPERS_AT_ONCE]
                offsets = self.bias + stated[block] @ self.stated.T
                chosen = [items[row] for row in block]
                mean, covariance = infer(vectors, squares, self.precision[: vectors.shape[1]], offsets, chosen)
                # E[exp(z·v)] = exp(mean·v + ½ vᵀ·covariance·v): an item far out is worth a try.
                scores[block] = offsets + mean @ vectors.T + 0.5 * covariance @ squares.T
                if self.new_items:
                    # The same average over what their own part may be: E[(z·d)²] = variance · E[z²].
                    diagonal = covariance[:, :: vectors.shape[1] + 1]
                    length = (mean**2 + diagonal)[:, : self.taste.shape[1]].sum(axis=1, keepdims=True)
                    scores[block, -self.new_items :] += 0.5 * self.own_variance * length
        add_interest(scores, known, [moment(history) for history in histories], self.interest, self.groups)
        return scores

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self.score([history])[0]

    def extended(self, content: FloatArray) -> SoftmaxMFScorer:
        """New items are placed by content; how popular they will be is averaged over the catalogue. They belong to no
        group.
        """
        if content.ndim != 2 or content.shape[1] != len(self.content_centre):
            raise ValueError(f"content: expected (N, {len(self.content_centre)}), received {content.shape}")
        known = content.any(axis=1, keepdims=True)
        tables = (content - self.content_centre) @ self.content_basis @ self.content_tables * known
        trained = self.bias[: self.n_items - self.new_items]
        ends = np.cumsum([self.taste.shape[1], self.stated.shape[1]])
        taste, stated, unstated = np.split(tables.astype(np.float32), ends, axis=1)
        return replace(
            self,
            bias=np.append(self.bias, np.full(len(content), np.log(np.exp(trained).mean()), np.float32)),
            taste=np.concatenate([self.taste, taste]),
            stated=np.concatenate([self.stated, stated]),
            unstated=np.concatenate([self.unstated, unstated]),
            new_items=self.new_items + len(content),
            groups={name: np.append(group, np.full(len(content), -1)) for name, group in self.groups.items()},
        )

    def _statements(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """(B, q) float32: what each shopper stated, zeros for nothing."""
        stated = np.zeros((len(histories), self.stated.shape[1]), np.float32)
        expected = self.statement_centre.shape
        for row, history in enumerate(histories):
            features = history.features if isinstance(history, History) else None
            if features is None or not stated.shape[1] or not features.any():
                continue
            if features.shape != expected:
                raise ValueError(
                    f"features: received shape {features.shape} in row {row}, the model expects {expected}"
                )
            stated[row] = (features - self.statement_centre) @ self.statement_basis
        return stated


def pairs(vectors: FloatArray) -> FloatArray:
    """(n_items, k²): every item's vector times itself."""
    return (vectors[:, :, None] * vectors[:, None, :]).reshape(len(vectors), -1)


def infer(
    vectors: FloatArray, squares: FloatArray, precision: FloatArray, offsets: FloatArray, histories: Sequence[IntArray]
) -> tuple[FloatArray, FloatArray]:
    """(B, k) mean and (B, k²) covariance of what k numbers a shopper may be, by Laplace's method.

    Maximises Σ over the history of log softmax(offset + z · vectors)[item] − ½ Σ precision · z², which is concave.
    vectors: (n_items, k); squares: its `pairs`; precision: (k,); offsets: (B, n_items); histories: B arrays of items.
    """
    size = vectors.shape[1]
    count = np.array([len(items) for items in histories], np.float32)[:, None]
    taken = np.stack([vectors[items].sum(axis=0) for items in histories]) if len(histories) else vectors[:0]
    mean = np.zeros((len(histories), size), np.float32)
    moved = np.zeros_like(mean)
    longest = np.full((len(histories), 1), LONGEST_STEP, np.float32)
    prior = np.diag(precision)
    for _ in range(NEWTON_STEPS):
        logits = offsets + mean @ vectors.T
        chance = np.exp(logits - logits.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        expected = chance @ vectors
        spread = (chance @ squares).reshape(-1, size, size) - expected[:, :, None] * expected[:, None, :]
        curvature = count[:, :, None] * spread + prior
        slope = taken - count * expected - precision * mean
        step = np.linalg.solve(curvature, slope[:, :, None])[:, :, 0]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        # Where the slope points back, the step before went too far: full steps from there can go to and fro for ever.
        back = (slope * moved).sum(axis=1, keepdims=True) < 0
        half = np.linalg.norm(moved, axis=1, keepdims=True) / 2
        longest = np.where(back, half, np.minimum(2 * longest, LONGEST_STEP))
        moved = step * np.minimum(1.0, longest / np.maximum(length, 1e-12))
        mean += moved
        if length.max(initial=0.0) < CLOSE_ENOUGH:
            break
    return mean, np.linalg.inv(curvature).reshape(len(histories), -1)
