"""Ratings on the scale −1, 1..10 as distributions, and what biases alone make of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recommender.ml.dataset import FloatArray, IntArray

LABELS = (-1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
"""The points of the rating scale; −1 is a strong dislike."""

RIDGES = (1.0, 3.0, 10.0, 30.0)
"""Ratings' worth of doubt about a bias that are tried; the best on a tenth of the ratings is used."""

SWEEPS = 20


@dataclass(frozen=True, eq=False)
class Ratings:
    """R ratings of items by U raters.

    user: (R,) int64 in [0, U); item: (R,) int64.
    distribution: (R, 11) float32 over LABELS, rows sum to 1: a persona's whole answer, a person's point as one-hot.
    weight: (R,) float32, what a rating counts for in the loss. synthetic: (R,) bool, true for personas'.
    Raises ValueError naming the field and the value received when a row is no distribution or shapes differ.
    """

    user: IntArray
    item: IntArray
    distribution: FloatArray
    weight: FloatArray
    synthetic: NDArray[np.bool_]

    def __post_init__(self) -> None:
        size = len(self.user)
        for name in ("item", "weight", "synthetic"):
            if getattr(self, name).shape != (size,):
                raise ValueError(f"{name}: expected ({size},), received {getattr(self, name).shape}")
        if self.distribution.shape != (size, len(LABELS)):
            raise ValueError(f"distribution: expected ({size}, {len(LABELS)}), received {self.distribution.shape}")
        sums = self.distribution.sum(axis=1)
        if size and (self.distribution.min() < 0 or np.abs(sums - 1).max() > 1e-3):
            raise ValueError(f"distribution: received a row that sums to {sums[np.abs(sums - 1).argmax()]!r}")

    def __len__(self) -> int:
        return len(self.user)

    @property
    def expectation(self) -> NDArray[np.float64]:
        """(R,) float64, the rating as one number."""
        return self.distribution.astype(np.float64) @ np.array(LABELS, dtype=np.float64)

    def take(self, rows: NDArray[np.bool_]) -> Ratings:
        """Only the ratings where the (R,) mask is true."""
        columns = ("user", "item", "distribution", "weight", "synthetic")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


@dataclass(frozen=True, eq=False)
class Biases:
    """A rating as mean + user[u] + item[i]: (U,) and (I,) float64, 0 for who never rated or was never rated."""

    mean: float
    user: NDArray[np.float64]
    item: NDArray[np.float64]

    def predict(self, ratings: Ratings) -> NDArray[np.float64]:
        return self.mean + self.user[ratings.user] + self.item[ratings.item]


def fit_biases(ratings: Ratings, *, n_users: int, n_items: int, rng: np.random.Generator) -> Biases:
    """Ridge regression on the two one-hots, by alternating sweeps; its strength is chosen on a tenth held back.

    The baseline of Koren 2008, eq. 1: whatever a rating model learns beyond it is about who likes what.
    """
    if not len(ratings):
        raise ValueError("ratings: received none")
    held = rng.random(len(ratings)) < 0.1
    best = RIDGES[len(RIDGES) // 2]
    if held.any() and not held.all():
        inner, outer = ratings.take(~held), ratings.take(held)
        errors = [rmse(_sweep(inner, n_users, n_items, ridge).predict(outer), outer.expectation) for ridge in RIDGES]
        best = RIDGES[int(np.argmin(errors))]
    return _sweep(ratings, n_users, n_items, best)


def _sweep(ratings: Ratings, n_users: int, n_items: int, ridge: float) -> Biases:
    weight, rating = ratings.weight.astype(np.float64), ratings.expectation
    mean = float(np.average(rating, weights=weight))
    user, item = np.zeros(n_users), np.zeros(n_items)
    of_user = np.bincount(ratings.user, weights=weight, minlength=n_users)
    of_item = np.bincount(ratings.item, weights=weight, minlength=n_items)
    ridge *= float(weight.mean())  # in ratings of the usual weight
    for _ in range(SWEEPS):
        rest = weight * (rating - mean - item[ratings.item])
        user = np.bincount(ratings.user, weights=rest, minlength=n_users) / (of_user + ridge)
        rest = weight * (rating - mean - user[ratings.user])
        item = np.bincount(ratings.item, weights=rest, minlength=n_items) / (of_item + ridge)
    return Biases(mean, user, item)


def rmse(predicted: NDArray[np.float64], rating: NDArray[np.float64]) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((predicted - rating) ** 2)))
