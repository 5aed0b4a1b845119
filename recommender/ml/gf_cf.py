"""GF-CF: a closed-form graph filter (Shen et al. 2021, "How powerful is graph convolution for recommendation?")."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from recommender.ml.artifact import write_config
from recommender.ml.dataset import FloatArray, Interactions
from recommender.ml.interaction_matrix import (
    blocks_of_item_products,
    normalised,
    strongest,
    user_item_matrix,
    write_neighbours,
)
from recommender.ml.progress import EpochCallback, EpochReport

if TYPE_CHECKING:
    from recommender.ml.checkpoint import Checkpoint


@dataclass(frozen=True)
class GFCFConfig:
    """factors: singular vectors of the ideal low-pass filter; fewer where the matrix has fewer.

    alpha: weight of the ideal low-pass filter beside the linear filter.
    history_decay: the i-th latest item of a history counts decay ** i.
    neighbours: of each item's row of the linear filter this many entries are kept.
    seed: of the start vector of the decomposition.
    """

    factors: int = 256
    alpha: float = 0.3
    history_decay: float = 0.6
    neighbours: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.factors < 0:
            raise ValueError(f"factors: received {self.factors!r}, expected at least 0")
        if self.neighbours < 1:
            raise ValueError(f"neighbours: received {self.neighbours!r}, expected at least 1")
        if not 0 < self.history_decay <= 1:
            raise ValueError(f"history_decay: received {self.history_decay!r}, expected above 0 up to 1")


def train_gf_cf(
    interactions: Interactions,
    config: GFCFConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Writes neighbours.safetensors, with R̃ = D_U^-1/2 R D_I^-1/2 of the summed weights.

    The linear filter R̃ᵀR̃ cut per row (CSR), basis (n_items, k) float32: the right singular vectors of R̃,
    degree (n_items,) float32: D_I, and popularity in [0, 1], the fallback.
    """
    started = time.monotonic()
    scaled, _, degree = normalised(user_item_matrix(interactions))
    blocks = [sparse.csr_array((0, interactions.n_items), dtype=np.float32)]
    blocks += [strongest(block, config.neighbours) for _, block in blocks_of_item_products(scaled)]
    linear = sparse.csr_array(sparse.vstack(blocks, format="csr"))
    basis = right_singular_vectors(scaled, config.factors, np.random.default_rng(config.seed))
    write_neighbours(directory, "neighbours", linear, interactions, basis=basis, degree=degree)
    write_config(directory, kind="gf_cf", n_items=interactions.n_items, **asdict(config))
    progress(EpochReport(epoch=1, epochs=1, loss=0.0, seconds=time.monotonic() - started))


def right_singular_vectors(matrix: sparse.csr_array, count: int, rng: np.random.Generator) -> FloatArray:
    """(n_columns, k) float32, orthonormal, of the largest singular values; k = count or as many as there are."""
    count = min(count, min(matrix.shape) - 1)
    if count < 1 or not matrix.nnz:
        return np.zeros((matrix.shape[1], 0), np.float32)
    start = rng.standard_normal(min(matrix.shape)).astype(np.float32)
    _, _, vectors = svds(matrix, k=count, v0=start, return_singular_vectors="vh")
    return np.ascontiguousarray(vectors.T.astype(np.float32))
