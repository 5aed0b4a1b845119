"""The floor: a random ranking."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.ml.artifact import write_config
from recommender.ml.dataset import Interactions
from recommender.ml.progress import EpochCallback, EpochReport

if TYPE_CHECKING:
    from recommender.ml.checkpoint import Checkpoint


@dataclass(frozen=True)
class RandomConfig:
    """seed: draws the rankings."""

    seed: int = 0


def train_random(
    interactions: Interactions,
    config: RandomConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Writes the artifact; nothing is learned."""
    write_config(directory, kind="random", n_items=interactions.n_items, **asdict(config))
    progress(EpochReport(epoch=1, epochs=1, loss=0.0, seconds=0.0))
