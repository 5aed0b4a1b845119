"""EASE: the closed-form item × item linear model with a zero diagonal (Steck 2019, "Embarrassingly shallow")."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from recommender.ml.artifact import write_config
from recommender.ml.dataset import FloatArray, Interactions
from recommender.ml.interaction_matrix import blocks_of_item_products, square_root, user_item_matrix, write_neighbours
from recommender.ml.progress import EpochCallback, EpochReport

if TYPE_CHECKING:
    from recommender.ml.checkpoint import Checkpoint

MAX_ITEMS = 20_000
"""One float32 matrix of so many items squared is 1.6 GB, inverted in place in some 3 minutes on one core."""


@dataclass(frozen=True)
class EASEConfig:
    """reg: λ on the diagonal of the Gram matrix, in units of summed event weight.

    history_decay: the i-th latest item of a history counts decay ** i.
    neighbours: of each item's row this many weights of largest size are kept.
    """

    reg: float = 200.0
    history_decay: float = 0.6
    neighbours: int = 1000

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise ValueError(f"neighbours: received {self.neighbours!r}, expected at least 1")
        if not self.reg > 0:
            raise ValueError(f"reg: received {self.reg!r}, expected above 0")
        if not 0 < self.history_decay <= 1:
            raise ValueError(f"history_decay: received {self.history_decay!r}, expected above 0 up to 1")


def ease_weights(taken: sparse.csr_array, reg: float) -> FloatArray:
    """(n, n) float32: B of eq. 8, B_ij = −P_ij / P_jj, zero on the diagonal; P = (XᵀX + λI)⁻¹.

    taken: X, (n_users, n) CSR. Memory: one n × n matrix, made and inverted in place.
    """
    size = taken.shape[1]
    gram: FloatArray = np.empty((size, size), np.float32, order="F")
    for rows, block in blocks_of_item_products(taken):
        for start in range(rows.start, rows.stop, 1024):
            stop = min(start + 1024, rows.stop)
            gram[:, start:stop] = block[start - rows.start : stop - rows.start].toarray().T
    inverse = regularised_inverse(gram, reg)
    diagonal = np.diag(inverse).copy()
    weights: FloatArray = inverse.T  # symmetric until here, so that the rows of B become contiguous
    weights /= -diagonal
    weights[np.diag_indices(size)] = 0.0
    return weights


def regularised_inverse(gram: FloatArray, reg: float) -> FloatArray:
    """(gram + reg · I)⁻¹ of a symmetric (n, n) float32 matrix in Fortran order, made in its place.

    Raises ValueError if float32 cannot invert it.
    """
    size = len(gram)
    gram[np.diag_indices(size)] += reg
    factor, failed = lapack.spotrf(gram, overwrite_a=1, clean=0)
    inverse, singular = (factor, failed) if failed else lapack.spotri(factor, overwrite_c=1)
    if failed or singular:
        raise ValueError(f"reg: received {reg!r}, too small for a Gram matrix in float32")
    for start in range(0, size, 1024):  # only the upper triangle is filled
        stop = min(start + 1024, size)
        inverse[stop:, start:stop] = inverse[start:stop, stop:].T
        corner = np.triu(inverse[start:stop, start:stop])
        inverse[start:stop, start:stop] = corner + np.triu(corner, 1).T
    return inverse


def train_ease(
    interactions: Interactions,
    config: EASEConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Writes neighbours.safetensors: the cut weights as CSR and popularity in [0, 1], the fallback.

    Raises ValueError if more than MAX_ITEMS items have events.
    """
    started = time.monotonic()
    taken = square_root(user_item_matrix(interactions))
    active = np.flatnonzero(np.diff(taken.T.tocsr().indptr))
    if len(active) > MAX_ITEMS:
        raise ValueError(f"n_items: received {len(active)} items with events, EASE takes at most {MAX_ITEMS}")
    matrix = sparse.csr_array((interactions.n_items, interactions.n_items), dtype=np.float32)
    if len(active):
        weights = ease_weights(taken[:, active].tocsr(), config.reg)
        matrix = largest_weights(weights, active, interactions.n_items, config.neighbours)
    write_neighbours(directory, "neighbours", matrix, interactions)
    write_config(directory, kind="ease", n_items=interactions.n_items, **asdict(config))
    progress(EpochReport(epoch=1, epochs=1, loss=0.0, seconds=time.monotonic() - started))


def largest_weights(
    weights: FloatArray,
    active: np.ndarray,
    n_items: int,
    neighbours: int,
    *,
    columns_are: np.ndarray | None = None,
) -> sparse.csr_array:
    """The `neighbours` entries of largest size of each row, as (n_items, n_items) CSR.

    active: (rows,) what item each row is; columns_are: the same of the columns, where they are others.
    """
    reached = active if columns_are is None else columns_are
    kept = min(neighbours, len(reached))
    columns = np.empty((len(active), kept), np.int64)
    values = np.empty((len(active), kept), np.float32)
    for start in range(0, len(active), 256):
        block = weights[start : start + 256]
        chosen = np.sort(np.argpartition(-np.abs(block), kept - 1, axis=1)[:, :kept], axis=1)
        columns[start : start + 256] = chosen
        values[start : start + 256] = np.take_along_axis(block, chosen, axis=1)
    rows = np.repeat(active, kept)
    matrix = sparse.coo_array((values.ravel(), (rows, reached[columns.ravel()])), shape=(n_items, n_items)).tocsr()
    matrix.eliminate_zeros()
    return matrix
