"""Starting trainings and writing down what they did."""

from typing import Any

from django.db import IntegrityError, transaction

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.queue import enqueue
from fashionrec.common.runs import advance
from personas.services.personas import MAX_SEED
from recommender.ml.artifact import WEIGHTS
from recommender.ml.progress import EpochReport
from recommender.ml.trainers import TRAINERS
from recommender.models import ModelKind, ModelVersion, TrainingEpoch, TrainingRun


def start_training(
    *, kind: str, config: dict[str, Any] | None = None, seed: int = 0, continue_from: ModelVersion | None = None
) -> TrainingRun:
    """Queue a training, from random weights or from those of `continue_from`.

    Raises Invalid for a kind that is unknown or has no trainer, a seed outside 0..MAX_SEED, or a version that it cannot
    continue from; Conflict while a training of this kind is open.
    """
    _check_kind(kind)
    check_seed(seed)
    if continue_from is not None:
        _check_continuation(kind, continue_from)
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(kind=kind, config=config or {}, seed=seed, continue_from=continue_from)
    except IntegrityError as error:
        raise Conflict.for_field("kind", kind, "a training of this kind is queued or running") from error
    enqueue(TrainingRun.task_name, str(run.pk))
    return run


def can_continue(version: ModelVersion) -> bool:
    """Whether a training can begin with the weights of `version`: its artifact holds them."""
    return f"{WEIGHTS}.safetensors" in version.files


def trainable_kinds() -> list[str]:
    """Kinds that have a trainer, in the order of ModelKind; the blend is made of the others."""
    return [kind for kind in ModelKind.values if kind in TRAINERS or kind == ModelKind.BLEND]


def check_seed(seed: int) -> None:
    """Raises Invalid for a seed that is negative or does not fit into its column."""
    if not 0 <= seed <= MAX_SEED:
        raise Invalid.for_field("seed", seed, f"expected 0 to {MAX_SEED}")


def _check_kind(kind: str) -> None:
    if kind not in trainable_kinds():
        raise Invalid.for_field("kind", kind, f"expected one of {', '.join(trainable_kinds())}")


def _check_continuation(kind: str, version: ModelVersion) -> None:
    if version.kind != kind:
        raise Invalid.for_field("continue_from", version.name, f"this is no {kind}")
    if not can_continue(version):
        raise Invalid.for_field("continue_from", version.name, "its artifact holds no weights to begin with")


@transaction.atomic
def record_epoch(*, run: TrainingRun, report: EpochReport) -> TrainingEpoch:
    """Write down a finished epoch; the unique constraint refuses one that was already finished.

    Raises LeaseLost, writing nothing: a process that lost the run must not leave an epoch in its new holder's way.
    """
    advance(run, done=report.epoch, total=report.epochs)
    return TrainingEpoch.objects.create(
        run=run, epoch=report.epoch, loss=report.loss, seconds=report.seconds, worker=run.lease_owner
    )


def forget_epochs_after(*, run: TrainingRun, epoch: int) -> int:
    """Drop epochs whose checkpoint did not survive (its disk is gone); returns how many."""
    return TrainingEpoch.objects.filter(run=run, epoch__gt=epoch).delete()[0]
