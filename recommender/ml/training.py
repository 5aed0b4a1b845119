"""The epoch loop that every gradient-trained model shares: seeded, checkpointed, resumable."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import nn

from recommender.ml.checkpoint import Checkpoint
from recommender.ml.distributed import averaged_gradients, from_leader, leads, mean_of_all, world
from recommender.ml.progress import EpochCallback, EpochReport


def seed_everything(seed: int, epoch: int) -> np.random.Generator:
    """Seeds torch's global generator (dropout draws from it) and returns a numpy one, for this epoch alone.

    Randomness that depends on (seed, epoch) only needs no saved generator state to resume exactly.
    Epoch 0 stands for the initialisation. Of several processes each drops units of its own, but all order the batches
    alike.
    """
    torch_seed, numpy_seed = np.random.SeedSequence([seed, epoch]).generate_state(2, np.uint64)
    if epoch and (rank := world().rank):
        torch_seed = np.random.SeedSequence([seed, epoch, rank]).generate_state(1, np.uint64)[0]
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

    Of several processes (recommender.ml.distributed) all begin with the leader's state and step with the mean of
    their gradients; `checkpoint` and `progress` are the leader's alone, the loss is the mean of all.

    Raises ValueError if the checkpoint belongs to another configuration, RuntimeError if a loss is not
    finite, ProcessLost if another process is gone.
    """
    # Through JSON, so that it compares equal to what comes back from disk (tuples become lists).
    fingerprint = json.loads(json.dumps(dict(fingerprint)))
    finished = _restore(model, optimizer, checkpoint, fingerprint) if checkpoint and leads() else 0
    finished = _begin_alike(model, optimizer, finished)
    for epoch in range(finished + 1, epochs + 1):
        started = time.monotonic()
        with torch.random.fork_rng(devices=[]), averaged_gradients(optimizer):
            loss = mean_of_all(train_epoch(epoch, seed_everything(seed, epoch)))
        if not np.isfinite(loss):
            raise RuntimeError(f"loss: received {loss!r} in epoch {epoch}")
        if not leads():
            continue
        if checkpoint is not None:
            checkpoint.save(epoch, _pack(model, optimizer), {"fingerprint": fingerprint})
        progress(EpochReport(epoch, epochs, loss, time.monotonic() - started))


def _begin_alike(model: nn.Module, optimizer: torch.optim.Optimizer, finished: int) -> int:
    """Gives every process the leader's weights and optimizer state; returns how many epochs the leader has finished."""
    if world().size == 1:
        return finished
    state = {"finished": torch.tensor(finished), **_pack(model, optimizer)}
    packed = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in state.items()
    }
    received = load(from_leader(save(packed) if leads() else None))
    finished = int(received.pop("finished"))
    if not leads():
        _unpack(model, optimizer, received)
    return finished


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
    _unpack(model, optimizer, tensors)
    return epoch


def _unpack(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
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
