"""Which products stand for a group, and which group a product is nearest to. numpy only: web processes use it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CLOSENESS = 0.7
"""What nearness to the centre weighs against being unlike the ones already chosen."""

NEARLY_THE_SAME = 0.99
"""Cosine from which on two products count as one picture twice."""

CANDIDATES_PER_CHOICE = 4


def centre_of(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(D,) unit-length mean of (N, D) L2-normalised vectors, N ≥ 1; zeros when they cancel out."""
    mean = vectors.mean(axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 1e-9 else np.zeros_like(mean), dtype=np.float32)


def representatives(
    vectors: NDArray[np.float32], centre: NDArray[np.float32], has_picture: NDArray[np.bool_], *, n: int
) -> list[int]:
    """Rows of at most n typical and varied members, the most typical first, those with a picture before all others.

    vectors: (N, D) L2-normalised; centre: (D,); has_picture: (N,).
    """
    typical = vectors @ centre
    order = np.lexsort((np.arange(len(vectors)), -typical, ~has_picture))[: CANDIDATES_PER_CHOICE * n]
    left, chosen = [int(row) for row in order], list[int]()
    while left and len(chosen) < n:
        like = (vectors[left] @ vectors[chosen].T).max(axis=1) if chosen else np.zeros(len(left))
        scores = CLOSENESS * typical[left] - (1 - CLOSENESS) * like
        # First all with a picture that are not nearly the same, then the same ones, then those without.
        preference = np.lexsort((-scores, like > NEARLY_THE_SAME, ~has_picture[left]))
        chosen.append(left.pop(int(preference[0])))
    return chosen


def nearest_of(
    points: NDArray[np.float32], centres: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Each point's nearest centre, (N,) int64, and how clearly, (N,) float32: 1 − d₁/d₂, 0 halfway between two.

    points: (N, D); centres: (K, D), K ≥ 1; d: Euclidean. With one centre the margin is 1 − d₁/max d₁.
    """
    squares = (points**2).sum(axis=1)[:, None] - 2.0 * points @ centres.T + (centres**2).sum(axis=1)[None, :]
    distances = np.sqrt(np.maximum(squares, 0.0))
    order = np.argsort(distances, axis=1, kind="stable")
    first = np.take_along_axis(distances, order[:, :1], axis=1)[:, 0]
    if len(centres) > 1:
        second = np.take_along_axis(distances, order[:, 1:2], axis=1)[:, 0]
    else:
        second = np.full(len(points), first.max(initial=0.0))
    margin = 1.0 - np.divide(first, second, out=np.zeros_like(first), where=second > 0)
    return order[:, 0].astype(np.int64), np.asarray(margin.clip(0.0, 1.0), dtype=np.float32)
