"""Which cluster of a new clustering is which of the one before, so that names and people's work stay with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

SAME = 0.2
"""Jaccard overlap from which on two clusters are one that changed. Half of a cluster that lost as much has a third."""


def match_clusters(before: NDArray[np.int64], after: NDArray[np.int64]) -> dict[int, int]:
    """New label -> old label, each once, for the greatest sum of overlaps (Kuhn 1955).

    before, after: (N,) labels of the same products, negative where a product has none or does not count. The overlap
    is Jaccard's: shared products by products in either; pairs below SAME stay apart. Raises ValueError when the
    lengths differ.
    """
    if before.shape != after.shape:
        raise ValueError(f"after: received shape {after.shape}, before has {before.shape}")
    old, new = np.unique(before[before >= 0]), np.unique(after[after >= 0])
    if not len(old) or not len(new):
        return {}
    shared = np.zeros((len(new), len(old)))
    both = (before >= 0) & (after >= 0)
    np.add.at(shared, (np.searchsorted(new, after[both]), np.searchsorted(old, before[both])), 1)
    sizes_new = np.array([(after == label).sum() for label in new])
    sizes_old = np.array([(before == label).sum() for label in old])
    overlap = shared / (sizes_new[:, None] + sizes_old[None, :] - shared)
    overlap[overlap < SAME] = 0.0
    rows, columns = linear_sum_assignment(-overlap)
    return {int(new[row]): int(old[column]) for row, column in zip(rows, columns, strict=True) if overlap[row, column]}


def majority(before: NDArray[np.int64], members: NDArray[np.int64]) -> int | None:
    """The old label of more than half of the members (rows), else None."""
    labels, counts = np.unique(before[members], return_counts=True)
    best = int(np.argmax(counts)) if len(counts) else 0
    return int(labels[best]) if len(counts) and labels[best] >= 0 and 2 * counts[best] > len(members) else None
