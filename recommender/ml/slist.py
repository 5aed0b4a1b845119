"""SLIST's transition part: a closed-form linear model of what comes later from what came before.

Choi et al. 2021, "Session-aware linear item-item models for session-based recommendation", SLIT (eq. 9): every prefix
of a history predicts its remainder, minimising ‖T − S·B‖² + λ‖B‖², so B = (SᵀS + λI)⁻¹ SᵀT. Unlike transition counts, B
knows which of several items of a history speak for the same thing.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from recommender.ml.artifact import write_config
from recommender.ml.dataset import Interactions
from recommender.ml.ease import MAX_ITEMS, largest_weights, regularised_inverse
from recommender.ml.interaction_matrix import write_neighbours
from recommender.ml.progress import EpochCallback, EpochReport

if TYPE_CHECKING:
    from recommender.ml.checkpoint import Checkpoint


@dataclass(frozen=True)
class SLISTConfig:
    """reg: λ, in units of summed event weight.

    source_decay: the i-th latest item of a prefix counts decay ** i, in training as in serving.
    target_decay: the i-th item after a prefix counts decay ** i.
    window: of a prefix so many of the latest items are read, and each predicts as many after it.
    neighbours: of each item's row this many weights of largest size are kept.
    """

    reg: float = 50.0
    source_decay: float = 0.8
    target_decay: float = 0.4
    window: int = 15
    neighbours: int = 1000

    def __post_init__(self) -> None:
        if not self.reg > 0:
            raise ValueError(f"reg: received {self.reg!r}, expected above 0")
        for name in ("source_decay", "target_decay"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected above 0 up to 1")
        for name in ("window", "neighbours"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least 1")


def train_slist(
    interactions: Interactions,
    config: SLISTConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Writes neighbours.safetensors: the cut weights as CSR and popularity in [0, 1], the fallback.

    Raises ValueError if more than MAX_ITEMS items have events.
    """
    started = time.monotonic()
    before, transitions = prefix_products(interactions, config)
    active = np.flatnonzero(before.diagonal())
    if len(active) > MAX_ITEMS:
        raise ValueError(f"n_items: received {len(active)} items with successors, SLIST takes at most {MAX_ITEMS}")
    matrix = sparse.csr_array((interactions.n_items, interactions.n_items), dtype=np.float32)
    if len(active):
        gram = np.asfortranarray(before[active][:, active].toarray(), dtype=np.float32)
        inverse = regularised_inverse(gram, config.reg)
        # (SᵀT)ᵀ from the left keeps the sparse factor first: scipy multiplies sparse by dense, not the reverse.
        weights = (transitions[active].T.tocsr() @ inverse).T
        reached = np.arange(interactions.n_items)
        matrix = largest_weights(weights, active, interactions.n_items, config.neighbours, columns_are=reached)
    write_neighbours(directory, "neighbours", matrix, interactions)
    write_config(
        directory,
        kind="slist",
        n_items=interactions.n_items,
        history_decay=config.source_decay,
        **asdict(config),
    )
    progress(EpochReport(epoch=1, epochs=1, loss=0.0, seconds=time.monotonic() - started))


def prefix_products(interactions: Interactions, config: SLISTConfig) -> tuple[sparse.csr_array, sparse.csr_array]:
    """(SᵀS, SᵀT), both (n_items, n_items) float32 CSR, without making S or T.

    Over all prefixes of a history of n items, the pair (i, i + g) meets in SᵀS with a**g · (1 + a² + a⁴ + …), a term
    for each prefix that leaves something over and has both in its window; in SᵀT with the sum over m < g of
    a**m · b**(g − 1 − m). A pair counts the geometric mean of its events' weights.
    Only human events count: those of synthetic users have no order.
    """
    interactions = interactions.human()
    item, weight = interactions.item, np.sqrt(interactions.weight.astype(np.float64))
    offsets = interactions.offsets
    left = offsets[interactions.user + 1] - 1 - np.arange(len(item))  # events of the same user that follow
    a, b = config.source_decay, config.target_decay
    rounds = np.concatenate([[0.0], np.cumsum(a ** (2 * np.arange(left.max(initial=0))))])
    shape = (interactions.n_items, interactions.n_items)
    held = [(item, item, weight**2 * rounds[np.minimum(left, config.window)])]
    followed = []
    for gap in range(1, config.window + 1):
        earlier = np.flatnonzero(left >= gap)
        later = earlier + gap
        pair = item[earlier], item[later]
        both = weight[earlier] * weight[later]
        value = a**gap * both * rounds[np.minimum(left[later], config.window - gap)]
        held += [(*pair, value), (*reversed(pair), value)]
        followed.append((*pair, both * sum(a**m * b ** (gap - 1 - m) for m in range(gap))))
    return _summed(held, shape), _summed(followed, shape)


def _summed(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]], shape: tuple[int, int]) -> sparse.csr_array:
    rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    matrix = sparse.coo_array((values.astype(np.float32), (rows, columns)), shape=shape).tocsr()
    matrix.eliminate_zeros()
    return matrix
