"""Transition-kNN: which items follow each other within a few steps, normalised by popularity."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommender.ml.artifact import write_config
from recommender.ml.dataset import Interactions
from recommender.ml.interaction_matrix import strongest, write_neighbours
from recommender.ml.progress import EpochCallback, EpochReport

if TYPE_CHECKING:
    from recommender.ml.checkpoint import Checkpoint


@dataclass(frozen=True)
class TransitionKNNConfig:
    """gap: pairs up to this many steps apart count, each 1 / steps.

    source_exponent, target_exponent: counts are divided by popularity of the item left and of the item
        reached, to these powers.
    backward_weight: what a pair counts for in the opposite direction.
    history_decay: the i-th latest item of a history counts decay ** i.
    neighbours: at most this many items are kept per source item.
    """

    gap: int = 10
    source_exponent: float = 0.5
    target_exponent: float = 0.1
    backward_weight: float = 0.3
    history_decay: float = 0.5
    neighbours: int = 1000

    def __post_init__(self) -> None:
        for name in ("gap", "neighbours"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least 1")
        if not 0 < self.history_decay <= 1:
            raise ValueError(f"history_decay: received {self.history_decay!r}, expected above 0 up to 1")


def transition_matrix(interactions: Interactions, config: TransitionKNNConfig) -> sparse.csr_array:
    """(n_items, n_items) float32 CSR: row = item left, column = item reached.

    A pair counts the weight of the event it leads to. Only human events count: those of synthetic users have no order.
    """
    interactions = interactions.human()
    size = (interactions.n_items, interactions.n_items)
    user, item, weight = interactions.user, interactions.item, interactions.weight.astype(np.float64)
    rows, columns, values = [], [], []
    for gap in range(1, min(config.gap, len(user) - 1) + 1):
        same = np.flatnonzero((user[gap:] == user[:-gap]) & (item[gap:] != item[:-gap]))
        earlier, later = item[same], item[same + gap]
        rows += [earlier, later]
        columns += [later, earlier]
        values += [weight[same + gap] / gap, config.backward_weight * weight[same] / gap]
    if not rows:
        return sparse.csr_array(size, dtype=np.float32)
    coordinates = (np.concatenate(rows), np.concatenate(columns))
    counts = sparse.coo_array((np.concatenate(values), coordinates), shape=size).tocsr()
    counts.eliminate_zeros()
    popularity = np.maximum(np.bincount(item, weights=weight, minlength=interactions.n_items), 1e-12)
    source = np.repeat(np.arange(interactions.n_items), np.diff(counts.indptr))
    counts.data /= popularity[source] ** config.source_exponent
    counts.data /= popularity[counts.indices] ** config.target_exponent
    return strongest(counts, config.neighbours)


def train_transition_knn(
    interactions: Interactions,
    config: TransitionKNNConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Writes transitions.safetensors: the CSR matrix and popularity in [0, 1], the fallback."""
    started = time.monotonic()
    matrix = transition_matrix(interactions, config)
    write_neighbours(directory, "transitions", matrix, interactions)
    write_config(directory, kind="transition_knn", n_items=interactions.n_items, **asdict(config))
    progress(EpochReport(epoch=1, epochs=1, loss=0.0, seconds=time.monotonic() - started))
