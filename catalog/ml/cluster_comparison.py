"""HDBSCAN beside DBSCAN and k-means on the same vectors: what the report of a clustering says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN, KMeans
from sklearn.metrics import normalized_mutual_info_score, silhouette_samples
from sklearn.neighbors import NearestNeighbors

from catalog.ml.clustering import MIN_SAMPLES, NOISE, cluster_coordinates, graph_coordinates, min_cluster_size_for

MOST_COMPARED = 4_000
"""DBSCAN holds every neighbourhood at once: of a larger catalogue a drawn sample is compared."""

SILHOUETTE_SAMPLE = 1_000
DBSCAN_MIN_SAMPLES = 5
EPS_QUANTILES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Of the distances to the DBSCAN_MIN_SAMPLES-th neighbour: the grid in which DBSCAN's eps is sought."""

Labels = NDArray[np.int64]


def compare_clusterings(
    vectors: NDArray[np.float32],
    labels: Sequence[str],
    seed: int,
    *,
    others: Mapping[str, Sequence[str]] | None = None,
    min_cluster_size: int | None = None,
) -> dict[str, dict[str, Any]]:
    """JSON-ready figures of (N, D) float32 vectors, L2-normalised, clustered in four ways, the shop's own first.

    {"hdbscan" | "dbscan" | "dbscan_on_vectors" | "kmeans": {"clusters", "noise", "nmi", "nmi_clustered", "nmi_with",
    "silhouette", "seconds", "parameters", "products"}}. HDBSCAN, DBSCAN and k-means cluster the same graph
    coordinates, `dbscan_on_vectors` the vectors as they are.

    labels: N, what people call the products, "" where unknown; others: more of the kind, by name, for "nmi_with". No
    clustering sees them. Noise counts as one class in `nmi`, and is left out of `nmi_clustered` and `silhouette`
    (cosine, on a sample of the vectors themselves; None below two clusters). HDBSCAN's parameters are fixed rules.
    DBSCAN gets the eps of nine whose clusters have the best silhouette, noise counting 0; k-means as many clusters as
    HDBSCAN found. Raises ValueError for labels of another length, and as `cluster_vectors` does.
    """
    for name, given in {"labels": labels, **(others or {})}.items():
        if len(given) != len(vectors):
            raise ValueError(f"{name}: received {len(given)} labels for {len(vectors)} vectors")
    chosen = np.arange(len(vectors))
    if len(vectors) > MOST_COMPARED:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(vectors))[:MOST_COMPARED])
    points = vectors[chosen]
    judged = {name: np.asarray(given, dtype=str)[chosen] for name, given in {"": labels, **(others or {})}.items()}
    size = min_cluster_size or min_cluster_size_for(len(points))
    started = time.perf_counter()
    coordinates = graph_coordinates(points, seed=seed)
    reduction = time.perf_counter() - started
    figures: dict[str, dict[str, Any]] = {}

    def add(method: str, run: Callable[[], tuple[Labels, dict[str, Any]]], *, before: float = reduction) -> Labels:
        started = time.perf_counter()
        found, parameters = run()
        seconds = round(before + time.perf_counter() - started, 2)
        figures[method] = {**_figures(points, found, judged, seed=seed), "seconds": seconds, "parameters": parameters}
        return found

    own = add("hdbscan", lambda: _hdbscan(coordinates, min_cluster_size=size))
    add("dbscan", lambda: _dbscan(coordinates, seed=seed))
    add("dbscan_on_vectors", lambda: _dbscan(points, seed=seed), before=0.0)
    clusters = max(2, int(own.max(initial=NOISE)) + 1)
    add("kmeans", lambda: _kmeans(coordinates, clusters, seed=seed))
    return figures


def _hdbscan(coordinates: NDArray[np.float32], *, min_cluster_size: int) -> tuple[Labels, dict[str, Any]]:
    found = cluster_coordinates(coordinates, min_cluster_size=min_cluster_size)
    return found.labels, {"min_cluster_size": min_cluster_size, "min_samples": MIN_SAMPLES}


def _dbscan(points: NDArray[np.float32], *, seed: int) -> tuple[Labels, dict[str, Any]]:
    """DBSCAN (Ester et al. 1996) with the eps that looks best without any label."""
    neighbours = NearestNeighbors(n_neighbors=DBSCAN_MIN_SAMPLES).fit(points)
    reach = np.sort(neighbours.kneighbors()[0][:, -1])
    best: tuple[float, Labels, float] | None = None
    for quantile in EPS_QUANTILES:
        eps = float(max(reach[int(quantile * (len(reach) - 1))], 1e-6))
        found = DBSCAN(eps=eps, min_samples=DBSCAN_MIN_SAMPLES).fit_predict(points)
        score = _silhouette(points, found, seed=seed, noise_counts=True) or -1.0
        if best is None or score > best[0]:
            best = (score, found, eps)
    assert best is not None  # noqa: S101  # the grid is not empty
    return best[1], {"eps": round(best[2], 4), "min_samples": DBSCAN_MIN_SAMPLES}


def _kmeans(points: NDArray[np.float32], clusters: int, *, seed: int) -> tuple[Labels, dict[str, Any]]:
    model = KMeans(clusters, n_init=3, random_state=seed)
    return model.fit_predict(points).astype(np.int64), {"clusters": clusters}


def _figures(
    points: NDArray[np.float32], found: Labels, judged: Mapping[str, NDArray[np.str_]], *, seed: int
) -> dict[str, Any]:
    inside = found != NOISE
    silhouette = _silhouette(points, found, seed=seed, metric="cosine")
    nmi, clustered = {}, {}
    for name, labels in judged.items():
        known = labels != ""
        nmi[name] = _nmi(labels[known], found[known])
        clustered[name] = _nmi(labels[known & inside], found[known & inside])
    return {
        "products": len(points),
        "clusters": len(np.unique(found[inside])),
        "noise": round(float(1.0 - inside.mean()), 4),
        "nmi": nmi.pop(""),
        "nmi_clustered": clustered[""],
        "nmi_with": nmi,
        "silhouette": None if silhouette is None else round(silhouette, 4),
    }


def _nmi(labels: NDArray[np.str_], found: Labels) -> float:
    """Normalised mutual information, arithmetic mean; 0 when nothing is labelled."""
    return round(float(normalized_mutual_info_score(labels, found)), 4) if len(labels) else 0.0


def _silhouette(
    points: NDArray[np.float32], found: Labels, *, seed: int, metric: str = "euclidean", noise_counts: bool = False
) -> float | None:
    """Mean silhouette of a sample's clustered points; `noise_counts`: noise counts 0. None below two clusters."""
    sample = np.sort(np.random.default_rng(seed).permutation(len(points))[:SILHOUETTE_SAMPLE])
    inside = sample[found[sample] != NOISE]
    if not 2 <= len(np.unique(found[inside])) < len(inside):
        return None
    total = float(silhouette_samples(points[inside], found[inside], metric=metric).sum())
    return total / (len(sample) if noise_counts else len(inside))
