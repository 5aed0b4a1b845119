"""Does the answer depend on who is asked? Reproducible variance due to the persona, against a shuffled control."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONSTANT = 1e-4
"""Expectations that spread less (in points of the scale) are float noise around a constant."""

Pairs = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class PersonaEffect:
    """matched and control: correlations; effect: their difference; low, high: its 95% bootstrap interval."""

    matched: float
    control: float
    effect: float
    low: float
    high: float
    cells: int
    products: int


def persona_effect(
    product: NDArray[np.int64],
    ascending: NDArray[np.float64],
    descending: NDArray[np.float64],
    *,
    controls: Pairs | None = None,
    seed: int = 0,
    bootstraps: int = 400,
) -> PersonaEffect | None:
    """product, ascending, descending: (N,) product and expectation per label order of each cell.

    matched is the correlation over cells of a persona's two answers about a product, asked in both label orders;
    control is the same between two different raters of a product, over all pairs of them. What a product alone
    explains is in both, and noise is in neither, so effect = matched − control is the share of variance that the
    persona explains reproducibly. controls: (rows (C,), ascending (C,), descending (C,)) adds pairs where cell `rows`
    was asked again with another persona's words, for products with a single rater. The interval resamples products
    (they are the clusters; 95%, percentiles). Only products with a pair count; None if there is none. A constant
    answer has correlation 0.
    """
    names, index = np.unique(product, return_inverse=True)
    # Near-centred sums lose no digits; each bootstrap centres again by its own means.
    middle_a, middle_d = ascending.mean(), descending.mean()
    if controls is not None:
        controls = controls[0], controls[1] - middle_a, controls[2] - middle_d
    sums = _sums(index, len(names), ascending - middle_a, descending - middle_d, controls)
    paired = sums[:, -1] > 0
    if not paired.any():
        return None
    sums = sums[paired, :-1]
    matched, control = _correlations(sums.sum(axis=0)[None])
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=bootstraps)
    again_matched, again_control = _correlations(drawn.astype(np.float64) @ sums)
    low, high = np.quantile(again_matched - again_control, [0.025, 0.975])
    return PersonaEffect(
        matched=float(matched[0]),
        control=float(control[0]),
        effect=float(matched[0] - control[0]),
        low=float(low),
        high=float(high),
        cells=int(sums[:, 0].sum()),
        products=len(sums),
    )


def _sums(
    index: NDArray[np.int64],
    products: int,
    a: NDArray[np.float64],
    d: NDArray[np.float64],
    controls: Pairs | None,
) -> NDArray[np.float64]:
    """(P, 10) per product: n, Σa, Σd, Σa², Σd², Σad; then over its pairs, weighted to n: Σa, Σd, Σad; pairs."""

    def total(values: NDArray[np.float64], rows: NDArray[np.int64] = index) -> NDArray[np.float64]:
        return np.bincount(rows, weights=values, minlength=products).astype(np.float64)

    n, sum_a, sum_d, sum_ad = total(np.ones_like(a)), total(a), total(d), total(a * d)
    # All ordered pairs of different raters at once: (Σa)(Σd) − Σad.
    pairs, pair_a, pair_d = n * (n - 1), sum_a * (n - 1), sum_d * (n - 1)
    pair_ad = sum_a * sum_d - sum_ad
    if controls is not None and len(controls[0]):
        rows, other_a, other_d = controls
        of = index[rows]
        pairs = pairs + 2 * total(np.ones(len(rows)), of)
        pair_a = pair_a + total(a[rows] + other_a, of)
        pair_d = pair_d + total(d[rows] + other_d, of)
        pair_ad = pair_ad + total(a[rows] * other_d + other_a * d[rows], of)
    weight = n / np.maximum(pairs, 1)
    columns = [n, sum_a, sum_d, total(a * a), total(d * d), sum_ad]
    return np.stack([*columns, pair_a * weight, pair_d * weight, pair_ad * weight, pairs], axis=1)


def _correlations(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matched and control correlation of each row of summed statistics (B, 9)."""
    n, sum_a, sum_d, sum_aa, sum_dd, sum_ad, pair_a, pair_d, pair_ad = sums.T
    mean_a, mean_d = sum_a / n, sum_d / n
    spread_a = np.sqrt(np.maximum(sum_aa / n - mean_a**2, 0))
    spread_d = np.sqrt(np.maximum(sum_dd / n - mean_d**2, 0))
    constant = (spread_a < CONSTANT) | (spread_d < CONSTANT)
    scale = np.where(constant, 1.0, spread_a * spread_d)
    matched = (sum_ad / n - mean_a * mean_d) / scale
    control = (pair_ad - mean_a * pair_d - mean_d * pair_a + n * mean_a * mean_d) / n / scale
    return np.where(constant, 0.0, matched), np.where(constant, 0.0, control)
