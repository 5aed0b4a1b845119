"""How the learning rate rises and falls, and how many epochs fit into a time."""

from __future__ import annotations

import math

from torch.optim import Optimizer


def cosine_with_warmup(step: int, *, steps: int, warmup_steps: int) -> float:
    """Share of the peak learning rate at `step`, counted from 0: up in a line, then down a cosine to zero."""
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return warmup * 0.5 * (1.0 + math.cos(math.pi * step / steps))


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """The same for all groups of weights."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def epochs_within(seconds: float, *, seconds_per_epoch: float, most: int) -> int:
    """Whole epochs that fit, from 1 to `most`."""
    return max(1, min(most, int(seconds / seconds_per_epoch)))
