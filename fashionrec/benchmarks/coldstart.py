"""coldstart: products and shoppers that no training has seen.

Unseen products stand in one ranking with all others, by `Scorer.extended(content)` alone. DropoutNet (Volkovs et al.
2017) is the peer. Every model gets the same number of settings, chosen on other unseen products; the test is read
once. Warm loss: what the training of cold products costs the others, beside the same model trained without it.
"""

import tempfile
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fashionrec.benchmarks.coldstart_figures import (
    Measured,
    about_items,
    about_trained,
    gap_closed,
    measure,
    measure_oracle,
    relative_loss,
    row_of,
)
from fashionrec.benchmarks.coldstart_files import read_folder
from fashionrec.benchmarks.coldstart_split import ColdStartSplit, draw_holdout, split_for
from fashionrec.benchmarks.coldstart_table import table as table
from fashionrec.benchmarks.coldstart_world import CONTENTS, ColdStartData, planted_data
from recommender.ml.blend import train_blend
from recommender.ml.metrics import PerUser
from recommender.ml.scorers import load_scorer
from recommender.ml.trainers import make_config, train

HELP = "NDCG of unseen products in full ranking, and of unseen shoppers by what they reveal, beside DropoutNet"

GRIDS: dict[str, list[dict[str, Any]]] = {
    "content_knn": [{"history_decay": decay} for decay in (0.8, 0.95, 1.0, 0.6)],
    "dropoutnet": [{}, {"item_dropout": 0.7}, {"latent_size": 64, "epochs": 30}, {"confidence": 2.0}],
    "two_tower": [{}, {"id_dropout": 0.5}, {"id_dropout": 0.7}, {"id_dropout": 0.5, "similarity": "dot"}],
    "graphsage": [{}, {"cold_share": 0.3}, {"cold_share": 0.5}, {"cold_share": 0.3, "neighbours": 20}],
    "softmax_mf": [{}, {"content_precision": 0.3}, {"item_precision": 8.0}, {"content_precision": 3.0}],
}
"""Settings tried, over the defaults; a search takes the first of each."""

WITHOUT: dict[str, dict[str, Any]] = {
    "two_tower": {"id_dropout": 0.0},
    "graphsage": {"cold_share": 0.0, "id_dropout": 0.0},
    "softmax_mf": {"content_components": 0},
}
"""The same model without what lets it place new products."""

SEEDED = ("dropoutnet", "two_tower", "graphsage", "softmax_mf")
OURS = ("two_tower", "graphsage", "softmax_mf", "blend")
BLENDED = ("two_tower", "graphsage", "softmax_mf", "content_knn", "popularity")
GOALS = {"gain_over_dropoutnet": 0.10, "warm_loss": 0.01, "five_picks": 0.70}


@dataclass(frozen=True)
class Budget:
    """products, shoppers: of the planted world. configurations: per model. epochs: at most so many; 0: as they are."""

    products: int
    shoppers: int
    configurations: int
    seeds: int
    epochs: int


FULL = Budget(products=1500, shoppers=2500, configurations=3, seeds=3, epochs=0)
QUICK = Budget(products=300, shoppers=500, configurations=1, seeds=1, epochs=4)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=None, help="folder of CiteULike or MovieLens 100k; else planted")
    parser.add_argument("--content", choices=list(CONTENTS), default="attributes", help="of the planted products")
    parser.add_argument("--seed", type=int, default=0, help="of the world, what is held out, and the first training")
    parser.add_argument("--seeds", type=int, default=None, help=f"trainings of each model (default {FULL.seeds})")
    parser.add_argument(
        "--configurations", type=int, default=None, help=f"settings tried per model, at most 4 ({FULL.configurations})"
    )
    parser.add_argument("--products", type=int, default=None, help=f"of the planted world (default {FULL.products})")
    parser.add_argument("--shoppers", type=int, default=None, help=f"of the planted world (default {FULL.shoppers})")
    parser.add_argument("--quick", action="store_true", help="a small world, one setting, one seed, few epochs")


def run(
    *,
    data: Path | None = None,
    content: str = "attributes",
    seed: int = 0,
    seeds: int | None = None,
    configurations: int | None = None,
    products: int | None = None,
    shoppers: int | None = None,
    quick: bool = False,
    **_: Any,
) -> dict[str, Any]:
    """Search, train, measure. Raises ValueError for a bad option, or a file that cannot be read, by name."""
    base = QUICK if quick else FULL
    budget = Budget(
        products=base.products if products is None else products,
        shoppers=base.shoppers if shoppers is None else shoppers,
        configurations=base.configurations if configurations is None else configurations,
        seeds=base.seeds if seeds is None else seeds,
        epochs=base.epochs,
    )
    if budget.seeds < 1:
        raise ValueError(f"seeds: received {seeds}, expected at least 1")
    if not 1 <= budget.configurations <= min(map(len, GRIDS.values())):
        raise ValueError(f"configurations: received {configurations}, expected 1 to {min(map(len, GRIDS.values()))}")
    if data is None:
        found = planted_data(products=budget.products, shoppers=budget.shoppers, seed=seed, content=content)
    else:
        found = read_folder(data)
    with tempfile.TemporaryDirectory(prefix="coldstart-") as folder:
        return _measure(found, budget, seed, Path(folder))


def _measure(data: ColdStartData, budget: Budget, seed: int, folder: Path) -> dict[str, Any]:
    holdout = draw_holdout(data, seed=seed)
    searched = split_for(data, holdout, part="validation")
    chosen, search = _search(searched, budget, seed, folder)
    split = split_for(data, holdout, part="test")
    measured: dict[str, list[Measured]] = {kind: [] for kind in ("random", "popularity", *GRIDS, "blend")}
    without: dict[str, list[PerUser]] = {kind: [] for kind in WITHOUT}
    for number in range(seed, seed + budget.seeds):
        paths: dict[str, Path] = {}
        for kind in ("random", "popularity", *GRIDS):
            parameters = chosen.get(kind, {}) | ({"seed": number} if kind in (*SEEDED, "random") else {})
            paths[kind] = _train(kind, split, parameters, budget, folder / f"{kind}-{number}")
        paths["blend"] = folder / f"blend-{number}"
        blend = make_config("blend", {"components": BLENDED, "seed": number})
        train_blend(split.warm, blend, components={kind: paths[kind] for kind in BLENDED}, directory=paths["blend"])
        for kind, path in paths.items():
            measured[kind].append(measure(load_scorer(path), split))
        for kind, parameters in WITHOUT.items():
            lame = {**chosen[kind], **parameters, "seed": number}
            path = _train(kind, split, lame, budget, folder / f"{kind}-without-{number}")
            without[kind].append(about_trained(load_scorer(path), split))
    means = {kind: Measured.mean(found) for kind, found in measured.items()}
    peer = means["dropoutnet"]
    rows = {kind: row_of(found, peer, seed=seed) for kind, found in means.items()}
    if data.utility is not None:
        rows["oracle"] = row_of(measure_oracle(data.utility, split), peer, seed=seed)
        for row in rows.values():
            row["gap_closed"] = gap_closed(row, rows["popularity"], rows["oracle"])
    for kind, figures in without.items():
        rows[kind]["warm_loss"] = relative_loss(means[kind].warm, np.mean(figures, axis=0), seed=seed)
    return {
        "data": data.name,
        "note": data.note,
        "sizes": {
            "trained_items": split.warm.train.n_items,
            "unseen_items": len(split.new_content),
            "training_events": len(split.warm.train.item),
            "questions_about_items": len(split.cold_items.target),
            "unseen_users": len(split.cold_users["all"].target),
        },
        "seed": seed,
        "seeds": budget.seeds,
        "configurations": budget.configurations,
        "search": search,
        "chosen": chosen,
        "goals": GOALS,
        "models": rows,
        "best": max(OURS, key=lambda kind: rows[kind]["ndcg@10"]),
    }


def _search(
    split: ColdStartSplit, budget: Budget, seed: int, folder: Path
) -> tuple[dict[str, dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """Each kind's best setting, by N@10 in full ranking plus N@10 among the unseen, and all that was tried.

    The sum, because in full ranking alone a model that hardly ever shows an unseen item would be chosen by chance.
    """
    chosen: dict[str, dict[str, Any]] = {}
    tried: dict[str, list[dict[str, Any]]] = {}
    for kind, grid in GRIDS.items():
        tried[kind] = []
        for number, parameters in enumerate(grid[: budget.configurations]):
            seeded = {**parameters, "seed": seed} if kind in SEEDED else parameters
            path = _train(kind, split, seeded, budget, folder / f"search-{kind}-{number}")
            ndcg, _, among = about_items(load_scorer(path).extended(split.new_content), split)
            figures = {"ndcg@10": round(float(ndcg.mean()), 4), "among_unseen": round(float(among.mean()), 4)}
            tried[kind].append({**parameters, **figures})
        best = max(tried[kind], key=lambda figures: figures["ndcg@10"] + figures["among_unseen"])
        chosen[kind] = grid[tried[kind].index(best)]
    return chosen, tried


def _train(kind: str, split: ColdStartSplit, parameters: Mapping[str, Any], budget: Budget, path: Path) -> Path:
    config = make_config(kind, parameters)
    if budget.epochs and hasattr(config, "epochs"):
        config = make_config(kind, {**parameters, "epochs": min(config.epochs, budget.epochs)})
    train(kind, split.warm.train, config, directory=path)
    return path
