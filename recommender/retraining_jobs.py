"""Worker-side work: retraining all kinds on one state of the shop, and choosing among them."""

import shutil
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.db import transaction

from fashionrec.common.errors import Conflict
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import check_held, hold_run
from recommender.champion_comparison import gain_over_champion
from recommender.datasets import Dataset
from recommender.evaluation_jobs import evaluate_versions
from recommender.jobs import (
    SNAPSHOT,
    NothingToLearn,
    checkpoint_folder,
    take_snapshot,
    work_training_run,
)
from recommender.ml.progress import EpochReport
from recommender.ml.split import leave_one_out
from recommender.models import ModelKind, ModelVersion, Retraining, RetrainingStep
from recommender.report_rows import Gain
from recommender.selectors import champion, latest_retraining_of, latest_versions, open_trainings
from recommender.services.retraining import conclude, record_outcome, record_step, step_of

logger = structlog.get_logger(__name__)

WAIT_SECONDS = 1.0
"""Between looks at a training that another process has."""

EpochOf = Callable[[str, EpochReport], None]


def work_retraining(run_id: str, *, on_epoch: EpochOf | None = None) -> None:
    """Train what a retraining asks for, measure it beside the baselines, and choose; from the step on where it stopped.

    Every kind learns from one snapshot of the shop, so that all are measured on the same held-out events. A step that
    was begun is carried on from its checkpoint; one that failed is passed over. on_epoch: called with kind and report.
    """
    try:
        _retrain(run_id, on_epoch)
    finally:
        retraining = Retraining.objects.filter(pk=run_id).first()
        if retraining is not None and not retraining.is_open:
            shutil.rmtree(checkpoint_folder(retraining), ignore_errors=True)


def _retrain(run_id: str, on_epoch: EpochOf | None) -> None:
    with hold_run(Retraining, run_id) as retraining:
        if retraining is None or retraining.best_id is not None:  # killed right after it had chosen
            return
        try:
            dataset = take_snapshot(checkpoint_folder(retraining))
        except NothingToLearn as error:
            record_outcome(retraining=retraining, outcome=f"Skipped: {error}.")
            return
        if not retraining.steps.exists() and (reason := nothing_new(retraining, dataset.window)):
            record_outcome(retraining=retraining, outcome=f"Skipped: {reason}.")
            return
        serving = champion()
        steps = []
        for done, kind in enumerate(retraining.kinds, start=1):
            steps.append(_train(retraining, kind, dataset, serving, on_epoch))
            check_held(retraining)
            record_step(retraining=retraining, done=max(done, retraining.done))
        # Of equally good ones the simplest is taken: they are in the order of ModelKind.
        trained = list(ModelVersion.objects.filter(run__retraining_step__in=[s.pk for s in steps]).order_by("pk"))
        if not trained:
            errors = "; ".join(f"{step.kind}: {step.training.error or step.training.state}" for step in steps)
            raise RuntimeError(f"no model was trained: {errors}")
        _choose(retraining, trained, dataset)


def nothing_new(retraining: Retraining, window: dict[str, Any]) -> str:
    """Why a retraining on data of this window would only repeat an earlier one; empty when it would not."""
    newest = latest_versions()
    earlier = latest_retraining_of(retraining.kinds)
    same = all(kind in newest and _as_new(newest[kind], window) for kind in retraining.kinds) or (
        earlier is not None and earlier.best is not None and _as_new(earlier.best, window)
    )
    return f"no new events or ratings since {window['last'] or 'the last training'}" if same else ""


def _as_new(version: ModelVersion, window: dict[str, Any]) -> bool:
    return all(version.data_window.get(name) == window[name] for name in ("events", "persona_likes", "last", "encoder"))


def _train(
    retraining: Retraining, kind: str, dataset: Dataset, serving: ModelVersion | None, on_epoch: EpochOf | None
) -> RetrainingStep:
    """Carry a step's training to its end, here or by waiting for who has it. It ends early when we are to stop."""
    step = _begun(retraining, kind, dataset, serving)
    training = step.training
    while training.is_open:
        try:
            work_training_run(str(training.pk), on_epoch=on_epoch and (lambda report: on_epoch(kind, report)))
        except Exception as error:  # it is written down with the training; the other kinds can do without
            logger.exception("retraining_step_failed", kind=kind, error=str(error))
        training.refresh_from_db()
        check_held(retraining)
        if training.is_open:
            time.sleep(WAIT_SECONDS)
    return step


def _begun(retraining: Retraining, kind: str, dataset: Dataset, serving: ModelVersion | None) -> RetrainingStep:
    """The step, begun on `dataset` once no training of somebody else is in its way."""
    while True:
        try:
            # Whoever sees the training finds its snapshot: beat may ring for it at once.
            with without_ringing(), transaction.atomic():
                step = step_of(retraining=retraining, kind=kind, champion=serving)
                snapshot = checkpoint_folder(step.training) / SNAPSHOT
                if step.training.is_open and not snapshot.exists():
                    dataset.save(snapshot)
                return step
        except Conflict:
            check_held(retraining)
            _work_in_the_way(kind)
            time.sleep(WAIT_SECONDS)


def _work_in_the_way(kind: str) -> None:
    """Do the open training of `kind` unless another process has it: it may wait for the very worker that we are."""
    training = open_trainings().get(kind)
    if training is None:
        return
    try:
        work_training_run(str(training.pk))
    except Exception as error:  # it is written down with the training, which is no longer in the way
        logger.exception("training_in_the_way_failed", kind=kind, error=str(error))


def _choose(retraining: Retraining, trained: list[ModelVersion], dataset: Dataset) -> None:
    """The best on validation challenges the champion, and takes its place where that is wished and beyond doubt."""
    if retraining.report is None:
        try:
            report = evaluate_versions(trained, dataset=dataset, seed=retraining.seed)
        except ValueError as error:
            record_outcome(retraining=retraining, outcome=f"Trained, but nothing was compared: {error}.")
            return
        record_step(retraining=retraining, done=retraining.done, report=report)
        for version in trained:
            version.refresh_from_db()
    candidates = [version for version in trained if version.kind != ModelKind.RANDOM]
    best = max(candidates, key=lambda version: version.metrics.get("validation_ndcg@10", 0.0), default=None)
    if best is None:
        record_outcome(retraining=retraining, outcome="Trained nothing that could serve.")
        return
    figure = (
        f"{best.name} is the best of {len(trained)} on validation, NDCG@10 {best.metrics['validation_ndcg@10']:.4f}"
    )
    better, compared = _compared(best, champion(), dataset, retraining.seed)
    conclude(retraining=retraining, best=best, outcome=f"{figure}; {compared}", promote_it=better)


def _compared(best: ModelVersion, serving: ModelVersion | None, dataset: Dataset, seed: int) -> tuple[bool, str]:
    """Whether `best` should serve, and why, in words."""
    if serving is None:
        return True, "nothing serves yet"
    try:
        gain = gain_over_champion(best, serving, dataset=dataset, split=leave_one_out(dataset.interactions), seed=seed)
    except Exception as error:  # files of an old champion may be lost: it is not replaced without having been measured
        logger.exception("champion_not_compared", champion=serving.name)
        return False, f"{serving.name}, which serves, could not be measured: {error}"
    words = Gain(gain.mean, gain.low, gain.high).in_words
    return gain.low > 0, f"against {serving.name}, which serves, {words}"
