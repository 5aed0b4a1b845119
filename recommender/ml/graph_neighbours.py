"""Nearest items by content; numpy alone, for training and serving both look them up here."""

from __future__ import annotations

import numpy as np

from recommender.ml.dataset import FloatArray, IntArray


def content_neighbours(content: FloatArray, count: int, *, block: int = 2048) -> IntArray:
    """The exact `count` nearest items of each item by cosine similarity of content, nearest first.

    content: (N, D) float32, L2-normalised; an all-zero row is an item without content and gets no neighbour.
    Returns (N, min(count, N - 1)) int64, padded with -1 where an item has fewer. Ties go to the lower index.
    """
    if content.ndim != 2:
        raise ValueError(f"content: expected (N, D), received shape {content.shape!r}")
    return _nearest(content, content, max(0, min(count, len(content) - 1)), block=block, among_themselves=True)


def nearest_items(queries: FloatArray, content: FloatArray, count: int, *, block: int = 2048) -> IntArray:
    """The exact `count` nearest rows of `content` for each query, as `content_neighbours` finds them.

    queries: (Q, D) float32; content: (N, D) float32, both L2-normalised, zero rows for nothing.
    Returns (Q, min(count, N)) int64, -1 where there are fewer.
    """
    return _nearest(queries, content, max(0, min(count, len(content))), block=block, among_themselves=False)


def _nearest(queries: FloatArray, content: FloatArray, count: int, *, block: int, among_themselves: bool) -> IntArray:
    neighbours = np.full((len(queries), count), -1, dtype=np.int64)
    known = np.linalg.norm(content, axis=1) > 0
    asks = np.linalg.norm(queries, axis=1) > 0
    if count == 0:
        return neighbours
    for start in range(0, len(queries), block):
        rows = np.arange(start, min(start + block, len(queries)))
        similarity = queries[rows] @ content.T
        similarity[:, ~known] = -np.inf
        if among_themselves:
            similarity[np.arange(len(rows)), rows] = -np.inf
        similarity[~asks[rows]] = -np.inf
        best = np.sort(np.argpartition(-similarity, count - 1, axis=1)[:, :count], axis=1)
        score = np.take_along_axis(similarity, best, axis=1)
        order = np.argsort(-score, axis=1, kind="stable")
        best, score = np.take_along_axis(best, order, axis=1), np.take_along_axis(score, order, axis=1)
        neighbours[rows] = np.where(np.isfinite(score), best, -1)
    return neighbours
