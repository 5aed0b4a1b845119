"""Worker-side work: training a model, and measuring models side by side."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from django.conf import settings

from fashionrec.common.artifacts import fetch_directory, store_directory
from fashionrec.common.runs import check_held, hold_run
from fashionrec.common.version import code_version
from recommender.datasets import Dataset, build_dataset
from recommender.ml.checkpoint import Checkpoint
from recommender.ml.evaluation import Evaluation, compare, evaluate
from recommender.ml.progress import EpochReport
from recommender.ml.scorers import load_scorer
from recommender.ml.split import Split, leave_one_out
from recommender.ml.trainers import TRAINERS, make_config, train
from recommender.models import EvaluationReport, ModelVersion, TrainingRun
from recommender.services.models import register_version, store_report
from recommender.services.training import forget_epochs_after, record_epoch

logger = structlog.get_logger(__name__)

K = 10


def work_training_run(run_id: str, *, on_epoch: Callable[[EpochReport], None] | None = None) -> None:
    """Train the model that a run asks for, from its last checkpoint on, and register it.

    The model learns from every shopper's events but the last two; those are for validation and test.
    """
    try:
        _train(run_id, on_epoch)
    finally:
        run = TrainingRun.objects.filter(pk=run_id).first()
        if run is not None and not run.is_open:
            shutil.rmtree(checkpoint_folder(run), ignore_errors=True)


def _train(run_id: str, on_epoch: Callable[[EpochReport], None] | None) -> None:
    with hold_run(TrainingRun, run_id) as run:
        if run is None:
            return
        folder = checkpoint_folder(run)
        dataset = _snapshot(folder)
        config = _config(run)
        checkpoint = Checkpoint(folder)
        saved = checkpoint.load()
        forget_epochs_after(run=run, epoch=saved[0] if saved else 0)

        def progress(report: EpochReport) -> None:
            record_epoch(run=run, report=report)
            if on_epoch:
                on_epoch(report)
            check_held(run)

        artifact = folder / "artifact"
        split = leave_one_out(dataset.interactions)
        items = [str(pk) for pk in dataset.product_ids]
        train(run.kind, split.train, config, directory=artifact, items=items, progress=progress, checkpoint=checkpoint)
        scorer = load_scorer(artifact)
        metrics = {}
        if _holds_out(split):
            validation = evaluate(scorer, split, part="validation", k=K)
            metrics = {"validation_ndcg@10": round(validation.mean_ndcg, 5), **_figures(evaluate(scorer, split, k=K))}
        version = register_version(
            run=run,
            parameters=asdict(config),
            window=dataset.window,
            metrics=metrics,
            artifact_sha256=store_directory(artifact),
            code_version=code_version(),
            product_ids=dataset.product_ids,
            item_vectors=getattr(scorer, "item_vectors", None),
        )
        logger.info("model_trained", version=version.name, **metrics)


def evaluate_versions(
    versions: list[ModelVersion],
    *,
    extra: Mapping[str, Callable[[Dataset, Split], Evaluation | None]] | None = None,
    seed: int = 0,
    on_model: Callable[[str], None] | None = None,
) -> EvaluationReport:
    """Measure versions on the same held-out events in full ranking, with paired intervals against popularity.

    Only versions trained on the events that are in the shop now can be measured: for others the held-out events
    are not held out. `extra` adds rows that are no model, such as a simulation's oracle, where it has something to say.
    Raises ValueError when nothing can be measured.
    """
    dataset = build_dataset()
    split = leave_one_out(dataset.interactions)
    comparable = [v for v in versions if v.data_window.get("fingerprint") == dataset.fingerprint]
    if not comparable or not _holds_out(split):
        raise ValueError(
            f"versions: none of {[v.name for v in versions]} was trained on the shop's present events; train again"
        )
    evaluations: dict[str, Evaluation] = {}
    for version in comparable:
        if on_model:
            on_model(version.kind)
        scorer = load_scorer(fetch_directory(version.artifact_sha256))
        evaluations[version.kind] = evaluate(scorer, split, k=K)
    for name, measure in (extra or {}).items():
        if on_model:
            on_model(name)
        if (evaluation := measure(dataset, split)) is not None:
            evaluations[name] = evaluation
    results: dict[str, Any] = {
        "protocol": f"leave-one-out by time, full ranking of {dataset.interactions.n_items} products, seen masked",
        "k": K,
        "users": len(next(iter(evaluations.values())).users),
        "window": dataset.window,
        "models": {name: _figures(evaluation) for name, evaluation in evaluations.items()},
    }
    if "popularity" in evaluations:
        for name, comparison in compare(evaluations, baseline="popularity", seed=seed).items():
            results["models"][name]["ndcg@10_minus_popularity"] = _rounded(asdict(comparison.ndcg))
            results["models"][name]["recall@10_minus_popularity"] = _rounded(asdict(comparison.recall))
    return store_report(versions=comparable, results=results)


def checkpoint_folder(run: TrainingRun) -> Path:
    return Path(settings.DATA_DIR) / "checkpoints" / str(run.pk)


def _snapshot(folder: Path) -> Dataset:
    """The dataset a run began with: a resumed training must not mix two states of the shop."""
    path = folder / "dataset.safetensors"
    if path.exists() and path.with_suffix(".json").exists():
        return Dataset.load(path)
    dataset = build_dataset()
    if dataset.interactions.n_items < 2 or not len(dataset.interactions.user):
        raise ValueError(
            f"nothing to learn from: {dataset.interactions.n_items} products, "
            f"{len(dataset.interactions.user)} interactions; import a catalogue and record events or ratings first"
        )
    dataset.save(path)
    return dataset


def _config(run: TrainingRun) -> Any:
    seeded = any(field.name == "seed" for field in fields(TRAINERS[run.kind].config_class()))
    return make_config(run.kind, ({"seed": run.seed} if seeded else {}) | run.config)


def _holds_out(split: Split) -> bool:
    return bool(len(split.targets("test")[0]))


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    users = len(evaluation.users)
    return {
        "recall@10": round(evaluation.mean_recall, 5),
        "ndcg@10": round(evaluation.mean_ndcg, 5),
        "ndcg@10_standard_error": round(float(evaluation.ndcg.std() / np.sqrt(users)), 5),
        "users": users,
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in values.items()}
