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


SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True)
class PopularityConfig:
    """Nothing to choose."""


@dataclass(frozen=True)
class Popularity30DConfig:
    """window_days: only events of so many days before the newest event count."""

    window_days: float = 30.0

    def __post_init__(self) -> None:
        if not self.window_days > 0:
            raise ValueError(f"window_days: received {self.window_days!r}, expected above 0")


@dataclass(frozen=True)
class Popularity7DConfig(Popularity30DConfig):
    window_days: float = 7.0


def train_popularity(
    interactions: Interactions,
    config: PopularityConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Writes popularity.safetensors: counts (n_items,) float32, of human events where there are any."""
    _write("popularity", interactions, directory, progress)


def train_popularity_30d(
    interactions: Interactions,
    config: Popularity30DConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Like `train_popularity`, of the latest events."""
    latest = latest_events(interactions, config.window_days)
    _write("popularity_30d", latest, directory, progress, window_days=config.window_days)


def train_popularity_7d(
    interactions: Interactions,
    config: Popularity7DConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Like `train_popularity`, of the latest events."""
    latest = latest_events(interactions, config.window_days)
    _write("popularity_7d", latest, directory, progress, window_days=config.window_days)


def latest_events(interactions: Interactions, window_days: float) -> Interactions:
    """The events of the last `window_days` before the newest; all of them if no human event is among those."""
    within = interactions.time >= interactions.time.max(initial=-np.inf) - window_days * SECONDS_PER_DAY
    return interactions.take(within) if (within & ~interactions.synthetic).any() else interactions


def _write(
    kind: str, interactions: Interactions, directory: Path, progress: EpochCallback, **parameters: float
) -> None:
    started = time.monotonic()
    write_tensors(directory, "popularity", {"counts": interactions.popularity().astype(np.float32)})
    write_config(directory, kind=kind, n_items=interactions.n_items, **parameters)
    progress(EpochReport(epoch=1, epochs=1, loss=0.0, seconds=time.monotonic() - started))
