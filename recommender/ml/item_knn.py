"""Item-kNN: items taken by the same shoppers, by cosine with shrinkage (Sarwar et al. 2001)."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommender.ml.artifact import write_config
from recommender.ml.dataset import Interactions
from recommender.ml.interaction_matrix import (
    blocks_of_item_products,
    square_root,
    strongest,
    user_item_matrix,
    write_neighbours,
)
from recommender.ml.progress import EpochCallback, EpochReport

if TYPE_CHECKING:
    from recommender.ml.checkpoint import Checkpoint


@dataclass(frozen=True)
class ItemKNNConfig:
    """shrinkage: added to the denominator of the cosine, so that few common shoppers are not trusted.

    history_decay: the i-th latest item of a history counts decay ** i.
    neighbours: at most this many items are kept per item of a history.
    """

    shrinkage: float = 30.0
    history_decay: float = 0.65
    neighbours: int = 200

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise ValueError(f"neighbours: received {self.neighbours!r}, expected at least 1")
        if not self.shrinkage >= 0:
            raise ValueError(f"shrinkage: received {self.shrinkage!r}, expected at least 0")
        if not 0 < self.history_decay <= 1:
            raise ValueError(f"history_decay: received {self.history_decay!r}, expected above 0 up to 1")


def cosine_matrix(interactions: Interactions, config: ItemKNNConfig) -> sparse.csr_array:
    """(n_items, n_items) float32 CSR: c_ij / (sqrt(p_i p_j) + shrinkage), no diagonal.

    c_ij sums, over common shoppers, the geometric mean of their weights for i and j; p_i is c_ii.
    """
    taken = square_root(user_item_matrix(interactions))
    length = np.sqrt(np.asarray(taken.power(2).sum(axis=0), np.float64))
    blocks = [sparse.csr_array((0, interactions.n_items), dtype=np.float32)]
    for rows, block in blocks_of_item_products(taken):
        row = np.repeat(np.arange(rows.start, rows.stop), np.diff(block.indptr))
        block.data /= length[row] * length[block.indices] + config.shrinkage
        block.data[row == block.indices] = 0.0
        block.eliminate_zeros()
        blocks.append(strongest(block, config.neighbours))
    return sparse.csr_array(sparse.vstack(blocks, format="csr"))


def train_item_knn(
    interactions: Interactions,
    config: ItemKNNConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Writes neighbours.safetensors: the CSR matrix and popularity in [0, 1], the fallback."""
    started = time.monotonic()
    write_neighbours(directory, "neighbours", cosine_matrix(interactions, config), interactions)
    write_config(directory, kind="item_knn", n_items=interactions.n_items, **asdict(config))
    progress(EpochReport(epoch=1, epochs=1, loss=0.0, seconds=time.monotonic() - started))
