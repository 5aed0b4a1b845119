"""demo-quality: the shop's own models on its own held-out events.

Full ranking beside ranking among 100 sampled products, because the figure others report (Recall@10 = 0.62) names no
protocol; what accuracy does not show: how much of the catalogue would be recommended, how alike, how popular; and how
much of the way from popularity to the simulation's truth a model has gone, where the events are the demo's.
"""

from argparse import ArgumentParser
from typing import Any

import numpy as np

from fashionrec.common.artifacts import fetch_directory
from fashionrec.demo.world import Oracle, world_of_visitors
from recommender.datasets import Dataset, build_dataset
from recommender.ml.evaluation import Evaluation, evaluate, lists_of
from recommender.ml.metrics import PerUser, paired_bootstrap
from recommender.ml.scorers import load_scorer
from recommender.ml.split import Split, leave_one_out
from recommender.selectors import latest_versions

HELP = "Recall, NDCG and more of the shop's models on held-out events, full ranking and among 100 sampled products"
K = 10
SAMPLED = 100
SAMPLINGS = 5
"""Draws of the sampled products whose mean and spread are shown."""
PUBLISHED = "0.62 (published, protocol unknown)"
GOAL_SAMPLED, GOAL_TIMES, GOAL_WAY = 0.62, 3.0, 0.5
ORACLE, POPULARITY = "oracle", "popularity"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, help="draws the sampled products and the bootstrap")


def run(*, seed: int, **_: Any) -> dict[str, Any]:
    """Measure the newest version of every kind. Raises ValueError when there is nothing to measure."""
    dataset = build_dataset()
    split = leave_one_out(dataset.interactions)
    versions = latest_versions(fingerprint=dataset.fingerprint)
    if not versions:
        raise ValueError("no model was trained on the shop's present events; run `make demo` or train_model first")
    evaluations = {
        kind: evaluate(load_scorer(fetch_directory(version.artifact_sha256)), split, k=K)
        for kind, version in versions.items()
    }
    if (oracle := _oracle(dataset, split)) is not None:
        evaluations[ORACLE] = oracle
    rows = {name: _figures(evaluation, split, seed) for name, evaluation in evaluations.items()}
    for name, row in rows.items():
        row |= _beside_popularity(name, evaluations, seed)
    shop_kinds = [name for name in rows if name not in (ORACLE, POPULARITY, "random")]
    # Chosen on validation: the best of many on the test part would be lucky as well.
    chosen = sorted(shop_kinds, key=lambda kind: -versions[kind].metrics.get("validation_ndcg@10", 0.0))[:1]
    return {
        "protocol": (
            f"leave-one-out, {len(split.targets('test')[0])} shoppers, {dataset.interactions.n_items} products, "
            f"seen masked; “of {SAMPLED}” is the mean of {SAMPLINGS} draws"
        ),
        "peers": {"recall@10": PUBLISHED},
        "seed": seed,
        "models": rows,
        "goals": _goals({name: rows[name] for name in chosen}),
    }


def table(results: dict[str, Any]) -> str:
    accuracy = [
        ("R@10", "recall@10_full"), ("N@10", "ndcg@10_full"), ("MRR", "mrr_full"), ("R@10 of 100", "recall@10_of_100"),
        ("N@10 − popularity", "ndcg@10_minus_popularity"), ("R@10 ×pop", "times_popularity_full"),
        ("way to oracle", "ndcg@10_way_to_oracle"),
    ]  # fmt: skip
    lists = [
        ("coverage@10", "coverage@10"), ("Gini", "gini@10"), ("diversity", "diversity@10"),
        ("by category", "category_diversity@10"), ("novelty", "novelty@10"), ("pop. lift", "popularity_lift@10"),
    ]  # fmt: skip
    goals = [
        f"{'met   ' if goal['met'] else 'missed'} {goal['goal']}: {goal['value']} ({goal['model']})"
        for goal in results["goals"]
    ]
    return "\n".join(
        [results["protocol"], *_columns(results["models"], accuracy), "", *_columns(results["models"], lists), "",
         f"published peer: Recall@10 = {PUBLISHED}", *goals]
    )  # fmt: skip


def _oracle(dataset: Dataset, split: Split) -> Evaluation | None:
    """By the true utility, where the evaluated shoppers are the demo's."""
    found = world_of_visitors(set(dataset.user_ids))
    return Oracle(found[0], source=found[1], k=K)(dataset, split) if found is not None else None


def _figures(evaluation: Evaluation, split: Split, seed: int) -> dict[str, Any]:
    draws = [evaluation.recall_of_sampled(SAMPLED, seed=seed + draw).mean() for draw in range(SAMPLINGS)]
    error = np.sqrt(len(evaluation.users))
    return {
        "recall@10_full": round(evaluation.mean_recall, 4),
        "recall@10_full_standard_error": round(float(evaluation.recall.std() / error), 4),
        "ndcg@10_full": round(evaluation.mean_ndcg, 4),
        "ndcg@10_full_standard_error": round(float(evaluation.ndcg.std() / error), 4),
        "mrr_full": round(evaluation.mean_mrr, 4),
        "recall@10_of_100": round(float(np.mean(draws)), 4),
        "recall@10_of_100_deviation": round(float(np.std(draws, ddof=1)), 4),
        **{f"{name}@10": value for name, value in lists_of(evaluation, split).rounded().items()},
    }


def _beside_popularity(name: str, evaluations: dict[str, Evaluation], seed: int) -> dict[str, Any]:
    """Differences with their 95 % intervals, ratios, and the share of the way from popularity to the oracle."""
    base, oracle = evaluations.get(POPULARITY), evaluations.get(ORACLE)
    if base is None or name == POPULARITY:
        return {}
    own = evaluations[name]
    figures: dict[str, Any] = {
        "ndcg@10_minus_popularity": _difference(own.ndcg, base.ndcg, seed),
        "recall@10_minus_popularity": _difference(own.recall, base.recall, seed),
        "times_popularity_full": round(own.mean_recall / base.mean_recall, 2) if base.mean_recall else None,
    }
    if oracle is not None and name != ORACLE and oracle.mean_ndcg > base.mean_ndcg:
        way = (own.mean_ndcg - base.mean_ndcg) / (oracle.mean_ndcg - base.mean_ndcg)
        figures["ndcg@10_way_to_oracle"] = round(way, 3)
    return figures


def _difference(a: PerUser, b: PerUser, seed: int) -> dict[str, float]:
    mean, low, high = paired_bootstrap(a, b, seed=seed)
    return {"mean": round(mean, 4), "low": round(low, 4), "high": round(high, 4)}


def _goals(rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The chosen model's figure for each goal that can be judged, and whether it is reached."""
    wanted = (
        ("recall@10_of_100", GOAL_SAMPLED, f"R@10 among {SAMPLED} sampled ≥ {GOAL_SAMPLED}"),
        ("times_popularity_full", GOAL_TIMES, f"R@10 in full ranking ≥ {GOAL_TIMES} × popularity’s"),
        ("ndcg@10_way_to_oracle", GOAL_WAY, f"(N@10 − popularity) / (oracle − popularity) ≥ {GOAL_WAY}"),
    )
    found = []
    for name, least, told in wanted:
        known = {kind: row[name] for kind, row in rows.items() if row.get(name) is not None}
        if known:
            best = max(known, key=lambda kind: known[kind])
            found.append({"goal": told, "model": best, "value": known[best], "met": known[best] >= least})
    return found


def _columns(models: dict[str, dict[str, Any]], columns: list[tuple[str, str]]) -> list[str]:
    cells = [["model", *(head for head, _ in columns)]]
    cells += [[name, *(_shown(figures.get(key)) for _, key in columns)] for name, figures in models.items()]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = []
    for name, *values in cells:
        padded = [value.rjust(width) for value, width in zip(values, widths[1:], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), *padded]))
    return lines


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        return f"{value['mean']:+.4f} [{value['low']:+.4f}, {value['high']:+.4f}]"
    return f"{value:.4f}" if abs(value) < 1 else f"{value:.2f}"
