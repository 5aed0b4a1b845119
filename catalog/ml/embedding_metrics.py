"""How well vectors put like things together and texts beside their pictures. numpy only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def neighbour_precision(vectors: NDArray[np.float32], labels: Sequence[str], *, k: int = 10) -> float:
    """Mean share of each item's k nearest others (cosine) that have its label; items without a label do not ask.

    vectors: (N, D) L2-normalised, N > k; labels: N, "" where unknown.
    """
    return float(np.nanmean(neighbour_hits(vectors, labels, k=k)))


def neighbour_hits(vectors: NDArray[np.float32], labels: Sequence[str], *, k: int = 10) -> NDArray[np.float64]:
    """(N,) share of each item's k nearest others (cosine) that have its label; NaN where it has none itself.

    vectors: (N, D) L2-normalised, N > k; labels: N, "" where unknown.
    """
    if len(vectors) != len(labels) or len(vectors) <= k:
        raise ValueError(f"vectors: received {len(vectors)} with {len(labels)} labels, need as many and more than {k}")
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    asking = np.flatnonzero([bool(label) for label in labels])
    similarity = vectors[asking] @ vectors.T
    similarity[np.arange(len(asking)), asking] = -np.inf
    nearest = np.argpartition(-similarity, k, axis=1)[:, :k]
    hits = np.full(len(labels), np.nan)
    hits[asking] = (codes[nearest] == codes[asking][:, None]).mean(axis=1)
    return hits


def target_ranks(
    queries: NDArray[np.float32], items: NDArray[np.float32], targets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(Q,) rank of each query's item among all items, 1 = nearest; ties (and NaN) count against the query.

    queries: (Q, D), items: (N, D), L2-normalised; targets: (Q,) index of the item each query describes.
    """
    similarity = queries @ items.T
    own = similarity[np.arange(len(queries)), targets]
    return np.asarray((~(similarity < own[:, None])).sum(axis=1), dtype=np.int64)


def pixel_vectors(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The baseline every encoder must beat: a 16 x 16 picture as a vector, centred on the mean of all, L2-normalised.

    pixels: (N, 16, 16, 3) uint8.
    """
    flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255.0
    flat -= flat.mean(axis=0)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)


def title_vectors(titles: Sequence[str]) -> NDArray[np.float32]:
    """The baseline of texts: TF-IDF of words and word pairs over these titles, (N, V) L2-normalised, zeros if empty."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # a second to import, for a training's report only

    if not any(re.search(r"\w\w", title) for title in titles):  # it knows words of two letters and more
        return np.zeros((len(titles), 1), dtype=np.float32)
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), dtype=np.float32)
    return np.asarray(vectorizer.fit_transform(titles).toarray(), dtype=np.float32)


def label_precisions(
    vectors: NDArray[np.float32], labels: Mapping[str, Sequence[str]], *, k: int = 10
) -> dict[str, float]:
    """`neighbour_precision` under each name of `telling_labels`."""
    return {name: neighbour_precision(vectors, column, k=k) for name, column in telling_labels(labels).items()}


def telling_labels(labels: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Those with at least two values, "" not counted: with one alone every neighbour agrees."""
    return {name: column for name, column in labels.items() if len({label for label in column if label}) > 1}


def retrieval_figures(
    texts: NDArray[np.float32], images: NDArray[np.float32], captions: Sequence[str]
) -> dict[str, float] | None:
    """How captions that occur once find their own picture among all: {"queries", "r@1", "r@10", "mrr"}.

    texts, images: (N, D) L2-normalised; captions: N, "" where there is none. None without any query.
    """
    count = Counter(captions)
    asking = np.array([row for row, text in enumerate(captions) if text and count[text] == 1], dtype=np.int64)
    if len(asking) == 0:
        return None
    ranks = target_ranks(texts[asking], images, asking)
    return {
        "queries": len(asking),
        "r@1": float((ranks <= 1).mean()),
        "r@10": float((ranks <= 10).mean()),
        "mrr": float((1.0 / ranks).mean()),
    }
