"""Worker-side evaluation: registered versions side by side on the same held-out events, as a report."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fashionrec.common.artifacts import fetch_directory
from recommender.datasets import Dataset, build_dataset
from recommender.evaluation_text import DESCRIPTIONS
from recommender.ml.evaluation import Evaluation, evaluate
from recommender.ml.scorers import load_scorer
from recommender.ml.split import HeldOut, Split, leave_one_out
from recommender.ml.splits import held_out_events
from recommender.ml.study import Measured, best_baseline, figures_of, measured_of
from recommender.models import EvaluationReport, ModelVersion
from recommender.services.models import store_report

K = 10


def evaluate_versions(
    versions: list[ModelVersion],
    *,
    extra: Mapping[str, Callable[[Dataset, Split], Evaluation | None]] | None = None,
    seed: int = 0,
    on_model: Callable[[str], None] | None = None,
    dataset: Dataset | None = None,
) -> EvaluationReport:
    """Measure versions on the same held-out events in full ranking, with paired intervals against popularity.

    Only versions trained on the events that are in the shop now, or in `dataset`, can be measured: for others the
    held-out events are not held out. `extra` adds rows that are no model, such as a simulation's oracle, where it has
    something to say. Raises ValueError when nothing can be measured.
    """
    dataset = dataset or build_dataset()
    split = leave_one_out(dataset.interactions)
    comparable = [v for v in versions if v.data_window.get("fingerprint") == dataset.fingerprint]
    if not comparable or not holds_out(split):
        raise ValueError(
            f"versions: none of {[v.name for v in versions]} was trained on the shop's present events; train again"
        )
    measured: dict[str, list[Measured]] = {}
    for version in comparable:
        if on_model:
            on_model(version.kind)
        scorer = load_scorer(fetch_directory(version.artifact_sha256))
        validation = version.metrics.get("validation_ndcg@10")
        measured[version.kind] = [measured_of(evaluate(scorer, split, k=K), split, validation_ndcg=validation)]
    for name, measure in (extra or {}).items():
        if on_model:
            on_model(name)
        if (evaluation := measure(dataset, split)) is not None:
            measured[name] = [measured_of(evaluation, split)]
    protocols = {"leave_one_out": protocol_results("leave_one_out", split, measured, seed=seed)}
    return store_report(versions=comparable, results=report_results(protocols, window=dataset.window))


def protocol_results(
    name: str, split: HeldOut, measured: Mapping[str, Sequence[Measured]], *, seed: int
) -> dict[str, Any]:
    """One protocol's part of a report: what was held out, and every kind's figures."""
    events = held_out_events(split)
    return {
        "description": DESCRIPTIONS[name],
        "products": split.catalogue.n_items,
        "events": events,
        "users": len(np.unique(split.targets("test")[0])),
        "best_baseline": best_baseline(measured),
        "models": figures_of(measured, k=K, seed=seed),
    }


def report_results(protocols: Mapping[str, Mapping[str, Any]], *, window: Mapping[str, Any]) -> dict[str, Any]:
    """A report's results: `models` holds what the first protocol says of each kind in short, `protocols` everything."""
    name, first = next(iter(protocols.items()))
    return {
        "protocol": f"{DESCRIPTIONS[name]}, full ranking of {first['products']} products, seen masked",
        "k": K,
        "users": first["users"],
        "window": dict(window),
        "models": {kind: _short(figures) for kind, figures in first["models"].items()},
        "protocols": dict(protocols),
    }


def holds_out(split: HeldOut) -> bool:
    return bool(len(split.targets("test")[0]))


def short_figures(evaluation: Evaluation) -> dict[str, Any]:
    """What a version keeps of an evaluation."""
    users = len(evaluation.users)
    return {
        "recall@10": round(evaluation.mean_recall, 5),
        "ndcg@10": round(evaluation.mean_ndcg, 5),
        "ndcg@10_standard_error": round(float(evaluation.ndcg.std() / np.sqrt(users)), 5),
        "users": users,
    }


def _short(figures: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "recall@10", "ndcg@10", "ndcg@10_standard_error", "mrr", "users", "coverage@10",
        "ndcg@10_minus_popularity", "recall@10_minus_popularity",
    )  # fmt: skip
    return {name: figures[name] for name in names if name in figures}
