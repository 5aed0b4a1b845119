"""What a model's answers are worth: figures of a rating run, measured on what it really said."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from personas.ml.calibration import (
    check_target,
    kolmogorov_smirnov,
    nearest_point,
    order_probabilities,
    point_shares,
)
from personas.ml.distributions import SCALE, expectation
from personas.ml.persona_effect import CONSTANT, persona_effect
from personas.ml.quality_gate import GateThresholds, gate

__all__ = ["CellScores", "GateThresholds", "gate", "quality_figures"]

DISTINCT_SAMPLE = 1000
"""Distinct expectations are counted among this many cells, so that runs of any size can be compared."""


@dataclass(frozen=True)
class CellScores:
    """Raw answers of a run. Columns of log-probabilities are the points −1, 1..10; O: ascending, then descending.

    persona, product: (N,) ids. log_probabilities: (N, O, 11), not normalised.
    retest_rows: (M,) which cells were asked again, retest_log_probabilities: (M, O, 11) what came back.
    control_rows: (C,) cells whose product was also asked about with another persona's words,
    control_log_probabilities: (C, O, 11). Raises ValueError quoting shapes that do not fit.
    """

    persona: NDArray[np.int64]
    product: NDArray[np.int64]
    log_probabilities: NDArray[np.float64]
    retest_rows: NDArray[np.int64] | None = None
    retest_log_probabilities: NDArray[np.float64] | None = None
    control_rows: NDArray[np.int64] | None = None
    control_log_probabilities: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n = len(self.log_probabilities)
        for name in ("persona", "product"):
            if np.shape(getattr(self, name)) != (n,):
                raise ValueError(f"{name}: expected shape ({n},), received {np.shape(getattr(self, name))}")
        for name in ("retest", "control"):
            rows, again = getattr(self, f"{name}_rows"), getattr(self, f"{name}_log_probabilities")
            if (rows is None) != (again is None):
                raise ValueError(f"{name}_rows and {name}_log_probabilities: need both or neither")
            if rows is None:
                continue
            if np.shape(again) != (len(rows), *np.shape(self.log_probabilities)[1:]):
                raise ValueError(
                    f"{name}_log_probabilities: received shape {np.shape(again)} for {len(rows)} rows of shape "
                    f"{np.shape(self.log_probabilities)[1:]}"
                )
            if len(rows) and (np.min(rows) < 0 or np.max(rows) >= n):
                raise ValueError(f"{name}_rows: expected 0 to {n - 1}, received {np.min(rows)} to {np.max(rows)}")


def quality_figures(
    cells: CellScores,
    *,
    calibrated_ratings: ArrayLike,
    calibrated_probabilities: ArrayLike,
    target: ArrayLike,
    seed: int = 0,
) -> dict[str, Any]:
    """JSON-able figures of a run; what cannot be measured is null.

    calibrated_ratings: (N,), calibrated_probabilities: (N, 11), target: (11,). `seed` draws the bootstrap.
    The sections "calibrated" and "target" are all that calibration can change; `gate` reads the others only.
    Raises ValueError quoting shapes that do not fit, or without any cell.
    """
    wanted = check_target(target)
    raw = order_probabilities(cells.log_probabilities)
    n, orders = raw.shape[:2]
    ratings = np.asarray(calibrated_ratings, dtype=np.float64)
    calibrated = np.asarray(calibrated_probabilities, dtype=np.float64)
    if n == 0:
        raise ValueError("cells: nothing to measure, received 0")
    if ratings.shape != (n,) or calibrated.shape != (n, len(SCALE)):
        raise ValueError(
            f"calibrated: expected shapes ({n},) and ({n}, {len(SCALE)}), received {ratings.shape}, {calibrated.shape}"
        )
    averaged = raw.mean(axis=1)
    means = expectation(averaged)
    by_order = raw @ SCALE
    most_likely = np.asarray(SCALE[averaged.argmax(axis=1)])
    figures = {
        "n": {
            "cells": n,
            "personas": len(np.unique(cells.persona)),
            "products": len(np.unique(cells.product)),
            "label_orders": orders,
            "retests": 0 if cells.retest_rows is None else len(cells.retest_rows),
            "controls": 0 if cells.control_rows is None else len(cells.control_rows),
        },
        "target": wanted,
        "raw": {
            "histogram": point_shares(most_likely),
            "mean_probability": averaged.mean(axis=0),
            **_shape(point_shares(most_likely)),
            "mean_cell_entropy_bits": _entropy(averaged).mean(),
            "expectation_mean": means.mean(),
            "expectation_sd": means.std(),
            "ks_to_target": kolmogorov_smirnov(point_shares(most_likely), wanted),
            "ks_of_mean_probability": kolmogorov_smirnov(averaged.mean(axis=0), wanted),
        },
        "calibrated": {
            "histogram": point_shares(nearest_point(ratings)),
            "mean_probability": calibrated.mean(axis=0),
            **_shape(point_shares(nearest_point(ratings))),
            "mean_cell_entropy_bits": _entropy(calibrated).mean(),
            "ks_to_target": kolmogorov_smirnov(point_shares(nearest_point(ratings)), wanted),
            "ks_of_mean_probability": kolmogorov_smirnov(calibrated.mean(axis=0), wanted),
            "spearman_with_raw": spearman(ratings, means),
        },
        "label_mass": _label_mass(cells.log_probabilities),
        "order_agreement": _order_agreement(by_order),
        "test_retest": _test_retest(cells, means),
        "persona_effect": _persona_effect(cells, by_order, seed),
        "between_personas": {"name": "ICC(1) of raters over products", "icc": intraclass_correlation(cells, means)},
        "distinct_expectations": _distinct(means, seed),
    }
    plain: dict[str, Any] = _plain(figures)
    return plain


def spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Rank correlation of two (N,) arrays; 0 when either is constant or has fewer than 2 entries."""
    if len(first) < 2 or first.std() < CONSTANT or second.std() < CONSTANT:
        return 0.0
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def intraclass_correlation(cells: CellScores, means: NDArray[np.float64]) -> float | None:
    """ICC(1) of Shrout & Fleiss 1979, one-way, unbalanced: the share of variance common to a product's raters.

    None unless some product has two raters; 0 for a constant.
    """
    _, index = np.unique(cells.product, return_inverse=True)
    counts = np.bincount(index).astype(np.float64)
    groups, n = len(counts), len(means)
    if groups < 2 or n == groups:
        return None
    centred = means - means.mean()
    if centred.std() < CONSTANT:
        return 0.0
    of_product = np.bincount(index, weights=centred) / counts
    between = float((counts * of_product**2).sum() / (groups - 1))
    within = float(((centred - of_product[index]) ** 2).sum() / (n - groups))
    typical = (n - float((counts**2).sum()) / n) / (groups - 1)
    return (between - within) / (between + (typical - 1) * within)


def _shape(shares: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "entropy_bits": float(_entropy(shares)),
        "labels_used": int((shares > 0).sum()),
        "share_of_minus_one": float(shares[0]),
    }


def _entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-(probabilities * np.log2(np.maximum(probabilities, 1e-300))).sum(axis=-1))


def _label_mass(log_probabilities: NDArray[np.float64]) -> dict[str, float]:
    mass = np.exp(np.asarray(log_probabilities, dtype=np.float64)).sum(axis=-1)
    return {"mean": float(mass.mean()), "p05": float(np.quantile(mass, 0.05)), "lowest": float(mass.min())}


def _order_agreement(by_order: NDArray[np.float64]) -> dict[str, float] | None:
    if by_order.shape[1] < 2:
        return None
    first, second = by_order.T
    return {"spearman": spearman(first, second), "mean_difference": float(np.abs(first - second).mean())}


def _test_retest(cells: CellScores, means: NDArray[np.float64]) -> dict[str, float] | None:
    if cells.retest_rows is None or cells.retest_log_probabilities is None or len(cells.retest_rows) == 0:
        return None
    again = expectation(order_probabilities(cells.retest_log_probabilities).mean(axis=1))
    first = means[cells.retest_rows]
    difference = np.abs(first - again)
    constant = min(first.std(), again.std()) < CONSTANT
    return {
        "correlation": 0.0 if constant or len(first) < 2 else float(np.corrcoef(first, again)[0, 1]),
        "mean_difference": float(difference.mean()),
        "largest_difference": float(difference.max()),
    }


def _persona_effect(cells: CellScores, by_order: NDArray[np.float64], seed: int) -> dict[str, Any] | None:
    if by_order.shape[1] < 2:
        return None
    controls = None
    if cells.control_rows is not None and cells.control_log_probabilities is not None and len(cells.control_rows):
        other = order_probabilities(cells.control_log_probabilities) @ SCALE
        controls = (np.asarray(cells.control_rows, dtype=np.int64), other[:, 0], other[:, 1])
    found = persona_effect(np.asarray(cells.product), by_order[:, 0], by_order[:, 1], controls=controls, seed=seed)
    return None if found is None else asdict(found)


def _distinct(means: NDArray[np.float64], seed: int) -> dict[str, Any]:
    """Share of different expectations (to 1e-3) among at most DISTINCT_SAMPLE cells drawn at random."""
    if len(means) > DISTINCT_SAMPLE:
        means = np.random.default_rng(seed).choice(means, size=DISTINCT_SAMPLE, replace=False)
    return {"share": len(np.unique(np.round(means, 3))) / len(means), "among": len(means)}


def _plain(value: Any) -> Any:
    """Numbers, lists and dicts that JSON knows, to six digits."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return [_plain(inner) for inner in value.tolist()]
    if isinstance(value, float | np.floating):
        return round(float(value), 6)
    return int(value) if isinstance(value, np.integer) else value
