"""Weighted matrix factorisation of positive events (Hu, Koren and Volinsky 2008), and fold-in; numpy alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.ml.dataset import FloatArray, IntArray, Interactions

Factors = NDArray[np.float64]


def factorise(
    interactions: Interactions, *, size: int, confidence: float, reg: float, sweeps: int, rng: np.random.Generator
) -> tuple[Factors, Factors]:
    """(n_users, size) and (n_items, size) whose inner products are 1 where a user took an item and 0 elsewhere.

    An event of weight w counts 1 + confidence · w, every other cell 1. Users and items without events get zeros.
    One sweep is an exact half-step for all users, then one for all items.
    """
    by_user = np.argsort(interactions.user, kind="stable")
    by_item = np.argsort(interactions.item, kind="stable")
    columns = {
        "users": _grouped(interactions.user[by_user], interactions.n_users),
        "items": _grouped(interactions.item[by_item], interactions.n_items),
    }
    weight = interactions.weight.astype(np.float64)
    users = np.zeros((interactions.n_users, size))
    items = rng.normal(scale=0.1, size=(interactions.n_items, size))
    for _ in range(sweeps):
        for half, order, taken in (("users", by_user, interactions.item), ("items", by_item, interactions.user)):
            fixed = items if half == "users" else users
            solved = solve_factors(
                np.split(taken[order], columns[half]),
                np.split(weight[order], columns[half]),
                fixed,
                confidence=confidence,
                reg=reg,
            )
            if half == "users":
                users = solved
            else:
                items = solved
    return users, items


def solve_factors(
    taken: Sequence[IntArray],
    weights: Sequence[NDArray[np.float64]],
    factors: NDArray[np.floating],
    *,
    confidence: float,
    reg: float,
) -> Factors:
    """(B, size): the least-squares factors of B rows given what each took, eq. 4 of the paper.

    taken: row indexes of `factors`, with their weights; an empty row gives zeros.
    """
    fixed = np.asarray(factors, np.float64)
    gram = fixed.T @ fixed + reg * np.eye(fixed.shape[1])
    solved = np.zeros((len(taken), fixed.shape[1]))
    for row, (indexes, weight) in enumerate(zip(taken, weights, strict=True)):
        if not len(indexes):
            continue
        chosen = fixed[indexes]
        weighted = confidence * weight[:, None] * chosen
        solved[row] = np.linalg.solve(gram + chosen.T @ weighted, (weighted + chosen).sum(axis=0))
    return solved


def mean_rows(taken: Sequence[IntArray], values: FloatArray) -> FloatArray:
    """(B, D) float32: the mean of values[taken[b]], zeros where nothing was taken."""
    means = np.zeros((len(taken), values.shape[1]), np.float32)
    for row, indexes in enumerate(taken):
        if len(indexes):
            means[row] = values[indexes].mean(axis=0)
    return means


def content_scale(content: FloatArray) -> tuple[FloatArray, float]:
    """(D,) mean of the rows that have content, and their mean distance from it over √D: 1 per dimension."""
    known = content[content.any(axis=1)]
    if not known.size:
        return np.zeros(content.shape[1], np.float32), 1.0
    centre = known.mean(axis=0)
    spread = np.linalg.norm(known - centre, axis=1).mean() / math.sqrt(content.shape[1])
    return centre.astype(np.float32), max(float(spread), 1e-6)


def scaled_content(content: FloatArray, centre: FloatArray, spread: float) -> FloatArray:
    """(N, D) float32 centred and scaled, zero rows where an item has none."""
    known = content.any(axis=1, keepdims=True) if content.shape[1] else np.zeros((len(content), 1), bool)
    return np.asarray((content - centre) / np.float32(spread) * known, np.float32)


def _grouped(sorted_rows: IntArray, rows: int) -> IntArray:
    """Where np.split cuts a column sorted by row into one piece per row."""
    return np.searchsorted(sorted_rows, np.arange(1, rows)).astype(np.int64)
