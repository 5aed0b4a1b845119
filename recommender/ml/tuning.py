"""Closed-form models in the settings that do best on validation: each shop has its own.

They take seconds to train, and what suits one shop is far off in another: on Amazon Beauty EASE ranks best when each
item counts .8 of the one after it, in the planted demo shop when all count alike (validation NDCG@10 .165 for .143).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recommender.ml.evaluation import evaluate
from recommender.ml.progress import EpochCallback, EpochReport, ignore_progress
from recommender.ml.scorers import load_scorer
from recommender.ml.split import HeldOut
from recommender.ml.trainers import train

GRIDS: dict[str, list[dict[str, Any]]] = {
    "item_knn": [{"history_decay": decay, "shrinkage": s} for decay in (0.5, 0.7, 1.0) for s in (10.0, 30.0)],
    "transition_knn": [
        {"target_exponent": target, "history_decay": decay} for target in (0.0, 0.1, 0.2) for decay in (0.5, 0.8)
    ],
    "gf_cf": [{"alpha": alpha, "history_decay": decay} for alpha in (0.0, 0.3) for decay in (0.6, 0.8, 1.0)],
    "ease": [{"reg": reg, "history_decay": decay} for reg in (60.0, 150.0) for decay in (0.6, 0.8, 1.0)],
    "slist": [
        {"reg": reg, "source_decay": source, "target_decay": target}
        for reg in (50.0, 100.0)
        for source, target in ((0.8, 0.4), (0.9, 0.4), (0.98, 0.9))
    ],
}
"""Settings that are tried, six a kind."""


def train_tuned(
    kind: str,
    split: HeldOut,
    *,
    directory: Path,
    fixed: Mapping[str, Any] | None = None,
    items: Sequence[str] | None = None,
    progress: EpochCallback = ignore_progress,
) -> tuple[Mapping[str, Any], list[float]]:
    """Train `kind` on split.train in every setting of its grid; `directory` keeps the best on validation.

    fixed: parameters that every setting shares, such as a seed. Returns the settings kept and the validation NDCG@10 of
    each, 0 for what the trainer refused. progress: called after each, with 1 − NDCG as the loss; what it raises ends
    the training. Raises ValueError for a kind without a grid, when nothing is held out for validation, or what the
    trainer said where it refused every setting.
    """
    if kind not in GRIDS:
        raise ValueError(f"kind: received {kind!r}, expected one of {', '.join(GRIDS)}")
    found: list[float] = []
    best: Mapping[str, Any] | None = None
    refused: ValueError | None = None
    attempt = directory.with_name(f"{directory.name}.attempt")
    try:
        for number, tried in enumerate(GRIDS[kind], start=1):
            parameters = {**tried, **(fixed or {})}
            started = time.monotonic()
            shutil.rmtree(attempt, ignore_errors=True)
            ndcg = 0.0
            try:
                train(kind, split.train, parameters, directory=attempt, items=items)
            except ValueError as error:  # such as a matrix that cannot be inverted; another setting may do
                refused = error
            else:
                ndcg = evaluate(load_scorer(attempt), split, part="validation").mean_ndcg
                if best is None or ndcg > max(found):
                    shutil.rmtree(directory, ignore_errors=True)
                    attempt.replace(directory)
                    best = parameters
            found.append(ndcg)
            progress(EpochReport(number, len(GRIDS[kind]), 1 - ndcg, time.monotonic() - started))
    finally:
        shutil.rmtree(attempt, ignore_errors=True)
    if best is None:
        raise refused or ValueError(f"kind: received {kind!r}, whose grid is empty")
    return best, found
