"""Starting trainings and writing down what they did."""

from typing import Any

from django.db import IntegrityError, transaction

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.queue import enqueue
from fashionrec.common.runs import advance
from recommender.ml.progress import EpochReport
from recommender.models import ModelKind, TrainingEpoch, TrainingRun


def start_training(*, kind: str, config: dict[str, Any] | None = None, seed: int = 0) -> TrainingRun:
    """Queue a training. Raises Invalid for an unknown kind, Conflict while one of this kind is open."""
    if kind not in ModelKind.values:
        raise Invalid.for_field("kind", kind, f"expected one of {', '.join(ModelKind.values)}")
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(kind=kind, config=config or {}, seed=seed)
    except IntegrityError as error:
        raise Conflict.for_field("kind", kind, "a training of this kind is queued or running") from error
    enqueue(TrainingRun.task_name, str(run.pk))
    return run


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
