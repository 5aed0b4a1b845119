"""From label log-probabilities to ratings."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

SCALE = np.array([-1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], dtype=np.float64)


def label_mass(log_probabilities: ArrayLike) -> NDArray[np.float64]:
    """Probability the model gave to labels at all, before normalisation: (N,) from (N, 11)."""
    return np.exp(np.asarray(log_probabilities, dtype=np.float64)).sum(axis=1)


def to_probabilities(log_probabilities: ArrayLike) -> NDArray[np.float64]:
    """Distribution over the scale: (N, 11) rows that sum to 1, from (N, 11) log-probabilities.

    Raises ValueError quoting the shape unless it is (N, 11), or when a row is NaN or has no finite entry.
    """
    values = np.asarray(log_probabilities, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(SCALE):
        raise ValueError(f"log_probabilities: expected shape (N, {len(SCALE)}), received {values.shape}")
    if np.isnan(values).any() or not np.isfinite(values).any(axis=1).all():
        raise ValueError("log_probabilities: a row has no finite value, or is not a number")
    shifted = np.exp(values - values.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def expectation(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean rating on −1, 1..10: (N,)."""
    return probabilities @ SCALE


def mean_distribution(log_probabilities: ArrayLike) -> NDArray[np.float64]:
    """Mean over label orders of each order's distribution: (N, 11) from (N, O, 11) log-probabilities."""
    values = np.asarray(log_probabilities, dtype=np.float64)
    if values.ndim != 3:
        raise ValueError(f"log_probabilities: expected shape (N, O, {len(SCALE)}), received {values.shape}")
    cells, orders, points = values.shape
    return to_probabilities(values.reshape(cells * orders, points)).reshape(cells, orders, points).mean(axis=1)
