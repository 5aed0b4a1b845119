"""Weighing the sources, and saying truly how sure a suggestion is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.ml import attribute_suggestions as suggestions

VALUES = 6
Scores = dict[str, NDArray[np.float64]]


def planted(count: int, seed: int, *, silent: float = 0.0) -> tuple[Scores, NDArray[np.int64], NDArray[np.int64]]:
    """Scores of two sources that tell and one that does not, truth drawn by the weights (1.5, .5), and the part.

    In part 1, a share of `silent`, nothing tells. One in twenty has a value that is never suggested.
    """
    rng = np.random.default_rng(seed)
    scores = {name: rng.normal(size=(count, VALUES)) for name in ("strong", "weak", "noise")}
    part = (rng.random(count) < silent).astype(np.int64)
    logits = (1.5 * scores["strong"] + 0.5 * scores["weak"]) * (part == 0)[:, None]
    drawn = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return scores, np.where(rng.random(count) < 0.05, -1, drawn), part


def test_the_weights_that_drew_the_values_are_found_again() -> None:
    scores, truth, _ = planted(4000, 1)
    weights = suggestions.fit_weights(np.stack(list(scores.values())), truth)
    # The ridge draws them a little towards nought.
    assert weights == pytest.approx([1.5, 0.5, 0.0], abs=0.12)


def test_a_source_that_speaks_against_the_truth_gets_no_weight() -> None:
    scores, truth, _ = planted(1000, 2)
    weights = suggestions.fit_weights(np.stack([scores["strong"], -scores["weak"]]), truth)
    assert weights[0] > 1.0
    assert weights[1] == 0.0


def test_wide_scores_do_not_lead_the_weights_astray() -> None:
    scores, truth, _ = planted(1000, 2)
    (weight,) = suggestions.fit_weights(np.stack([40.0 * scores["strong"]]), truth)
    assert weight == pytest.approx(1.4 / 40.0, rel=0.15)


def test_the_calibration_rises_and_gives_the_share_that_is_right() -> None:
    rng = np.random.default_rng(5)
    probability = rng.random(5000)
    calibration = suggestions.fit_calibration(probability, rng.random(5000) < probability**2)
    at = np.array([0.3, 0.6, 0.9])
    assert calibration(at) == pytest.approx(at**2, abs=0.06)
    assert (np.diff(calibration.shares) >= 0).all()
    assert (np.diff(calibration(np.linspace(0, 1, 101))) >= 0).all()


def test_no_certainty_is_claimed_and_less_below_what_was_measured() -> None:
    calibration = suggestions.fit_calibration(np.linspace(0.8, 1.0, 40), np.ones(40, dtype=bool))
    assert calibration(np.array([1.0, 0.4])).tolist() == pytest.approx([41 / 42, 41 / 42 * 0.4 / 0.9], abs=1e-9)


@pytest.mark.parametrize("silent", [0.0, 0.3])
def test_of_suggestions_stated_with_a_confidence_that_share_is_right(silent: float) -> None:
    scores, truth, part = planted(1500, 11, silent=silent)
    model = suggestions.fit_model(scores, truth, part, seed=0)
    fresh, right_values, fresh_part = planted(6000, 12, silent=silent)
    chances = model.probabilities(fresh, fresh_part)
    confidence = model.confidence(chances.max(axis=1), fresh_part)
    right = chances.argmax(axis=1) == right_values
    assert suggestions.calibration_error(confidence, right) < 0.04
    for number in range(1 + int(silent > 0)):
        inside = fresh_part == number
        assert confidence[inside].mean() == pytest.approx(right[inside].mean(), abs=0.04)
    sure = confidence >= 0.8
    assert sure.sum() > 200
    assert right[sure].mean() >= 0.8


def test_the_measured_accuracy_is_that_on_fresh_products() -> None:
    scores, truth, part = planted(1500, 21)
    groups = {"strong": ["strong"], "noise": ["noise"]}
    measured = suggestions.measure(scores, truth, part, groups=groups, part_names=["all", "none"], seed=0)
    fresh, right_values, _ = planted(6000, 22)
    expected = (1.5 * fresh["strong"] + 0.5 * fresh["weak"]).argmax(axis=1) == right_values
    accuracy = measured["accuracy"]
    assert accuracy["combined"] == pytest.approx(expected.mean(), abs=0.03)
    assert accuracy["noise"] < 0.25 < accuracy["strong"] < accuracy["combined"]
    assert accuracy["majority"] == pytest.approx(1 / VALUES, abs=0.03)
    assert measured["parts"] == {"all": {"count": 1500, "right": accuracy["combined"], "confidence": pytest.approx(
        accuracy["combined"], abs=0.02)}}  # fmt: skip
    assert sum(row["count"] for row in measured["calibration"]) == measured["measured"] == 1500


def test_a_part_too_small_to_measure_shares_the_model_of_all() -> None:
    scores, truth, part = planted(400, 3, silent=0.05)
    assert 0 < part.sum() < suggestions.FEWEST_MEASURED
    model = suggestions.fit_model(scores, truth, part, seed=0)
    assert len(model.parts) == 1
    chances = model.probabilities(scores, part)
    assert chances.sum(axis=1) == pytest.approx(np.ones(400))
    assert (model.confidence(chances.max(axis=1), part) > 0).all()


def test_a_model_survives_being_stored() -> None:
    scores, truth, part = planted(300, 4, silent=0.4)
    model = suggestions.fit_model(scores, truth, part, seed=0)
    assert len(model.parts) == 2
    assert suggestions.SuggestionModel.from_dict(model.as_dict()) == model


def test_too_few_products_are_refused_with_their_number() -> None:
    scores, truth, part = planted(39, 4)
    with pytest.raises(ValueError, match="received 39 products, at least 40"):
        suggestions.fit_model(scores, truth, part, seed=0)
