"""Epoch after epoch: checkpoints, validation, early stopping, the best weights, and a budget of time.

What happens inside an epoch is the trainer's. Killed at any instant and started again, a training ends with the same
weights and the same history as one that was never interrupted; on a GPU up to rounding, for some of its operators add
in an order of their own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from catalog.ml.training_schedule import epochs_within
from catalog.ml.training_state import best_weights, copied_weights, flatten_state, restore_state, with_best

REHEARSED_STEPS = 100
"""So many steps are timed before a training with a budget; its first tenth warms up and does not count."""


@dataclass(frozen=True)
class TrainingPlan:
    """epochs: passes over all pictures, at most
    minutes: of training (pictures are read before); the whole epochs that fit are decided before the first, from the
        time of a rehearsal that leaves no trace. None: all `epochs`
    validate_every: epochs from one validation to the next; the last epoch is always validated
    patience: validations without a better score before training stops; 0 never stops early
    """

    epochs: int
    minutes: float | None = None
    validate_every: int = 1
    patience: int = 0


@dataclass
class TrainingProgress:
    """epochs: as decided
    history: figures by epoch, {"epoch", "loss", "score", …}; epoch 0 is before training
    best_epoch: whose weights validated best; None without validation
    since_best: validations since then
    stopped: the epoch after which patience ended, or None
    seconds: of training, over all attempts
    """

    epochs: int
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int | None = None
    since_best: int = 0
    stopped: int | None = None
    seconds: float = 0.0

    @property
    def best_score(self) -> float:
        return next((float(entry["score"]) for entry in self.history if entry["epoch"] == self.best_epoch), -1.0)


@dataclass(frozen=True)
class EpochReport:
    """One finished epoch of `epochs`; score: of its validation, if it had one."""

    epoch: int
    epochs: int
    loss: float
    seconds: float
    score: float | None = None


# Called after the checkpoint is saved; may raise to cancel.
EpochCallback = Callable[[EpochReport], None]


class Checkpoint(Protocol):
    """Keeps the state after the last finished epoch."""

    def save(self, epoch: int, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None: ...

    def load(self) -> tuple[int, dict[str, torch.Tensor], dict[str, Any]] | None: ...


class CheckpointError(ValueError):
    """A checkpoint that cannot be written, or belongs to another training."""


class Trainer(Protocol):
    """What is trained, and how.

    average: whose weights are validated and kept
    frozen: the part of the model that stays as it is, and out of checkpoints; "" for none
    """

    model: nn.Module
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    steps_per_epoch: int
    frozen: str

    def steps(self, epoch: int, epochs: int) -> Iterator[float]:
        """Trains epoch `epoch` of `epochs`, yielding each step's loss; all its chance comes from a seed and `epoch`."""
        ...

    def validate(self) -> dict[str, Any] | None:
        """Figures of the averaged weights as JSON, with "score" (higher is better); None without anything to ask."""
        ...


def run_training(
    trainer: Trainer,
    plan: TrainingPlan,
    *,
    fingerprint: Mapping[str, Any],
    on_epoch: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> TrainingProgress:
    """Trains to the end, and leaves the best weights in `trainer.average`.

    fingerprint: JSON that tells this training from others. Raises CheckpointError when the checkpoint is of another,
    or cannot be written.
    """
    # As it will read from a checkpoint: JSON knows no tuples.
    fingerprint = json.loads(json.dumps({**fingerprint, "plan": vars(plan)}))
    started = time.monotonic()
    finished, progress = 0, TrainingProgress(epochs=plan.epochs)
    best: dict[str, torch.Tensor] = {}
    resumed = _resume(trainer, checkpoint, fingerprint)
    if resumed is None:
        _validate(trainer, progress, best, epoch=0)
        if plan.minutes is not None:
            progress.epochs = _epochs_in_time(trainer, plan, validation_seconds=time.monotonic() - started)
    else:
        finished, progress, best = resumed
    while finished < progress.epochs and progress.stopped is None:
        epoch, loss = finished + 1, _epoch(trainer, finished + 1, progress.epochs)
        score = None
        if epoch % plan.validate_every == 0 or epoch == progress.epochs:
            score = _validate(trainer, progress, best, epoch=epoch, loss=round(loss, 4))
            if plan.patience and progress.since_best >= plan.patience:
                progress.stopped = epoch
        seconds, started = time.monotonic() - started, time.monotonic()
        progress.seconds += seconds
        finished = epoch
        if checkpoint:
            _save(checkpoint, trainer, finished, progress, best, fingerprint)
        on_epoch(EpochReport(epoch, progress.epochs, loss, seconds, score))
    if best:
        trainer.average.module.load_state_dict({**trainer.average.module.state_dict(), **best})
    return progress


def _epoch(trainer: Trainer, epoch: int, epochs: int) -> float:
    """Mean loss."""
    with _own_chance():
        losses = list(trainer.steps(epoch, epochs))
    return sum(losses) / len(losses)


def _validate(
    trainer: Trainer, progress: TrainingProgress, best: dict[str, torch.Tensor], *, epoch: int, **more: float
) -> float | None:
    figures = trainer.validate()
    if figures is None:
        return None
    score = float(figures["score"])
    better = score > progress.best_score
    progress.history.append({"epoch": epoch, **more, **figures})
    progress.since_best = 0 if better else progress.since_best + 1
    if better:
        progress.best_epoch = epoch
        best.update(copied_weights(trainer.average.module))
    return score


def _epochs_in_time(trainer: Trainer, plan: TrainingPlan, *, validation_seconds: float) -> int:
    """Times the first steps of an epoch and puts everything back as it was."""
    before = {
        key: tensor.clone() for key, tensor in flatten_state(trainer.model, trainer.average, trainer.optimizer).items()
    }
    started, times = time.monotonic(), [time.monotonic()]
    with _own_chance():
        for _ in islice(trainer.steps(1, plan.epochs), REHEARSED_STEPS):
            times.append(time.monotonic())
    restore_state(before, trainer.model, trainer.average, trainer.optimizer)
    warm = (len(times) - 1) // 10
    seconds_per_step = (times[-1] - times[warm]) / (len(times) - 1 - warm)
    return epochs_within(
        60.0 * float(plan.minutes or 0.0) - (time.monotonic() - started) - validation_seconds,
        seconds_per_epoch=seconds_per_step * trainer.steps_per_epoch + validation_seconds / plan.validate_every,
        most=plan.epochs,
    )


def _own_chance() -> Any:
    """Whatever an epoch seeds is nobody else's."""
    return torch.random.fork_rng(devices=range(torch.cuda.device_count()))


def _save(
    checkpoint: Checkpoint,
    trainer: Trainer,
    epoch: int,
    progress: TrainingProgress,
    best: Mapping[str, torch.Tensor],
    fingerprint: Mapping[str, Any],
) -> None:
    tensors = with_best(flatten_state(trainer.model, trainer.average, trainer.optimizer), best)
    if trainer.frozen:
        tensors = {key: tensor for key, tensor in tensors.items() if f".{trainer.frozen}." not in key}
    try:
        checkpoint.save(epoch, tensors, {"fingerprint": fingerprint, "progress": vars(progress)})
    except OSError as error:
        size = sum(tensor.nbytes for tensor in tensors.values())
        reason = f"{size / 1e6:.0f} MB after epoch {epoch} cannot be written: {error}"
        raise CheckpointError(f"checkpoint: {reason}") from error


def _resume(
    trainer: Trainer, checkpoint: Checkpoint | None, fingerprint: Mapping[str, Any]
) -> tuple[int, TrainingProgress, dict[str, torch.Tensor]] | None:
    saved = checkpoint.load() if checkpoint else None
    if saved is None:
        return None
    epoch, tensors, meta = saved
    if meta.get("fingerprint") != fingerprint:
        differing = "; ".join(_differences("", meta.get("fingerprint"), fingerprint))
        raise CheckpointError(f"checkpoint: received one of another training, with {differing}")
    now = flatten_state(trainer.model, trainer.average, trainer.optimizer)
    restore_state({**now, **tensors}, trainer.model, trainer.average, trainer.optimizer)
    return epoch, TrainingProgress(**meta["progress"]), best_weights(tensors)


def _differences(name: str, theirs: Any, ours: Any) -> Iterator[str]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted({*theirs, *ours}):
            yield from _differences(f"{name}.{key}".lstrip("."), theirs.get(key), ours.get(key))
    elif theirs != ours:
        yield f"{name} {theirs!r} and now {ours!r}"
