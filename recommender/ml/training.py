"""The epoch loop that every gradient-trained model shares: seeded, checkpointed, resumable."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from recommender.ml.checkpoint import Checkpoint
from recommender.ml.progress import EpochCallback, EpochReport


def seed_everything(seed: int, epoch: int) -> np.random.Generator:
    """Seeds torch's global generator (dropout draws from it) and returns a numpy one, for this epoch alone.

    Randomness that depends on (seed, epoch) only needs no saved generator state to resume exactly.
    Epoch 0 stands for the initialisation.
    """
    torch_seed, numpy_seed = np.random.SeedSequence([seed, epoch]).generate_state(2, np.uint64)
    torch.manual_seed(int(torch_seed))
    return np.random.default_rng(numpy_seed)


def fit_epochs(
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    seed: int,
    train_epoch: Callable[[int, np.random.Generator], float],
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
    fingerprint: Mapping[str, Any],
) -> None:
    """Runs train_epoch(epoch, rng) -> mean loss for epoch = 1 … epochs, after what `checkpoint` holds.

    model, optimizer: saved and restored whole; learning-rate schedules must be a function of the epoch
        (and step within it), so that they need no state.
    progress: called after the epoch's checkpoint is on disk; whatever it raises ends the training.
    fingerprint: JSON that a checkpoint must have been saved with (configuration, sizes).

    Raises ValueError if the checkpoint belongs to another configuration, RuntimeError if a loss is not
    finite.
    """
    # Through JSON, so that it compares equal to what comes back from disk (tuples become lists).
    fingerprint = json.loads(json.dumps(dict(fingerprint)))
    finished = _restore(model, optimizer, checkpoint, fingerprint) if checkpoint else 0
    for epoch in range(finished + 1, epochs + 1):
        started = time.monotonic()
        with torch.random.fork_rng(devices=[]):
            loss = train_epoch(epoch, seed_everything(seed, epoch))
        if not np.isfinite(loss):
            raise RuntimeError(f"loss: received {loss!r} in epoch {epoch}")
        if checkpoint is not None:
            checkpoint.save(epoch, _pack(model, optimizer), {"fingerprint": fingerprint})
        progress(EpochReport(epoch, epochs, loss, time.monotonic() - started))


def _pack(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    return tensors


def _restore(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    checkpoint: Checkpoint,
    fingerprint: Mapping[str, Any],
) -> int:
    saved = checkpoint.load()
    if saved is None:
        return 0
    epoch, tensors, meta = saved
    if meta.get("fingerprint") != fingerprint:
        raise ValueError(f"checkpoint: saved for {meta.get('fingerprint')!r}, received {fingerprint!r}")
    state: dict[int, dict[str, torch.Tensor]] = {}
    weights = {}
    for name, tensor in tensors.items():
        part, rest = name.split(".", 1)
        if part == "model":
            weights[rest] = tensor
        else:
            index, field = rest.split(".", 1)
            state.setdefault(int(index), {})[field] = tensor
    model.load_state_dict(weights)
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return epoch
