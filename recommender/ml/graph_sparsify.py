"""Which interactions messages need: fewer edges, the same recommendations.

An edge matters by how few others its ends have. Degree-sensitive sparsification keeps what shoppers and items with
little have, and thins out hubs; among equals it keeps the recent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.ml.dataset import IntArray, Interactions
from recommender.ml.split import HeldOut, Part


def message_edges(interactions: Interactions, keep: float) -> NDArray[np.bool_]:
    """(E,) bool: the `keep` share of the interactions, exactly round(keep × E) of them.

    interactions: in (user, time) order, each (user, item) once. The edge that is its user's r-th latest and its item's
    s-th latest (from 0) has rank min(r, s), and the lowest ranks are kept, ties by max(r, s) and then the later: so
    everybody's and everything's latest edges stay, and those between two hubs go first. Ranking by order instead of
    drawing caps every degree alike.
    Raises ValueError unless 0 < keep ≤ 1.
    """
    if not 0 < keep <= 1:
        raise ValueError(f"keep: received {keep!r}, expected above 0 up to 1")
    edges = len(interactions.item)
    count = round(keep * edges)
    if count == edges:
        return np.ones(edges, dtype=bool)
    of_user = _rank_from_newest(interactions.user, np.arange(edges))
    of_item = _rank_from_newest(interactions.item, np.argsort(interactions.time, kind="stable"))
    order = np.lexsort((-interactions.time, np.maximum(of_user, of_item), np.minimum(of_user, of_item)))
    kept = np.zeros(edges, dtype=bool)
    kept[order[:count]] = True
    return kept


def kept_content_neighbours(neighbours: int, keep: float) -> int:
    """How many of an item's nearest `neighbours` stay: the same share of them, and at least the nearest."""
    return max(min(1, neighbours), round(neighbours * keep))


def _rank_from_newest(owner: IntArray, by_time: IntArray) -> IntArray:
    """(E,): 0 for each owner's latest edge, 1 for the one before, …; by_time: (E,) edges, oldest → newest."""
    grouped = by_time[np.argsort(owner[by_time], kind="stable")]
    ends = np.cumsum(np.bincount(owner))
    rank = np.empty(len(owner), dtype=np.int64)
    rank[grouped] = ends[owner[grouped]] - 1 - np.arange(len(owner))
    return rank


def sparsification_curve(
    split: HeldOut,
    *,
    config: Mapping[str, Any] | None = None,
    shares: Sequence[float] = (1.0, 0.75, 0.5, 0.25),
    part: Part = "test",
    k: int = 20,
    seed: int = 0,
) -> list[dict[str, float]]:
    """GraphSAGE trained with each share of its edges: {"share", "ndcg", "seconds"}, in the order of `shares`.

    config: other fields of GraphSAGEConfig. ndcg: mean NDCG@k of `part`, full ranking. seconds: of CPU time, training.
    """
    # Imported here: they import what is above.
    from recommender.ml.evaluation import evaluate
    from recommender.ml.scorers import load_scorer
    from recommender.ml.trainers import train

    rows = []
    for share in shares:
        with TemporaryDirectory() as folder:
            started = time.process_time()
            parameters = {**(config or {}), "keep_edges": share, "seed": seed}
            train("graphsage", split.train, parameters, directory=Path(folder))
            seconds = time.process_time() - started
            found = evaluate(load_scorer(Path(folder)), split, part=part, k=k)
        rows.append({"share": share, "ndcg": found.mean_ndcg, "seconds": seconds})
    return rows
