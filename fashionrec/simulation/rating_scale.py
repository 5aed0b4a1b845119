"""The rating scale −1, 1..10 and the distribution over it that a persona's taste implies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SCALE: tuple[int, ...] = (-1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
"""Scale points from worst to best; −1 means "would never wear it"."""

THRESHOLDS: tuple[float, ...] = (-3.9, -3.0, -2.35, -1.8, -1.25, -0.7, -0.15, 0.45, 1.0, 1.6)
"""Taste at which a rating is as likely to reach the next scale point as not."""

SPREAD = 0.25
"""Scale of the logistic wobble of a rating around the taste behind it, in units of taste."""


def log_probabilities(taste: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ordered-logit log-probabilities of the scale points (McCullagh 1980).

    taste: any shape (...). Returns (..., 11) float64, natural logarithms, summing to 1 after exp;
    no probability is below 1e-6, so that no label is ever impossible.
    """
    cuts = np.asarray(THRESHOLDS, dtype=np.float64)
    at_most = 1.0 / (1.0 + np.exp(-np.clip((cuts - taste[..., None]) / SPREAD, -60.0, 60.0)))
    edges = np.concatenate([np.zeros((*taste.shape, 1)), at_most, np.ones((*taste.shape, 1))], axis=-1)
    probabilities = np.maximum(np.diff(edges, axis=-1), 1e-6)
    return np.asarray(np.log(probabilities / probabilities.sum(axis=-1, keepdims=True)))
