"""What shoppers' events and personas' ratings are worth: one kind of model trained on each alone and on both."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from recommender.datasets import PERSONA_FADES_AT, build_dataset
from recommender.ml.dataset import Interactions
from recommender.ml.evaluation import Evaluation, compare, evaluate
from recommender.ml.provenance import fade_synthetic
from recommender.ml.scorers import load_scorer
from recommender.ml.split import leave_one_out
from recommender.ml.trainers import train

EVENTS, RATINGS, BOTH = "events only", "ratings only", "both"
POPULARITY = "popularity of events"


def training_sets(unfaded: Interactions) -> dict[str, Interactions]:
    """The three sets. Alone, ratings count in full: there are no deeds that could take their place.

    unfaded: the training part of a dataset that was built without fading.
    """
    return {
        EVENTS: unfaded.take(~unfaded.synthetic),
        RATINGS: unfaded.take(unfaded.synthetic),
        BOTH: fade_synthetic(unfaded, half=PERSONA_FADES_AT),
    }


def provenance_report(
    *,
    kind: str,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    on_model: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Trains `kind` three times and ranks the same held-out events of shoppers; differences to events only, paired.

    What shoppers stated, or the words of their persona, is known to all three alike. Raises ValueError when the shop
    has no events to hold out, no ratings, or for an unknown kind or parameter.
    """
    dataset = build_dataset(fading=False)
    split = leave_one_out(dataset.interactions)
    if not len(split.targets("test")[0]) or not split.train.synthetic.any():
        raise ValueError(
            f"dataset: received {dataset.window['events']} events and {dataset.window['persona_likes']} likes of "
            "personas; both are needed, and shoppers with three products each"
        )
    evaluations: dict[str, Evaluation] = {}
    sets = training_sets(split.train)
    with tempfile.TemporaryDirectory(prefix="fashionrec-provenance-") as folder:
        for name, part in sets.items():
            if on_model:
                on_model(name)
            directory = Path(folder) / name.replace(" ", "-")
            train(kind, part, dict(parameters or {}), directory=directory)
            evaluations[name] = evaluate(load_scorer(directory), split)
        train("popularity", sets[EVENTS], directory=Path(folder) / "popularity")
        evaluations[POPULARITY] = evaluate(load_scorer(Path(folder) / "popularity"), split)
    compared = compare(evaluations, baseline=EVENTS, seed=seed)
    rows = {name: _row(evaluation, sets.get(name)) for name, evaluation in evaluations.items()}
    for name, comparison in compared.items():
        rows[name]["ndcg@10_minus_events"] = _rounded(asdict(comparison.ndcg))
        rows[name]["recall@10_minus_events"] = _rounded(asdict(comparison.recall))
    return {
        "kind": kind,
        "protocol": f"leave-one-out by time, full ranking of {dataset.interactions.n_items} products, seen masked",
        "users": len(evaluations[EVENTS].users),
        "fingerprint": dataset.fingerprint,
        "rows": rows,
    }


def _row(evaluation: Evaluation, part: Interactions | None) -> dict[str, Any]:
    trained = {} if part is None else {"training_events": len(part.item), "synthetic": int(part.synthetic.sum())}
    return {
        "recall@10": round(evaluation.mean_recall, 5),
        "ndcg@10": round(evaluation.mean_ndcg, 5),
        "ndcg@10_standard_error": round(float(evaluation.ndcg.std() / np.sqrt(len(evaluation.users))), 5),
        **trained,
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in values.items()}
