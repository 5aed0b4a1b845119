"""Content-kNN: what looks like what the shopper took last. Nothing is learned, so new items work at once."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recommender.ml.artifact import write_config, write_tensors
from recommender.ml.dataset import Interactions
from recommender.ml.interaction_matrix import popularity_share
from recommender.ml.progress import EpochCallback, EpochReport

if TYPE_CHECKING:
    from recommender.ml.checkpoint import Checkpoint


@dataclass(frozen=True)
class ContentKNNConfig:
    """history_decay: the i-th latest item of a history counts decay ** i."""

    history_decay: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.history_decay <= 1:
            raise ValueError(f"history_decay: received {self.history_decay!r}, expected above 0 up to 1")


def train_content_knn(
    interactions: Interactions,
    config: ContentKNNConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Writes content.safetensors: content (n_items, D) float16 and popularity in [0, 1], the fallback."""
    started = time.monotonic()
    content = interactions.content.astype(np.float16)
    write_tensors(directory, "content", {"content": content, "popularity": popularity_share(interactions)})
    write_config(directory, kind="content_knn", n_items=interactions.n_items, **asdict(config))
    progress(EpochReport(epoch=1, epochs=1, loss=0.0, seconds=time.monotonic() - started))
