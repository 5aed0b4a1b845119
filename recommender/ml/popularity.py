"""Summed event weight per item: what a recommender must beat before it is called one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recommender.ml.artifact import write_config, write_tensors
from recommender.ml.dataset import Interactions
from recommender.ml.progress import EpochCallback, EpochReport

if TYPE_CHECKING:
    from recommender.ml.checkpoint import Checkpoint


@dataclass(frozen=True)
class PopularityConfig:
    """Nothing to choose."""


def train_popularity(
    interactions: Interactions,
    config: PopularityConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Writes popularity.safetensors: counts (n_items,) float32, of human events where there are any."""
    started = time.monotonic()
    write_tensors(directory, "popularity", {"counts": interactions.popularity().astype(np.float32)})
    write_config(directory, kind="popularity", n_items=interactions.n_items)
    progress(EpochReport(epoch=1, epochs=1, loss=0.0, seconds=time.monotonic() - started))
