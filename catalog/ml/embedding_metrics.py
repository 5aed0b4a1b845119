"""How well vectors put like things together and texts beside their pictures. numpy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def neighbour_precision(vectors: NDArray[np.float32], labels: Sequence[str], *, k: int = 10) -> float:
    """Mean share of each item's k nearest others (cosine) that have its label; items without a label do not ask.

    vectors: (N, D) L2-normalised, N > k; labels: N, "" where unknown.
    """
    if len(vectors) != len(labels) or len(vectors) <= k:
        raise ValueError(f"vectors: received {len(vectors)} with {len(labels)} labels, need as many and more than {k}")
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    asking = np.flatnonzero([bool(label) for label in labels])
    similarity = vectors[asking] @ vectors.T
    similarity[np.arange(len(asking)), asking] = -np.inf
    nearest = np.argpartition(-similarity, k, axis=1)[:, :k]
    return float((codes[nearest] == codes[asking][:, None]).mean())


def target_ranks(
    queries: NDArray[np.float32], items: NDArray[np.float32], targets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(Q,) rank of each query's item among all items, 1 = nearest; ties (and NaN) count against the query.

    queries: (Q, D), items: (N, D), L2-normalised; targets: (Q,) index of the item each query describes.
    """
    similarity = queries @ items.T
    own = similarity[np.arange(len(queries)), targets]
    return np.asarray((~(similarity < own[:, None])).sum(axis=1), dtype=np.int64)


def pixel_vectors(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The baseline every encoder must beat: a 16 x 16 picture as a vector, centred on the mean of all, L2-normalised.

    pixels: (N, 16, 16, 3) uint8.
    """
    flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255.0
    flat -= flat.mean(axis=0)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
