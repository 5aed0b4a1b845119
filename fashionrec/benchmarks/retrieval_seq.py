"""retrieval-seq: what every model says about the next item of Amazon-2014 shoppers, in full ranking.

The models are trained, blended and scored by the shop's own code. Settings are chosen on validation, the test is read
once per model and seed.
"""

import shutil
import tempfile
from argparse import ArgumentParser
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from tqdm import tqdm

from fashionrec.benchmarks.sequence_files import read_sequences
from recommender.ml.artifact import read_config
from recommender.ml.blend import train_blend
from recommender.ml.ease import MAX_ITEMS
from recommender.ml.evaluation import Evaluation, evaluate
from recommender.ml.metrics import paired_bootstrap
from recommender.ml.scorers import load_scorer
from recommender.ml.split import Part, Split, leave_one_out
from recommender.ml.trainers import make_config, train
from recommender.ml.tuning import GRIDS

HELP = "Recall and NDCG of the next item on a file of sequences, all models and their blend, full ranking"

LEARNED: dict[str, dict[str, Any]] = {
    "two_tower": {"members": 2, "blocks": 2, "batch_size": 1500, "learning_rate": 2e-3, "epochs": 28},
    "graphsage": {"epochs": 6},
}
"""Settings of the models with a seed: one each, chosen on the validation part of Beauty with seed 0."""

INVERTED = ("ease", "slist")
"""Kinds with an (n_items, n_items) matrix to invert: catalogues of more than MAX_ITEMS go without."""

PEERS = {
    "beauty": {
        "MF-BPR": (0.0447, 0.0225), "LightGCN": (0.0479, 0.0241), "SASRec, first reported": (0.0605, 0.0318),
        "ICLRec": (0.0744, 0.0403), "SASRec + sampled softmax": (0.0921, 0.0531), "eSASRec": (0.0928, 0.0523),
        "BSARec-CE": (0.1004, 0.0609),
    },
    "sports": {
        "MF-BPR": (0.0291, 0.0149), "LightGCN": (0.0319, 0.0164), "SASRec, first reported": (0.0350, 0.0192),
        "ICLRec": (0.0437, 0.0238), "SASRec + sampled softmax": (0.0569, 0.0314), "eSASRec": (0.0560, 0.0323),
        "BSARec-CE": (0.0596, 0.0342),
    },
}  # fmt: skip
"""Recall@10 and NDCG@10 as published, full ranking, leave-one-out (RecBoard's five seeds, and the papers)."""

GOALS = {"beauty": (0.1040, 0.0635), "sports": (0.0610, 0.0360)}
FLOORS = {"beauty": (0.0980, 0.0590), "sports": (0.0580, 0.0330)}
TIES = "These files break ties of one day by file order, which flatters every method."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, required=True, help="FILE.txt or .txt.gz: `user item item …`, oldest first"
    )
    parser.add_argument(
        "--name", dest="dataset", default=None, help="beauty or sports, for the peers; else read from the file's name"
    )
    parser.add_argument("--seed", type=int, default=0, help="the first of the seeds")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--processes", type=int, default=2, help="trainings at a time, one thread each")
    parser.add_argument("--epochs", type=int, default=None, help="fewer for a quick look")
    parser.add_argument("--keep", type=Path, default=None, help="folder for the artifacts, kept for another run")


def run(
    *,
    data: Path,
    dataset: str | None,
    seed: int,
    seeds: int,
    processes: int,
    epochs: int | None,
    keep: Path | None,
    **_: Any,
) -> dict[str, Any]:
    """Train, blend and measure. Raises ValueError for a file that cannot be read or holds nothing out."""
    if seeds < 1 or processes < 1:
        raise ValueError(f"seeds, processes: received {seeds} and {processes}, expected at least 1")
    split = leave_one_out(read_sequences(data))
    if not len(split.targets("test")[0]):
        raise ValueError(f"data: no shopper in {str(data)!r} has three items, nothing can be held out")
    name = dataset or next((known for known in PEERS if known in data.name.lower()), data.stem)
    Path(settings.DATA_DIR).mkdir(parents=True, exist_ok=True)
    folder = keep or Path(tempfile.mkdtemp(prefix="retrieval-seq-", dir=settings.DATA_DIR))
    try:
        return _measure(split, name, range(seed, seed + seeds), data, folder, processes=processes, epochs=epochs)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def _measure(
    split: Split, name: str, seeds: range, data: Path, folder: Path, *, processes: int, epochs: int | None
) -> dict[str, Any]:
    large = split.train.n_items > MAX_ITEMS
    grids: dict[str, list[dict[str, Any]]] = {"popularity": [{}]}
    grids |= {kind: grid for kind, grid in GRIDS.items() if not (large and kind in INVERTED)}
    jobs = [
        (kind, parameters, folder / f"{kind}-{number}")
        for kind, grid in grids.items()
        for number, parameters in enumerate(grid)
    ]
    learned = {kind: p if epochs is None else {**p, "epochs": epochs} for kind, p in LEARNED.items()}
    for kind, parameters in learned.items():
        jobs += [(kind, {**parameters, "seed": seed}, folder / f"{kind}-seed{seed}") for seed in seeds]
    # The long ones first, so that the cores end together.
    jobs.sort(key=lambda job: (job[0] not in LEARNED, job[0] != "two_tower"))
    validation: dict[Path, float] = {}
    with (
        ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool,
        tqdm(total=len(jobs), unit="model") as bar,
    ):
        for path, ndcg in pool.map(_train, [(data, *job) for job in jobs]):
            validation[path] = ndcg
            bar.update()

    chosen = {
        kind: max(range(len(grid)), key=lambda n: validation[folder / f"{kind}-{n}"]) for kind, grid in grids.items()
    }
    measured: dict[str, list[Evaluation]] = {}
    for seed in seeds:
        paths = {kind: folder / f"{kind}-{number}" for kind, number in chosen.items()}
        paths |= {kind: folder / f"{kind}-seed{seed}" for kind in LEARNED}
        blend = folder / f"blend-seed{seed}"
        if not (blend / "config.json").exists():
            config = make_config("blend", {"components": list(paths), "seed": seed})
            train_blend(split, config, components=paths, directory=blend)
        for kind, path in {**paths, "blend": blend}.items():
            if kind in grids and kind in measured:
                continue  # has no seed
            validation.setdefault(path, _ndcg(path, split, "validation"))
            measured.setdefault(kind, []).append(evaluate(load_scorer(path), split))
        validation[folder / f"blend-seed{seed}"] = validation[blend]
    rows = {kind: _row(evaluations, measured["popularity"][0], seeds.start) for kind, evaluations in measured.items()}
    for kind, number in chosen.items():
        rows[kind] |= {"settings": grids[kind][number], "settings_tried": len(grids[kind])}
    for kind, parameters in learned.items():
        rows[kind] |= {"settings": parameters, "settings_tried": 1}
        rows[kind]["validation_ndcg@10"] = _mean([validation[folder / f"{kind}-seed{seed}"] for seed in seeds])
    rows["blend"]["validation_ndcg@10"] = _mean([validation[folder / f"blend-seed{seed}"] for seed in seeds])
    users = len(split.targets("test")[0])
    return {
        "protocol": f"leave-one-out, {users} shoppers, full ranking of {split.train.n_items} items, seen masked",
        "note": TIES,
        "dataset": name,
        "seeds": list(seeds),
        "models": rows,
        "published": {
            peer: dict(zip(("recall@10", "ndcg@10"), figures, strict=True))
            for peer, figures in PEERS.get(name, {}).items()
        },
        "goal": GOALS.get(name),
        "floor": FLOORS.get(name),
    }


def _train(job: tuple[Path, str, Mapping[str, Any], Path]) -> tuple[Path, float]:
    """In a process of its own: the artifact's folder and its NDCG@10 on validation."""
    import torch

    torch.set_num_threads(1)
    data, kind, parameters, directory = job
    split = leave_one_out(read_sequences(data))
    if (directory / "config.json").exists():
        kept = read_config(directory)
        if kept["n_items"] != split.train.n_items or any(kept.get(n) != v for n, v in parameters.items()):
            raise ValueError(f"keep: {str(directory)!r} was trained on other data or with other settings, remove it")
    else:
        train(kind, split.train, parameters, directory=directory)
    return directory, _ndcg(directory, split, "validation")


def _ndcg(directory: Path, split: Split, part: Part) -> float:
    return evaluate(load_scorer(directory), split, part=part).mean_ndcg


def _row(evaluations: list[Evaluation], baseline: Evaluation, seed: int) -> dict[str, Any]:
    """Means over seeds; the interval is over shoppers, of their mean over seeds."""
    recall = np.mean([evaluation.recall for evaluation in evaluations], axis=0)
    ndcg = np.mean([evaluation.ndcg for evaluation in evaluations], axis=0)
    one = evaluations[0]
    mean, low, high = paired_bootstrap(ndcg, baseline.ndcg, seed=seed)
    return {
        "recall@10": round(float(recall.mean()), 4),
        "ndcg@10": round(float(ndcg.mean()), 4),
        "recall@10_of_seeds": [round(evaluation.mean_recall, 4) for evaluation in evaluations],
        "ndcg@10_of_seeds": [round(evaluation.mean_ndcg, 4) for evaluation in evaluations],
        "recall@10_standard_error": round(float(one.recall.std() / np.sqrt(len(one.users))), 4),
        "ndcg@10_standard_error": round(float(one.ndcg.std() / np.sqrt(len(one.users))), 4),
        "ndcg@10_minus_popularity": {"mean": round(mean, 4), "low": round(low, 4), "high": round(high, 4)},
    }


def _mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 4)


def table(results: dict[str, Any]) -> str:
    lines = [f"{results['dataset']}: {results['protocol']}", results["note"]]
    lines.append(f"{'model':<28}{'R@10':>8}{'± 1 se':>9}{'N@10':>9}{'± 1 se':>9}   seeds")
    for peer, figures in results["published"].items():
        lines.append(f"{peer:<28}{figures['recall@10']:>8.4f}{'':>9}{figures['ndcg@10']:>9.4f}{'':>9}   published")
    for kind, row in sorted(results["models"].items(), key=lambda pair: pair[1]["ndcg@10"]):
        seeds = ", ".join(f"{value:.4f}" for value in row["ndcg@10_of_seeds"])
        lines.append(
            f"{kind:<28}{row['recall@10']:>8.4f}{row['recall@10_standard_error']:>9.4f}"
            f"{row['ndcg@10']:>9.4f}{row['ndcg@10_standard_error']:>9.4f}   {seeds}"
        )
    if results["goal"]:
        blend = results["models"]["blend"]
        met = blend["recall@10"] >= results["goal"][0] and blend["ndcg@10"] >= results["goal"][1]
        lines.append(
            f"goal for the blend: {results['goal'][0]:.4f} / {results['goal'][1]:.4f}: {'met' if met else 'missed'}"
        )
    return "\n".join(lines)
