"""Groups of products that look alike: HDBSCAN on a neighbourhood graph's coordinates.

Content vectors have hundreds of dimensions, where density says little: distances are all alike, and a density
clustering finds one crowd and much noise. The graph of nearest neighbours keeps who is beside whom and forgets the
rest; its first eigenvectors (Laplacian eigenmaps, Belkin and Niyogi 2003) are few dimensions of even density.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import ArpackNoConvergence, eigsh
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from catalog.ml.representatives import nearest_of

NOISE = -1
PRINCIPAL_COMPONENTS = 64
NEIGHBOURS = 15
COORDINATES = 64
"""Of 32, 48 and 64 the best on four kinds of vectors of 2,049 photos (NMI with their types .42 to .57)."""

DIFFUSION_STEPS = 2
"""Each coordinate weighs λ² (diffusion maps, Coifman and Lafon 2006): what only tells members of one group apart has a
small eigenvalue λ. Unweighted, five planted groups fell into 23 pieces; on photos it costs nothing."""

MIN_SAMPLES = 2
"""Of 1, 2, 3 and 5 it leaves the least noise together with 1: styles shall cover the catalogue."""

SMALLEST_CLUSTER = 5
FEWEST = 3 * SMALLEST_CLUSTER
"""Below so many vectors there is nothing to divide."""


@dataclass(frozen=True, eq=False)
class Clustering:
    """labels: (N,) int64, NOISE where a vector is like no others; clusters are 0..K-1, the largest first.

    strength: (N,) float32, 0..1: how surely each belongs to its cluster, or noise to the nearest one.
    nearest: (N,) int64, the cluster whose centre is nearest; NOISE when there is no cluster.
    coordinates: (N, C) float32, what was clustered.
    """

    labels: NDArray[np.int64]
    strength: NDArray[np.float32]
    nearest: NDArray[np.int64]
    coordinates: NDArray[np.float32]

    @property
    def count(self) -> int:
        return int(self.labels.max(initial=NOISE)) + 1


def min_cluster_size_for(n: int) -> int:
    """How many products make a style: a fifth of the square root, so that 640 products give 6, 20,000 give 31."""
    return max(SMALLEST_CLUSTER, round(0.22 * n**0.5))


def cluster_vectors(vectors: NDArray[np.float32], *, min_cluster_size: int | None = None, seed: int = 0) -> Clustering:
    """Cluster (N, D) float32 vectors, L2-normalised; the same input and seed give the same result.

    min_cluster_size: default by N. One core: 2,049 × 512 in 1.5 s, 20,000 in about a minute; memory grows with N.
    Raises ValueError for fewer than FEWEST vectors, or values that are not finite.
    """
    return cluster_coordinates(graph_coordinates(vectors, seed=seed), min_cluster_size=min_cluster_size)


def cluster_coordinates(coordinates: NDArray[np.float32], *, min_cluster_size: int | None = None) -> Clustering:
    """HDBSCAN (Campello, Moulavi and Sander 2013) on coordinates that `graph_coordinates` gave."""
    size = min_cluster_size or min_cluster_size_for(len(coordinates))
    # The tree bounds memory: "brute" would hold all N × N distances.
    model = HDBSCAN(min_cluster_size=size, min_samples=MIN_SAMPLES, algorithm="kd_tree", copy=True)
    labels = largest_first(model.fit_predict(coordinates))
    nearest, margin = nearest_centre(coordinates, labels)
    inside = np.nan_to_num(model.probabilities_, nan=0.0)
    strength = np.where(labels == NOISE, margin, inside).clip(0.0, 1.0).astype(np.float32)
    return Clustering(labels, strength, nearest, coordinates)


def principal_components(vectors: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """(N, ≤ PRINCIPAL_COMPONENTS) float32. Raises ValueError as `cluster_vectors` does."""
    if vectors.ndim != 2 or len(vectors) < FEWEST:
        raise ValueError(f"vectors: received shape {vectors.shape}, need (N, D) with N ≥ {FEWEST}")
    if not np.isfinite(vectors).all():
        raise ValueError(f"vectors: {int((~np.isfinite(vectors)).sum())} values are not finite")
    components = min(PRINCIPAL_COMPONENTS, len(vectors) - 1, vectors.shape[1])
    return np.asarray(PCA(components, random_state=seed).fit_transform(vectors), dtype=np.float32)


def graph_coordinates(vectors: NDArray[np.float32], *, seed: int = 0) -> NDArray[np.float32]:
    """(N, C) float32: eigenvectors of the normalised graph of nearest neighbours, rows of unit length."""
    n = len(vectors)
    reduced = principal_components(vectors, seed=seed)
    k = min(NEIGHBOURS, n - 1)
    neighbours = NearestNeighbors(n_neighbors=k).fit(reduced).kneighbors(return_distance=False)
    rows = np.repeat(np.arange(n), k)
    links = csr_matrix((np.ones(n * k, dtype=np.float64), (rows, neighbours.ravel())), shape=(n, n))
    links = (links + links.T) * 0.5
    scale = diags(1.0 / np.sqrt(np.asarray(links.sum(axis=1)).ravel()))
    wanted = min(COORDINATES + 1, max(3, n // 8))
    start = np.random.default_rng(seed).normal(size=n)
    try:
        values, found = eigsh(
            scale @ links @ scale, k=wanted, which="LA", v0=start, ncv=min(n, max(4 * wanted, 80)), tol=1e-4
        )
    except ArpackNoConvergence as error:  # what has converged is still a map of the graph
        values, found = error.eigenvalues, error.eigenvectors
    order = np.argsort(-values, kind="stable")[:COORDINATES]
    weights = np.maximum(values[order], 0.0) ** DIFFUSION_STEPS
    coordinates = found[:, order] * weights if len(order) else reduced
    lengths = np.linalg.norm(coordinates, axis=1, keepdims=True)
    return np.asarray(coordinates / np.maximum(lengths, 1e-12), dtype=np.float32)


def largest_first(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same clusters numbered by size; of equal ones the one with the earlier first member comes first."""
    members = [np.flatnonzero(labels == label) for label in np.unique(labels[labels != NOISE])]
    members.sort(key=lambda rows: (-len(rows), int(rows[0])))
    renumbered = np.full(len(labels), NOISE, dtype=np.int64)
    for number, rows in enumerate(members):
        renumbered[rows] = number
    return renumbered


def nearest_centre(
    points: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Each point's nearest cluster by centre, and how clearly: 1 − d₁/d₂, 0 halfway between two, 1 at a centre.

    With one cluster the margin is 1 − d₁/max d₁.
    """
    count = int(labels.max(initial=NOISE)) + 1
    if not count:
        return np.full(len(points), NOISE, dtype=np.int64), np.zeros(len(points), dtype=np.float32)
    centres = np.stack([points[labels == label].mean(axis=0) for label in range(count)])
    return nearest_of(points, centres)
