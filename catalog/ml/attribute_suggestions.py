"""A suggested value and how sure it is: sources weighed by a conditional logit, confidence by isotonic regression.

Everything is fitted on products that have the value, each seen as if it had not (attribute_sources leaves it out of its
own neighbours, and its text must be encoded without the value). numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Parts = NDArray[np.int64]

FOLDS = 5
FEWEST_MEASURED = 40
"""Fewer products that have the value measure nothing: no confidence could be stated."""

_RIDGE = 0.01
_SMALLEST_BLOCK = 20


@dataclass(frozen=True)
class Calibration:
    """Probability of the best value -> share of such suggestions that are right; a line between the knots.

    probabilities, shares: (K,), both rising.
    """

    probabilities: tuple[float, ...]
    shares: tuple[float, ...]

    def __call__(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        # Below the lowest knot nothing was measured: a line to nought claims less than staying at its share.
        return np.interp(probability, (0.0, *self.probabilities), (0.0, *self.shares))


@dataclass(frozen=True)
class PartModel:
    """What has been fitted on one part of the products: a weight per source, and the calibration."""

    weights: dict[str, float]
    calibration: Calibration


@dataclass(frozen=True)
class SuggestionModel:
    """One PartModel for every part, or a single one for all where a part was too small to be fitted by itself.

    Where a title is silent the other sources must speak, and are right less often: weights and calibration differ.
    """

    parts: tuple[PartModel, ...]

    def probabilities(self, scores: dict[str, Scores], part: Parts) -> Scores:
        """(N, V), rows sum to 1. scores: (N, V) by source; part: (N,) number of each product's part."""
        result = np.zeros(next(iter(scores.values())).shape)
        for number, model in enumerate(self.parts):
            inside = np.minimum(part, len(self.parts) - 1) == number
            if inside.any():
                weighted = [weight * scores[name][inside] for name, weight in model.weights.items()]
                result[inside] = softmax(np.sum(weighted, axis=0))
        return result

    def confidence(self, probability: NDArray[np.float64], part: Parts) -> NDArray[np.float64]:
        """(N,) share of suggestions that are right, of those whose value has such a probability (N,)."""
        stated = np.stack([model.calibration(probability) for model in self.parts])
        return np.asarray(stated[np.minimum(part, len(self.parts) - 1), np.arange(len(probability))])

    def as_dict(self) -> dict[str, Any]:
        return {"parts": [asdict(model) for model in self.parts]}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> SuggestionModel:
        parts = []
        for part in stored["parts"]:
            knots = {name: tuple(values) for name, values in part["calibration"].items()}
            parts.append(PartModel(dict(part["weights"]), Calibration(**knots)))
        return cls(tuple(parts))


def softmax(logits: Scores) -> Scores:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def fit_weights(scores: Scores, truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """(S,) weights, none below nought, that make the true values most likely: the conditional logit, McFadden 1974.

    scores: (S, N, V) by source; truth: (N,) index of the true value, -1 where it is none of the V (not fitted on).
    Newton's method; a source whose weight would fall below nought is left out.
    """
    known = truth >= 0
    scores, truth = scores[:, known], truth[known]
    weights = np.zeros(len(scores))
    active = np.arange(len(scores))
    if not len(truth):
        return weights
    while len(active):
        weights = np.zeros(len(scores))
        weights[active] = _newton(scores[active], truth)
        if (weights[active] >= 0).all():
            break
        active = active[weights[active] > 0]
        weights = np.maximum(weights, 0.0)
    return weights


def fit_calibration(probability: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """Isotonic regression by pooling adjacent violators (Barlow et al. 1972), over blocks of at least 20.

    probability, right: (N,). A block of n with r right counts as (r + 1) / (n + 2), so that no certainty is claimed.
    """
    order = np.argsort(probability, kind="stable")
    pieces = max(1, len(order) // _SMALLEST_BLOCK)
    blocks: list[list[float]] = []  # sum of probabilities, right, size
    for piece in np.array_split(order, pieces):
        blocks.append([float(probability[piece].sum()), float(right[piece].sum()), float(len(piece))])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][2] >= blocks[-1][1] * blocks[-2][2]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    shares = np.maximum.accumulate([(block[1] + 1.0) / (block[2] + 2.0) for block in blocks])
    return Calibration(tuple(block[0] / block[2] for block in blocks), tuple(float(share) for share in shares))


def fit_model(scores: dict[str, Scores], truth: NDArray[np.int64], part: Parts, *, seed: int) -> SuggestionModel:
    """Weights from all products of a part; the calibration from the votes of weights that have not seen the product.

    scores: (N, V) by source; truth: (N,), -1 where the true value is never suggested: always wrong, and counted so.
    part: (N,) 0, 1, … Raises ValueError for fewer than FEWEST_MEASURED products.
    """
    if len(truth) < FEWEST_MEASURED:
        raise ValueError(f"truth: received {len(truth)} products, at least {FEWEST_MEASURED} can be measured")
    stacked, folds = np.stack(list(scores.values())), _folds(len(truth), seed)
    models = []
    for inside in _members(part):
        best, probability = _held_out(stacked[:, inside], truth[inside], folds[inside])
        weights = (float(weight) for weight in fit_weights(stacked[:, inside], truth[inside]))
        calibration = fit_calibration(probability, best == truth[inside])
        models.append(PartModel(dict(zip(scores, weights, strict=True)), calibration))
    return SuggestionModel(tuple(models))


def measure(
    scores: dict[str, Scores],
    truth: NDArray[np.int64],
    part: Parts,
    *,
    groups: Mapping[str, Sequence[str]],
    part_names: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """How good suggestions are, every product judged by weights and a calibration that were not fitted on it.

    groups: sources whose accuracy is measured alone, with weights fitted for them. part_names: of part 0, 1, …
    Returns {"measured", "accuracy": {"majority", one per group, "combined"}, "calibration": [{"from", "to", "count",
    "confidence", "right"}], "calibration_error", "parts": {name: {"count", "confidence", "right"}}}.
    """
    folds, stacked = _folds(len(truth), seed), np.stack(list(scores.values()))
    accuracy = {"majority": _majority(truth)}
    for group, names in groups.items():
        chosen, _ = _held_out(np.stack([scores[name] for name in names]), truth, folds)
        accuracy[group] = float((chosen == truth).mean())
    right, confidence = np.zeros(len(truth), dtype=bool), np.zeros(len(truth))
    for inside in _members(part):
        best, probability = _held_out(stacked[:, inside], truth[inside], folds[inside])
        right[inside] = hit = best == truth[inside]
        stated = np.zeros(len(hit))
        for fold in range(FOLDS):
            judged = folds[inside] == fold
            stated[judged] = fit_calibration(probability[~judged], hit[~judged])(probability[judged])
        confidence[inside] = stated
    accuracy["combined"] = float(right.mean())
    return {
        "measured": len(truth),
        "accuracy": {name: round(share, 4) for name, share in accuracy.items()},
        "calibration": calibration_table(confidence, right),
        "calibration_error": round(calibration_error(confidence, right), 4),
        "parts": {
            name: _stated_and_right(confidence[part == number], right[part == number])
            for number, name in enumerate(part_names)
            if (part == number).any()
        },
    }


BANDS = ((0.0, 0.3), (0.3, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0))


def calibration_table(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Per band of stated confidence: how many, what was stated on average, and what share was right."""
    table = []
    for low, high in BANDS:
        inside = (confidence >= low) & ((confidence < high) | (high == 1.0))
        if inside.any():
            table.append({"from": low, "to": high, **_stated_and_right(confidence[inside], right[inside])})
    return table


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error (Naeini et al. 2015) over BANDS: mean |stated − right|, weighted by counts."""
    rows = calibration_table(confidence, right)
    return sum(row["count"] * abs(row["confidence"] - row["right"]) for row in rows) / max(1, len(right))


def _stated_and_right(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> dict[str, float]:
    stated, share = round(float(confidence.mean()), 4), round(float(right.mean()), 4)
    return {"count": len(right), "confidence": stated, "right": share}


def _newton(scores: Scores, truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights of the highest mean log-likelihood less a ridge; steps are halved until they go uphill."""
    weights = np.zeros(len(scores))
    of_truth = scores[:, np.arange(len(truth)), truth]
    count = len(truth)
    likelihood = _likelihood(scores, of_truth, weights)
    for _ in range(30):
        chances = softmax(np.tensordot(weights, scores, axes=1))
        weighted = scores * chances
        expected = weighted.sum(axis=2)
        gradient = (of_truth - expected).mean(axis=1) - _RIDGE * weights
        flat = scores.reshape(len(scores), -1)
        spread = (weighted.reshape(len(scores), -1) @ flat.T - expected @ expected.T) / count
        step = np.linalg.solve(spread + _RIDGE * np.eye(len(scores)), gradient)
        while np.abs(step).max() > 1e-4:
            if (reached := _likelihood(scores, of_truth, weights + step)) > likelihood:
                break
            step /= 2.0
        else:
            break
        weights, likelihood = weights + step, reached
    return weights


def _likelihood(scores: Scores, of_truth: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    logits = np.tensordot(weights, scores, axes=1)
    highest = logits.max(axis=1)
    total = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return float((weights @ of_truth - total).mean() - _RIDGE * (weights @ weights) / 2.0)


def _held_out(
    stacked: Scores, truth: NDArray[np.int64], folds: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Best value (N,) and its probability (N,) by weights fitted on the other folds."""
    best, probability = np.zeros(len(truth), dtype=np.int64), np.zeros(len(truth))
    for fold in range(FOLDS):
        inside = folds == fold
        weights = fit_weights(stacked[:, ~inside], truth[~inside])
        chances = softmax(np.tensordot(weights, stacked[:, inside], axes=1))
        best[inside], probability[inside] = chances.argmax(axis=1), chances.max(axis=1)
    return best, probability


def _members(part: Parts) -> list[NDArray[np.bool_]]:
    """Which products belong to each part; all to one where a part is too small to be measured."""
    members = [part == number for number in range(int(part.max()) + 1)]
    if min(int(inside.sum()) for inside in members) < FEWEST_MEASURED:
        return [np.ones(len(part), dtype=bool)]
    return members


def _folds(count: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).permutation(count) % FOLDS


def _majority(truth: NDArray[np.int64]) -> float:
    known = truth[truth >= 0]
    return float(np.bincount(known).max() / len(truth)) if len(known) else 0.0
