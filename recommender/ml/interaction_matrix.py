"""Interactions as a sparse user × item matrix, and sparse products cut to their strongest entries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import sparse

from recommender.ml.artifact import write_tensors
from recommender.ml.dataset import FloatArray, Interactions

ENTRIES_AT_ONCE = 20_000_000
"""Of a product's rows, at most about so many entries are held before the cut: some 500 MB at the peak."""


def user_item_matrix(interactions: Interactions) -> sparse.csr_array:
    """(n_users, n_items) float32 CSR: a pair's largest weight; pairs of weight 0 are left out."""
    unique = interactions.deduplicated()
    shape = (unique.n_users, unique.n_items)
    matrix = sparse.coo_array((unique.weight.astype(np.float32), (unique.user, unique.item)), shape=shape).tocsr()
    matrix.eliminate_zeros()
    return matrix


def square_root(matrix: sparse.csr_array) -> sparse.csr_array:
    """Entry by entry: in products of two entries a pair then counts the geometric mean of its weights."""
    return sparse.csr_array((np.sqrt(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)


def normalised(matrix: sparse.csr_array) -> tuple[sparse.csr_array, FloatArray, FloatArray]:
    """(D_U^-1/2 R D_I^-1/2, D_U, D_I) for a non-negative R: float32 CSR, row sums (n_users,), column sums (n_items,).

    Its largest singular value is 1. Empty rows and columns stay empty.
    """
    of_users = np.asarray(matrix.sum(axis=1), np.float32)
    of_items = np.asarray(matrix.sum(axis=0), np.float32)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    data = matrix.data / np.sqrt(of_users[rows] * of_items[matrix.indices])
    scaled = sparse.csr_array((data.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
    return scaled, of_users, of_items


def strongest(matrix: sparse.csr_array, neighbours: int) -> sparse.csr_array:
    """Keeps the `neighbours` largest values of each row, the lower column first among equals; float32."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row))
    kept = np.sort(order[np.arange(len(order)) - matrix.indptr[row] < neighbours])
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row[kept], minlength=matrix.shape[0]))])
    data = matrix.data[kept].astype(np.float32)
    return sparse.csr_array((data, matrix.indices[kept], indptr), shape=matrix.shape)


def blocks_of_item_products(matrix: sparse.csr_array) -> Iterator[tuple[slice, sparse.csr_array]]:
    """RᵀR for an R (n_users, n_items), some rows at a time: (which rows, the block (rows, n_items) CSR).

    Memory is bounded by ENTRIES_AT_ONCE, whatever the number of items.
    """
    transposed = matrix.T.tocsr()
    lengths = np.diff(matrix.indptr)
    # An upper bound of each row's entries: the summed history lengths of its users, and the catalogue.
    reach = np.asarray(
        sparse.csr_array((np.ones_like(matrix.data), matrix.indices, matrix.indptr), matrix.shape).T @ lengths
    )
    entries = np.cumsum(np.minimum(reach, matrix.shape[1]).astype(np.int64))
    start = 0
    while start < matrix.shape[1]:
        before = entries[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(entries, before + ENTRIES_AT_ONCE, side="right")))
        yield slice(start, stop), (transposed[start:stop] @ matrix).tocsr()
        start = stop


def popularity_share(interactions: Interactions) -> FloatArray:
    """(n_items,) float32 in [0, 1]: popularity, the most popular item at 1; the fallback of every neighbour model."""
    popularity = interactions.popularity()
    return (popularity / max(popularity.max(initial=0.0), 1e-12)).astype(np.float32)


def write_neighbours(
    directory: Path, name: str, matrix: sparse.csr_array, interactions: Interactions, **more: np.ndarray
) -> None:
    """Stores <name>.safetensors: an (n_items, n_items) CSR matrix, the popularity share, and `more`."""
    tensors = {
        "indptr": matrix.indptr.astype(np.int64),
        "indices": matrix.indices.astype(np.int32),
        "values": matrix.data.astype(np.float32),
        "popularity": popularity_share(interactions),
    }
    write_tensors(directory, name, {**tensors, **more})
