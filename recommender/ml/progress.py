"""How a training tells its caller where it stands; free of torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class EpochReport:
    """One finished epoch.

    epoch: 1 … epochs. loss: mean training loss (0 for models without one). seconds: wall time of the epoch.
    """

    epoch: int
    epochs: int
    loss: float
    seconds: float


EpochCallback = Callable[[EpochReport], None]
"""Called after the epoch's checkpoint is saved; it may raise to cancel the training."""


def ignore_progress(report: EpochReport) -> None:
    """The callback of someone who only waits for the end."""
