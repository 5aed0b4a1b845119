"""Worker-side work on styles: cluster the catalogue, compare the methods, draw the map."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.ml.cluster_comparison import compare_clusterings
from catalog.ml.clustering import NOISE, Clustering, cluster_vectors
from catalog.ml.projection import map_places
from catalog.ml.representatives import centre_of
from catalog.models import ClusterRun
from catalog.services.style_clusterings import store_clustering
from catalog.services.styles import FEWEST_PRODUCTS
from catalog.style_selectors import embedded_products, product_facts
from catalog.vectors import stored_vectors
from fashionrec.common.errors import Conflict
from fashionrec.common.runs import advance, check_held, hold_run

STEPS = ("read the vectors", "find the groups", "compare the methods", "draw the map", "write the styles")

NINE_OF_TEN = 10
"""Percentile of the members' similarity to their centre from which on a new product belongs to a style."""


def work_cluster_run(run_id: str, *, on_step: Callable[[ClusterRun], None] | None = None) -> None:
    """Cluster the visible products that have hybrid vectors of the run's encoder; fails when they are too few.

    Nothing is written before the last step, which writes everything in one transaction: a run that was killed begins
    again and gives the same styles. 640 products take 5 s on a quiet core, 20,000 some minutes.
    """
    with hold_run(ClusterRun, run_id) as run:
        if run is None or (run.total and run.done >= run.total):
            return
        run.total = len(STEPS)
        ClusterRun.objects.filter(pk=run.pk).update(total=run.total)
        seconds: dict[str, float] = {}
        started = time.monotonic()

        def finished(step: int) -> None:
            nonlocal started
            seconds[STEPS[step - 1]] = round(time.monotonic() - started, 2)
            started = time.monotonic()
            check_held(run)
            # A second attempt shows no progress until it is farther than the first: only that is getting on.
            advance(run, done=max(step, run.done))
            if on_step:
                on_step(run)

        size, seed = run.parameters.get("min_cluster_size"), int(run.parameters.get("seed", 0))
        product_ids, vectors = _vectors(run)
        finished(1)
        clustering = cluster_vectors(vectors, min_cluster_size=size, seed=seed)
        finished(2)
        categories, colours = _labels(product_ids)
        comparison = compare_clusterings(vectors, categories, seed, others={"colour": colours}, min_cluster_size=size)
        finished(3)
        places = map_places(vectors, seed=seed)
        finished(4)
        report = {
            "products": len(product_ids),
            "noise": round(float((clustering.labels == NOISE).mean()), 4),
            "floor": _floor(vectors, clustering),
            "comparison": comparison,
            "seconds": seconds,
        }
        check_held(run)
        store_clustering(
            run=run, product_ids=product_ids, clustering=clustering, places=places, report=report, done=run.total
        )
        if on_step:
            on_step(run)


def _vectors(run: ClusterRun) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(N,) primary keys and (N, D) vectors of unit length: half precision left them near 1, not at 1."""
    product_ids = embedded_products(run.encoder)
    if len(product_ids) < FEWEST_PRODUCTS:
        raise Conflict.for_field("products", len(product_ids), f"styles need at least {FEWEST_PRODUCTS} with vectors")
    vectors = stored_vectors(encoder=run.encoder, kind="hybrid", product_ids=product_ids)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return np.array(product_ids, dtype=np.int64), unit


def _labels(product_ids: NDArray[np.int64]) -> tuple[list[str], list[str]]:
    """What the shop calls the products, for the comparison: leaf categories and colours."""
    facts = product_facts(product_ids.tolist())
    return [fact.category.rsplit(">", 1)[-1].strip() for fact in facts], [fact.colour for fact in facts]


def _floor(vectors: NDArray[np.float32], clustering: Clustering) -> float:
    """The cosine to its centre that nine of ten members reach; −1 without groups."""
    similar: list[Any] = []
    for label in range(clustering.count):
        members = vectors[clustering.labels == label]
        similar.append(members @ centre_of(members))
    return round(float(np.percentile(np.concatenate(similar), NINE_OF_TEN)), 4) if similar else -1.0
