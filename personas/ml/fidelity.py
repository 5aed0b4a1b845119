"""How near a language model's ratings come to real people's: asked as their age group, about what they bought."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from personas.ml.calibration import apply_calibration, fit_calibration, nearest_point, order_probabilities
from personas.ml.distributions import SCALE
from personas.ml.language_model import LanguageModel
from personas.ml.prompt_text import LABEL_ORDERS, PREFIX, SUFFIX, fill_prefix, fill_suffix, labels_by_point
from personas.ml.review_regression import item_text_stars, review_text_stars
from personas.ml.reviews import Review, ReviewSplit, age_band, persona_of, products_of

POINT_STARS = np.array([1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
"""Stars of each point of the scale, two points a star and −1 with the lowest."""

STARS = np.arange(1, 6)
BOOTSTRAPS = 1000
BATCH = 64

Cell = tuple[str, str]
"""Age band and item: all reviews in it get the same prediction."""


@dataclass(frozen=True)
class Answers:
    """cells: (C,) age band and item of each. log_probabilities: (C, 2, 11). prompts: asked for them."""

    cells: list[Cell]
    log_probabilities: NDArray[np.float64]
    prompts: int


@dataclass(frozen=True)
class StarPredictions:
    """Of R reviews: raw (R,) stars of the most likely point, mapped (R,) stars by calibration, line (R,) by a line
    fitted to training stars; expectation (R,) on −1..10, uncalibrated, is what ranks.
    """

    raw: NDArray[np.float64]
    mapped: NDArray[np.float64]
    line: NDArray[np.float64]
    expectation: NDArray[np.float64]


def ask_about_reviews(
    model: LanguageModel,
    split: ReviewSplit,
    *,
    limit: int | None = None,
    seed: int = 0,
    on_batch: Callable[[int], None] = lambda asked: None,
) -> Answers:
    """Ask once per age band and item among the test reviews, in both label orders; at most `limit` prompts.

    Cells beyond the limit are left out at random. Raises ValueError for a limit below one cell's two prompts.
    """
    cells = sorted({(age_band(review.age), review.item) for review in split.test})
    if limit is not None:
        if limit < len(LABEL_ORDERS):
            raise ValueError(f"limit-calls: received {limit}, at least {len(LABEL_ORDERS)} are needed for one cell")
        order = np.random.default_rng(seed).permutation(len(cells))[: limit // len(LABEL_ORDERS)]
        cells = [cells[index] for index in sorted(order)]
    products = products_of(split.training)
    scores = np.full((len(cells), len(LABEL_ORDERS), len(SCALE)), -np.inf)
    rows_of: dict[tuple[str, str], list[int]] = {}
    for row, (band, item) in enumerate(cells):
        rows_of.setdefault((band, products[item]["category"]), []).append(row)
    for persona, rows in rows_of.items():
        for number, label_order in enumerate(LABEL_ORDERS):
            prefix = fill_prefix(PREFIX, persona_of(*persona), order=label_order)
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                suffixes = [_suffix(products[cells[row][1]]) for row in batch]
                scores[batch, number] = model.score_labels(prefix, suffixes, labels_by_point(label_order))
                on_batch(len(batch))
    return Answers(cells, scores, len(cells) * len(LABEL_ORDERS))


def predict_stars(answers: Answers, training: Sequence[Review], test: Sequence[Review]) -> StarPredictions:
    """Stars for the test reviews, calibrated on training reviews of the cells that were asked.

    Every review of `test` must lie in such a cell. Calibration maps to the distribution of training stars and the line
    is least squares on training stars: pooled over persons and items, so neither tells one item from another.
    """
    row_of = {cell: row for row, cell in enumerate(answers.cells)}
    fitted = [review for review in training if (age_band(review.age), review.item) in row_of]
    # Rare: a few cells may have no training review; the cells asked then stand for the training reviews.
    fit_rows = [row_of[age_band(r.age), r.item] for r in fitted] or list(range(len(answers.cells)))
    rows = [row_of[age_band(review.age), review.item] for review in test]
    calibration = fit_calibration(answers.log_probabilities[fit_rows], star_target(training))
    calibrated = apply_calibration(calibration, answers.log_probabilities)
    probabilities = order_probabilities(answers.log_probabilities).mean(axis=1)
    means = probabilities @ SCALE
    told = means[[row_of[age_band(r.age), r.item] for r in fitted]]
    line = _line(told, np.array([r.rating for r in fitted], dtype=np.float64), training)
    return StarPredictions(
        raw=POINT_STARS[probabilities.argmax(axis=1)][rows].astype(np.float64),
        mapped=_stars_of(calibrated.ratings)[rows].astype(np.float64),
        line=np.clip(line(means), 1, 5)[rows],
        expectation=means[rows],
    )


def star_target(training: Sequence[Review]) -> NDArray[np.float64]:
    """(11,) shares of the scale that become the training reviews' distribution of stars; no point has less than .1%."""
    stars = np.array([review.rating for review in training])
    shares = (stars[:, None] == STARS).mean(axis=0)
    target = shares[POINT_STARS - 1] / np.bincount(POINT_STARS)[POINT_STARS]
    target = np.maximum(target, 1e-3)
    return np.asarray(target / target.sum())


def fidelity_figures(split: ReviewSplit, answers: Answers, *, seed: int = 0) -> dict[str, Any]:
    """JSON-able figures on the test reviews whose cell was asked; what cannot be measured is null.

    Per method: mae and rmse in stars; ks between predicted and real shares of stars; item_correlation, Spearman over
    items between mean prediction and mean stars; rmse_gain over the training mean; the intervals (95%) resample
    items. Raises ValueError when fewer than 3 items are left.
    """
    asked = set(answers.cells)
    test = [review for review in split.test if (age_band(review.age), review.item) in asked]
    items = sorted({review.item for review in test})
    if len(items) < 3:
        raise ValueError(f"items: only {len(items)} were asked about, at least 3 are needed to rank them")
    index = np.array([items.index(review.item) for review in test])
    stars = np.array([review.rating for review in test], dtype=np.float64)
    trained = np.array([review.rating for review in split.training], dtype=np.float64)
    predicted = predict_stars(answers, split.training, test)
    mean, median = np.full(len(test), trained.mean()), np.full(len(test), np.median(trained))
    methods = {
        "model, most likely point": (predicted.raw, predicted.expectation),
        "model, calibrated": (predicted.mapped, predicted.expectation),
        "model, line on training stars": (predicted.line, predicted.expectation),
        "constant: training mean": (mean, None),
        "constant: training median": (median, None),
        "item's mean in training": (_item_means(split.training, test), None),
        "ridge on the item's text": (item_text_stars(split.training, test, seed=seed), None),
        "ridge on the review itself": (review_text_stars(split.training, test), None),
    }
    draws = np.random.default_rng(seed).integers(len(items), size=(BOOTSTRAPS, len(items)))
    return {
        "n": {
            "items": len(items),
            "test_reviews": len(test),
            "test_reviews_not_asked": len(split.test) - len(test),
            "training_reviews": len(split.training),
            "cells": len(answers.cells),
            "prompts": answers.prompts,
        },
        "real_shares": [round(float((stars == star).mean()), 4) for star in STARS],
        "methods": {
            name: _method(values, values if ranking is None else ranking, stars, mean, index, draws)
            for name, (values, ranking) in methods.items()
        },
        "within_item_correlation": _within_items(predicted.expectation, stars, index),
    }


def _method(
    predicted: NDArray[np.float64],
    ranking: NDArray[np.float64],
    stars: NDArray[np.float64],
    constant: NDArray[np.float64],
    index: NDArray[np.int64],
    draws: NDArray[np.int64],
) -> dict[str, Any]:
    counts = np.bincount(index).astype(np.float64)
    real, ranked = np.bincount(index, weights=stars) / counts, np.bincount(index, weights=ranking) / counts
    squares = np.bincount(index, weights=(predicted - stars) ** 2)
    constant_squares = np.bincount(index, weights=(constant - stars) ** 2)
    drawn = counts[draws].sum(axis=1)
    gains = np.sqrt(constant_squares[draws].sum(axis=1) / drawn) - np.sqrt(squares[draws].sum(axis=1) / drawn)
    gain = np.sqrt(constant_squares.sum() / counts.sum()) - np.sqrt(squares.sum() / counts.sum())
    correlation = _rank_correlations(ranked[None], real[None])[0]
    correlations = _rank_correlations(ranked[draws], real[draws])
    rounded = np.clip(np.floor(predicted + 0.5), 1, 5)
    distance = [abs(float((rounded <= star).mean() - (stars <= star).mean())) for star in STARS]
    return {
        "mae": round(float(np.abs(predicted - stars).mean()), 4),
        "rmse": round(float(np.sqrt(((predicted - stars) ** 2).mean())), 4),
        "rmse_gain": round(float(gain), 4),
        "rmse_gain_interval": _interval(gains),
        "ks": round(max(distance), 4),
        "item_correlation": None if np.isnan(correlation) else round(float(correlation), 4),
        "item_correlation_interval": None if np.isnan(correlation) else _interval(correlations),
    }


def _rank_correlations(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman of each row of (B, I) arrays; NaN where one is constant."""
    a, b = rankdata(first.round(9), axis=1), rankdata(second.round(9), axis=1)
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    spread = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.where(spread > 0, (a * b).sum(axis=1) / np.where(spread > 0, spread, 1), np.nan)


def _interval(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 4) for value in np.nanquantile(values, [0.025, 0.975])]


def _within_items(first: NDArray[np.float64], second: NDArray[np.float64], index: NDArray[np.int64]) -> float | None:
    """Correlation after each item's own mean is taken out: what knowing the person's age adds. None for a constant."""
    counts = np.bincount(index)
    a = first - (np.bincount(index, weights=first) / counts)[index]
    b = second - (np.bincount(index, weights=second) / counts)[index]
    return None if min(a.std(), b.std()) < 1e-6 else round(float(np.corrcoef(a, b)[0, 1]), 4)


def _item_means(training: Sequence[Review], test: Sequence[Review]) -> NDArray[np.float64]:
    ratings: dict[str, list[int]] = {}
    for review in training:
        ratings.setdefault(review.item, []).append(review.rating)
    return np.array([float(np.mean(ratings[review.item])) for review in test])


def _stars_of(ratings: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(POINT_STARS[np.searchsorted(SCALE, nearest_point(ratings))])


def _line(
    told: NDArray[np.float64], stars: NDArray[np.float64], training: Sequence[Review]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Least squares of stars on the model's expectation; the training mean where there is nothing to fit."""
    if len(told) < 3 or told.std() < 1e-4:
        middle = float(np.mean([review.rating for review in training]))
        return lambda means: np.full(len(means), middle)
    slope, start = np.polyfit(told, stars, 1)
    return lambda means: np.asarray(start + slope * means)


def _suffix(product: dict[str, str]) -> str:
    """The shop's own words for a product, with what others say of it before the question."""
    head, question = fill_suffix(SUFFIX, product).rsplit("\n", 1)
    return "\n".join([head, f"Others say: {product['said']}", question]) if product["said"] else f"{head}\n{question}"
