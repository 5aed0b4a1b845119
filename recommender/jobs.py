"""Worker-side work: training a model."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings

from fashionrec.common.artifacts import fetch_directory, file_digests, store_directory
from fashionrec.common.models import Run
from fashionrec.common.runs import RunCancelled, check_held, hold_run
from fashionrec.common.version import code_version
from recommender.datasets import Dataset, build_dataset
from recommender.evaluation_jobs import K, holds_out, short_figures
from recommender.ml.artifact import write_items
from recommender.ml.checkpoint import Checkpoint
from recommender.ml.evaluation import evaluate
from recommender.ml.progress import EpochReport
from recommender.ml.scorers import load_scorer
from recommender.ml.split import Split, leave_one_out
from recommender.ml.trainers import BLEND, TRAINERS, make_config, train
from recommender.ml.tuning import GRIDS, train_tuned
from recommender.models import ModelKind, ModelVersion, Retraining, TrainingRun
from recommender.rating_training import train_head, without_held_out
from recommender.selectors import is_abandoned, latest_versions
from recommender.services.models import register_version
from recommender.services.training import forget_epochs_after, record_epoch

logger = structlog.get_logger(__name__)

SNAPSHOT = "dataset.safetensors"
"""In a run's checkpoint folder: the data it began with."""

CONTINUED_SHARE = 0.25
"""Of a kind's usual epochs, how many a training takes that begins with trained weights."""


def work_training_run(
    run_id: str,
    *,
    on_epoch: Callable[[EpochReport], None] | None = None,
    on_begin: Callable[[Path, Any], None] | None = None,
) -> None:
    """Train the model that a run asks for, from its last checkpoint on, and register it.

    The model learns from every shopper's events but the last two; those are for validation and test.
    on_begin: called with the snapshot's path and the configuration, once both are settled.
    """
    try:
        _train(run_id, on_epoch, on_begin)
    finally:
        sweep_checkpoints()


def sweep_checkpoints() -> int:
    """Remove what runs that have ended left on this machine; returns how many folders.

    A run that is cancelled while nobody holds it has nobody to clean up after it, and a snapshot names shoppers.
    """
    folder = Path(settings.DATA_DIR) / "checkpoints"
    names = {path.name for path in folder.iterdir() if _is_id(path.name)} if folder.exists() else set()
    ended = [Run.State.DONE, Run.State.FAILED, Run.State.CANCELLED]
    left = [
        str(pk)
        for runs in (TrainingRun, Retraining)
        for pk in runs.objects.filter(pk__in=names, state__in=ended).values_list("pk", flat=True)
    ]
    for name in left:
        shutil.rmtree(folder / name, ignore_errors=True)
    return len(left)


def _is_id(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True


def _train(
    run_id: str, on_epoch: Callable[[EpochReport], None] | None, on_begin: Callable[[Path, Any], None] | None
) -> None:
    with hold_run(TrainingRun, run_id) as run:
        if run is None:
            return
        _stop_if_abandoned(run)
        folder = checkpoint_folder(run)
        dataset = take_snapshot(folder)
        config = _config(run)
        checkpoint = Checkpoint(folder)
        saved = checkpoint.load()
        forget_epochs_after(run=run, epoch=saved[0] if saved else 0)
        if on_begin:
            on_begin(folder / SNAPSHOT, config)

        def progress(report: EpochReport) -> None:
            record_epoch(run=run, report=report)
            if on_epoch:
                on_epoch(report)
            check_held(run)
            _stop_if_abandoned(run)

        artifact = folder / "artifact"
        split = leave_one_out(dataset.interactions)
        items = [str(pk) for pk in dataset.product_ids]
        components: list[ModelVersion] = []
        if run.kind == ModelKind.BLEND:
            components = _train_blend(split, config, dataset, directory=artifact, progress=progress)
        elif run.kind in GRIDS and not run.config and holds_out(split):
            tuned, _ = train_tuned(run.kind, split, directory=artifact, items=items, progress=progress)
            config = make_config(run.kind, tuned)
        else:
            learned = split.train
            if run.kind == ModelKind.TWO_TOWER:
                learned = without_held_out(learned, dataset, seed=config.seed)
            train(
                run.kind, learned, config, directory=artifact, items=items, progress=progress,
                checkpoint=checkpoint, continue_from=_earlier_artifact(run, dataset),
            )  # fmt: skip
        scorer = load_scorer(artifact)
        metrics = {}
        if holds_out(split):
            validation = evaluate(scorer, split, part="validation", k=K)
            metrics = {
                "validation_ndcg@10": round(validation.mean_ndcg, 5),
                **short_figures(evaluate(scorer, split, k=K)),
            }
        if run.kind == ModelKind.TWO_TOWER:
            metrics |= train_head(dataset, learned, directory=artifact, seed=config.seed)
        version = register_version(
            run=run,
            parameters=asdict(config),
            window=dataset.window,
            metrics=metrics,
            artifact_sha256=store_directory(artifact),
            code_version=code_version(),
            product_ids=dataset.product_ids,
            item_vectors=getattr(scorer, "item_vectors", None),
            files=file_digests(artifact),
            components=components,
        )
        logger.info("model_trained", version=version.name, **metrics)


def _stop_if_abandoned(run: TrainingRun) -> None:
    """Raise RunCancelled when the retraining that a training is a step of was cancelled or has ended."""
    if is_abandoned(run):
        raise RunCancelled(str(run.pk))


def checkpoint_folder(run: Run) -> Path:
    return Path(settings.DATA_DIR) / "checkpoints" / str(run.pk)


class NothingToLearn(ValueError):
    """The shop has too few products or events for any model."""


def take_snapshot(folder: Path) -> Dataset:
    """The dataset a run began with: a resumed training must not mix two states of the shop. Raises NothingToLearn."""
    path = folder / SNAPSHOT
    if path.exists() and path.with_suffix(".json").exists():
        return Dataset.load(path)
    dataset = build_dataset()
    if dataset.interactions.n_items < 2 or not len(dataset.interactions.user):
        raise NothingToLearn(
            f"nothing to learn from: {dataset.interactions.n_items} products, "
            f"{len(dataset.interactions.user)} interactions; import a catalogue and record events or ratings first"
        )
    dataset.save(path)
    return dataset


def _config(run: TrainingRun) -> Any:
    """The kind's defaults or, when a training continues, what the earlier one was made with; the run's own win."""
    trainer = BLEND if run.kind == ModelKind.BLEND else TRAINERS[run.kind]
    names = {field.name for field in fields(trainer.config_class())}
    parameters: dict[str, Any] = {}
    if run.continue_from is not None:
        parameters = {name: value for name, value in run.continue_from.parameters.items() if name in names}
        parameters["epochs"] = max(1, round(trainer.config_class()().epochs * CONTINUED_SHARE))
    return make_config(run.kind, parameters | ({"seed": run.seed} if "seed" in names else {}) | run.config)


def _earlier_artifact(run: TrainingRun, dataset: Dataset) -> Path | None:
    """The artifact that a training begins with. Raises ValueError when it read another encoder's content vectors."""
    version = run.continue_from
    if version is None:
        return None
    read, live = version.data_window.get("encoder"), dataset.window["encoder"]
    if read != live:
        raise ValueError(f"continue_from: {version.name} reads vectors of {read}, the shop has those of {live}")
    return fetch_directory(version.artifact_sha256)


def _train_blend(
    split: Split, config: Any, dataset: Dataset, *, directory: Path, progress: Callable[[EpochReport], None]
) -> list[ModelVersion]:
    """Blend the newest versions that were trained on exactly this data; returns those it may be made of.

    Raises ValueError naming the kinds when there is none.
    """
    from recommender.ml.blend import train_blend

    newest = latest_versions(fingerprint=dataset.fingerprint)
    components = {kind: newest[kind] for kind in config.components if kind in newest}
    if not components:
        raise ValueError(f"components: none of {', '.join(config.components)} was trained on the shop's present events")
    folders = {kind: fetch_directory(version.artifact_sha256) for kind, version in components.items()}
    present = replace(config, components=tuple(components))
    shutil.rmtree(directory, ignore_errors=True)  # of an attempt that was killed, maybe of other versions
    train_blend(split, present, components=folders, directory=directory, progress=progress)
    write_items(directory, [str(pk) for pk in dataset.product_ids])
    used = [kind for kind in components if (directory / "components" / kind).exists()]
    return [components[kind] for kind in used]
