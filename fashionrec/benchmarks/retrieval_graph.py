"""retrieval-graph: a static split, full ranking, several held-out items per user, as LightGCN and its peers measure.

Settings are chosen on a validation part of the training file; each chosen model is then trained on all of it, and the
test is read once per model.
"""

import logging
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np

from fashionrec.benchmarks.static_files import FORMATS, Format, StaticData, read_static
from recommender.ml.evaluation import Evaluation, evaluate
from recommender.ml.graph_sparsify import sparsification_curve
from recommender.ml.graph_speed import measure_training_speed
from recommender.ml.metrics import paired_bootstrap
from recommender.ml.scorers import load_scorer
from recommender.ml.splits import TargetsSplit
from recommender.ml.trainers import train

HELP = "Recall@20 and NDCG@20 on a static split (LightGCN's layout), full ranking, with GraphSAGE's speed"

logger = logging.getLogger(__name__)

K = 20

GRIDS: dict[str, list[dict[str, Any]]] = {
    "popularity": [{}],
    "item_knn": [{"history_decay": 1.0, "shrinkage": shrinkage} for shrinkage in (10.0, 50.0)],
    "gf_cf": [{"history_decay": 1.0, "alpha": alpha} for alpha in (0.1, 0.3)],
    "ease": [{"history_decay": 1.0, "reg": reg} for reg in (100.0, 300.0)],
    "lightgcn": [{"epochs": 12}, {"epochs": 30}, {"epochs": 30, "layers": 2}],
    "graphsage": [{"epochs": 8, "batch_size": 2048}],
}
"""Settings tried on validation. Histories have no order here, so every item of one counts alike."""

EASE_ITEMS = 15_000
"""Larger catalogues go without EASE, whose matrix is (n_items, n_items)."""

PEERS = {
    "gowalla": {
        "MF-BPR": (0.1491, 0.1235), "NGCF": (0.1570, 0.1327), "YouTubeNet two-tower": (0.1754, 0.1473),
        "LightGCN": (0.1830, 0.1554), "UltraGCN": (0.1862, 0.1580), "SimpleX": (0.1872, 0.1557),
        "BSPM": (0.1920, 0.1597),
    },
}  # fmt: skip
"""Recall@20 and NDCG@20 as published, by the name in the data's path."""

GOALS = {"gowalla": (0.1872, 0.1580)}
SPEED_GOAL = 15_000
CURVE_GOAL = 0.99


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="a folder, or for --format sequences a file")
    parser.add_argument("--format", choices=FORMATS, default="lightgcn", help="train.txt and test.txt by default")
    parser.add_argument("--dataset", default=None, help="gowalla, for the peers; else read from the data's path")
    parser.add_argument("--seed", type=int, default=0, help="draws the validation part and the models' starts")
    parser.add_argument("--epochs", type=int, default=None, help="of LightGCN; the learning rate decays over them")
    parser.add_argument("--models", nargs="+", default=list(GRIDS), choices=list(GRIDS), metavar="KIND")
    parser.add_argument("--speed-seconds", type=float, default=20.0, help="how long GraphSAGE is timed; 0: not at all")
    parser.add_argument("--shares", nargs="*", type=float, default=[1.0, 0.5], help="of edges kept, for the curve")


def run(
    *,
    data: Path,
    format: Format,  # the option's name
    dataset: str | None,
    seed: int,
    epochs: int | None,
    models: list[str],
    speed_seconds: float,
    shares: list[float],
    **_: Any,
) -> dict[str, Any]:
    """Choose, train and measure. Raises ValueError naming file and line of data that cannot be read."""
    if epochs is not None and epochs < 1:
        raise ValueError(f"epochs: received {epochs}, expected at least 1")
    static = read_static(data, format, seed)
    final = static.final
    name = dataset or next((known for known in PEERS if known in str(data).lower()), data.stem)
    rows: dict[str, dict[str, Any]] = {}
    found: dict[str, Evaluation] = {}
    for kind in models:
        if kind == "ease" and final.train.n_items > EASE_ITEMS:
            continue
        seeded = [_seeded(kind, parameters, seed, epochs) for parameters in GRIDS[kind]]
        grid = [parameters for number, parameters in enumerate(seeded) if parameters not in seeded[:number]]
        rows[kind], found[kind] = _measure(kind, grid, static)
    for kind, evaluation in found.items():
        for baseline in ("popularity", "gf_cf"):
            if baseline in found and kind != baseline:
                rows[kind][f"ndcg@20_minus_{baseline}"] = _difference(evaluation, found[baseline], seed)
    users, pairs = len(np.unique(final.targets("test")[0])), len(final.targets("test")[0])
    speed = None
    if speed_seconds > 0:
        speed = {key: round(value, 1) for key, value in measure_training_speed(seconds=speed_seconds).items()}
    return {
        "protocol": f"static split, {users} users with {pairs} held-out items, full ranking of {final.train.n_items}"
        f" items, {len(final.train.item)} training pairs masked",
        "left_out": static.left_out,
        "dataset": name,
        "seed": seed,
        "models": rows,
        "published": {
            peer: dict(zip(("recall@20", "ndcg@20"), figures, strict=True))
            for peer, figures in PEERS.get(name, {}).items()
        },
        "goal": GOALS.get(name),
        "graphsage_speed": speed,
        "graphsage_edges": _curve(static.choosing, GRIDS["graphsage"][0], shares, seed),
    }


def _seeded(kind: str, parameters: dict[str, Any], seed: int, epochs: int | None) -> dict[str, Any]:
    if kind not in ("gf_cf", "lightgcn", "graphsage"):
        return parameters
    shortened = {} if epochs is None or kind != "lightgcn" else {"epochs": epochs}
    return {**parameters, **shortened, "seed": seed}


def _measure(kind: str, grid: list[dict[str, Any]], static: StaticData) -> tuple[dict[str, Any], Evaluation]:
    started = time.process_time()
    validation = [0.0]
    if len(grid) > 1:
        validation = [_trained(kind, parameters, static.choosing, "validation").mean_ndcg for parameters in grid]
    chosen = grid[int(np.argmax(validation))]
    evaluation = _trained(kind, chosen, static.final, "test")
    logger.info("%s: recall %.4f, NDCG %.4f", kind, evaluation.mean_recall, evaluation.mean_ndcg)
    root = 1.96 / np.sqrt(len(evaluation.users))
    return {
        "recall@20": round(evaluation.mean_recall, 4),
        "recall@20_interval": round(float(root * evaluation.recall.std()), 4),
        "ndcg@20": round(evaluation.mean_ndcg, 4),
        "ndcg@20_interval": round(float(root * evaluation.ndcg.std()), 4),
        "settings": chosen,
        "settings_tried": len(grid),
        "cpu_seconds": round(time.process_time() - started, 1),
    }, evaluation


def _trained(kind: str, parameters: dict[str, Any], split: TargetsSplit, part: Any) -> Evaluation:
    with tempfile.TemporaryDirectory() as folder:
        train(kind, split.train, parameters, directory=Path(folder))
        return evaluate(load_scorer(Path(folder)), split, part=part, k=K)


def _difference(evaluation: Evaluation, baseline: Evaluation, seed: int) -> dict[str, float]:
    mean, low, high = paired_bootstrap(evaluation.ndcg, baseline.ndcg, seed=seed)
    return {"mean": round(mean, 4), "low": round(low, 4), "high": round(high, 4)}


def _curve(
    split: TargetsSplit, parameters: dict[str, Any], shares: list[float], seed: int
) -> list[dict[str, float]] | None:
    """On the validation part: to thin out the graph is a choice, too."""
    if not shares:
        return None
    rows = sparsification_curve(split, config=parameters, shares=shares, part="validation", k=K, seed=seed)
    return [
        {
            "share": row["share"],
            "ndcg@20": round(row["ndcg"], 4),
            "of_all_edges": round(row["ndcg"] / max(rows[0]["ndcg"], 1e-12), 4),
            "cpu_seconds": round(row["seconds"], 1),
        }
        for row in rows
    ]


def table(results: dict[str, Any]) -> str:
    lines = [f"{results['dataset']}: {results['protocol']}"]
    if results["left_out"]:
        lines.append(f"{results['left_out']} test pairs are left out: unknown to training, or in it")
    lines.append(f"{'model':<24}{'R@20':>8}{'±95%':>8}{'N@20':>9}{'±95%':>8}{'CPU s':>8}   N@20 − GF-CF")
    for peer, figures in results["published"].items():
        lines.append(f"{peer:<24}{figures['recall@20']:>8.4f}{'':>8}{figures['ndcg@20']:>9.4f}{'':>16}   published")
    for kind, row in sorted(results["models"].items(), key=lambda pair: pair[1]["ndcg@20"]):
        difference = row.get("ndcg@20_minus_gf_cf")
        compared = (
            f"{difference['mean']:+.4f} [{difference['low']:+.4f}, {difference['high']:+.4f}]" if difference else ""
        )
        lines.append(
            f"{kind:<24}{row['recall@20']:>8.4f}{row['recall@20_interval']:>8.4f}{row['ndcg@20']:>9.4f}"
            f"{row['ndcg@20_interval']:>8.4f}{row['cpu_seconds']:>8.0f}   {compared}"
        )
    if results["goal"] and "lightgcn" in results["models"]:
        row = results["models"]["lightgcn"]
        met = row["recall@20"] >= results["goal"][0] and row["ndcg@20"] >= results["goal"][1]
        lines.append(
            f"goal for the 64-d dot product: {results['goal'][0]:.4f} / {results['goal'][1]:.4f}: "
            f"{'met' if met else 'missed'}"
        )
    if results["graphsage_speed"]:
        speed = results["graphsage_speed"]["seed_edges_per_second"]
        lines.append(
            f"GraphSAGE at fan-out [15, 10] on 1M edges: {speed:,.0f} seed edges per second and core, "
            f"goal {SPEED_GOAL:,}: {'met' if speed >= SPEED_GOAL else 'missed'}"
        )
    for row in results["graphsage_edges"] or []:
        lines.append(
            f"GraphSAGE with {row['share']:.0%} of the edges: N@20 {row['ndcg@20']:.4f} on validation, "
            f"{row['of_all_edges']:.1%} of the first, {row['cpu_seconds']:.0f} s (goal {CURVE_GOAL:.0%} at 50%)"
        )
    return "\n".join(lines)
