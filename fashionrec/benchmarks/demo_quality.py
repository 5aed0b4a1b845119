"""demo-quality: the shop's own models on its own held-out events.

Full ranking beside ranking among 100 sampled products, because the figure others report (Recall@10 = 0.62) names no
protocol; and what accuracy does not show: coverage and concentration of what would be recommended.
"""

from argparse import ArgumentParser
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashionrec.common.artifacts import fetch_directory
from recommender.datasets import build_dataset
from recommender.ml.metrics import ndcg_at_k, rank_of_target, recall_at_k
from recommender.ml.scorers import load_scorer
from recommender.ml.split import Split, leave_one_out
from recommender.selectors import latest_versions

HELP = "Recall and NDCG of the shop's models on held-out events, full ranking and among 100 sampled products"
K = 10
SAMPLED = 100
PUBLISHED = "0.62 (published, protocol unknown)"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, help="draws the sampled products")


def run(*, seed: int, **_: Any) -> dict[str, Any]:
    """Measure the newest version of every kind. Raises ValueError when there is nothing to measure."""
    dataset = build_dataset()
    split = leave_one_out(dataset.interactions)
    versions = latest_versions(fingerprint=dataset.fingerprint)
    if not versions:
        raise ValueError("no model was trained on the shop's present events; run `make demo` or train_model first")
    users, target = split.targets("test")
    candidates = _sampled_candidates(split, target, dataset.interactions.n_items, seed)
    rows = {}
    for kind, version in versions.items():
        scorer = load_scorer(fetch_directory(version.artifact_sha256))
        rows[kind] = _measure(scorer, split, target, candidates)
    popularity = rows.get("popularity", {}).get("recall@10_full")
    for figures in rows.values():
        figures["times_popularity_full"] = round(figures["recall@10_full"] / popularity, 2) if popularity else None
    return {
        "protocol": f"leave-one-out, {len(users)} shoppers, {dataset.interactions.n_items} products, seen masked",
        "peers": {"recall@10": PUBLISHED},
        "seed": seed,
        "models": rows,
    }


def table(results: dict[str, Any]) -> str:
    columns = {"R@10 full": 11, "N@10 full": 11, "R@10 of 100": 13, "coverage@10": 13, "Gini@10": 9, "×pop": 7}
    head = f"{'model':<16}" + "".join(f"{name:>{width}}" for name, width in columns.items())
    lines = [results["protocol"], head]
    for name, f in results["models"].items():
        times = f["times_popularity_full"]
        lines.append(
            f"{name:<16}{f['recall@10_full']:>11.4f}{f['ndcg@10_full']:>11.4f}{f['recall@10_of_100']:>13.4f}"
            f"{f['coverage@10']:>13.3f}{f['gini@10']:>9.3f}{times if times is not None else '':>7}"
        )
    return "\n".join([*lines, f"published peer: Recall@10 = {PUBLISHED}"])


def _sampled_candidates(split: Split, target: NDArray[np.int64], n_items: int, seed: int) -> NDArray[np.bool_]:
    """(U', n_items) bool: the target and at most SAMPLED unseen others."""
    generator = np.random.default_rng(seed)
    chosen = np.zeros((len(target), n_items), dtype=bool)
    for row, history in enumerate(split.seen("test")):
        unseen = np.setdiff1d(np.arange(n_items), np.append(history, target[row]))
        chosen[row, generator.choice(unseen, size=min(SAMPLED, len(unseen)), replace=False)] = True
    chosen[np.arange(len(target)), target] = True
    return chosen


def _measure(scorer: Any, split: Split, target: NDArray[np.int64], candidates: NDArray[np.bool_]) -> dict[str, Any]:
    histories, seen = split.histories("test"), split.seen("test")
    recall, ndcg, recall_sampled, top = [], [], [], []
    for start in range(0, len(target), 256):
        rows = slice(start, start + 256)
        scores = scorer.score(histories[rows])
        rank = rank_of_target(scores, target[rows], seen[rows])
        recall.append(recall_at_k(rank, K))
        ndcg.append(ndcg_at_k(rank, K))
        among = np.where(candidates[rows], scores, -np.inf).astype(np.float32)
        recall_sampled.append(recall_at_k(rank_of_target(among, target[rows], seen[rows]), K))
        masked = scores.copy()
        for row, history in enumerate(seen[rows]):
            masked[row, history] = -np.inf
        top.append(np.argpartition(-masked, K, axis=1)[:, :K])
    shown = np.bincount(np.concatenate(top).ravel(), minlength=scorer.n_items)
    return {
        "recall@10_full": round(float(np.concatenate(recall).mean()), 4),
        "ndcg@10_full": round(float(np.concatenate(ndcg).mean()), 4),
        "recall@10_of_100": round(float(np.concatenate(recall_sampled).mean()), 4),
        "coverage@10": round(float((shown > 0).mean()), 4),
        "gini@10": round(_gini(shown), 4),
    }


def _gini(counts: NDArray[np.int64]) -> float:
    """0: every product is shown equally often; 1: one product takes all slots."""
    ordered = np.sort(counts).astype(np.float64)
    n = len(ordered)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * ordered.sum()))
