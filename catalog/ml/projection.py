"""Places on a map: two dimensions in which neighbours stay neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from catalog.ml.clustering import principal_components

LANDMARKS = 4_000
"""So many are laid out by t-SNE, half a minute on one core; all others are put between their nearest landmarks."""

PERPLEXITY = 30.0
MARGIN = 0.02
"""Kept free along the edges of the map."""


def map_places(vectors: NDArray[np.float32], *, seed: int = 0) -> NDArray[np.float32]:
    """(N, 2) float32 in 0..1 for (N, D) vectors, L2-normalised; the same input and seed give the same map.

    t-SNE (van der Maaten and Hinton 2008, Barnes-Hut) of the principal components. Raises ValueError for fewer than
    15 vectors, or values that are not finite.
    """
    reduced = principal_components(vectors, seed=seed)
    n = len(reduced)
    landmarks = np.sort(np.random.default_rng(seed).permutation(n)[:LANDMARKS])
    model = TSNE(
        2, perplexity=min(PERPLEXITY, (len(landmarks) - 1) / 3), init="pca", random_state=seed, max_iter=500, angle=0.6
    )
    places = np.zeros((n, 2), dtype=np.float64)
    places[landmarks] = model.fit_transform(reduced[landmarks])
    others = np.setdiff1d(np.arange(n), landmarks)
    if len(others):
        distances, nearest = NearestNeighbors(n_neighbors=5).fit(reduced[landmarks]).kneighbors(reduced[others])
        weights = 1.0 / np.maximum(distances, 1e-6)
        weights /= weights.sum(axis=1, keepdims=True)
        places[others] = np.einsum("nk,nkd->nd", weights, places[landmarks][nearest])
    low, high = places.min(axis=0), places.max(axis=0)
    inside = MARGIN + (1 - 2 * MARGIN) * (places - low) / np.maximum(high - low, 1e-9)
    return np.asarray(inside, dtype=np.float32)
