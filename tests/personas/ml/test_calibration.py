"""Calibration: the wanted shares, on cells it has not seen, without reordering what the model said."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from fashionrec.simulation.biased_scorer import score_with_bias
from personas.ml.calibration import (
    Calibration,
    apply_calibration,
    batch_calibrated,
    check_target,
    declared_target,
    fit_calibration,
    kolmogorov_smirnov,
    nearest_point,
    order_probabilities,
    point_shares,
)
from personas.ml.distributions import SCALE

TARGET = declared_target()


@pytest.fixture(scope="module")
def biased():
    return score_with_bias(cells=12_000, seed=3)


def test_the_biased_scorer_never_says_minus_one_and_clusters_at_6_and_8(biased) -> None:
    probabilities = order_probabilities(biased.log_probabilities).mean(axis=1)
    most_likely = point_shares(SCALE[probabilities.argmax(axis=1)])
    assert most_likely[0] == 0.0
    assert most_likely[6] + most_likely[8] > 0.9
    assert probabilities[:, [6, 8]].sum(axis=1).mean() > 0.8
    assert probabilities[:, 0].mean() < 1e-4


def test_the_cells_fitted_on_get_the_target_exactly(biased) -> None:
    calibrated = apply_calibration(fit_calibration(biased.log_probabilities, TARGET), biased.log_probabilities)
    np.testing.assert_allclose(calibrated.probabilities.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(calibrated.probabilities.mean(axis=0), TARGET, atol=1e-6)
    np.testing.assert_allclose(point_shares(nearest_point(calibrated.ratings)), TARGET, atol=0.003)
    assert calibrated.ratings.min() >= -1
    assert calibrated.ratings.max() <= 10


def test_held_out_cells_get_the_target_and_keep_the_truths_order(biased) -> None:
    fitted, held_out = biased.log_probabilities[:5000], biased.log_probabilities[5000:]
    calibrated = apply_calibration(fit_calibration(fitted, TARGET), held_out)
    shares = point_shares(nearest_point(calibrated.ratings))
    assert kolmogorov_smirnov(shares, TARGET) < 0.03
    assert shares.min() > 0.02
    assert abs(shares[0] - TARGET[0]) < 0.02
    raw = order_probabilities(held_out).mean(axis=1) @ SCALE
    truth = biased.truth[5000:]
    assert spearmanr(calibrated.ratings, truth)[0] > spearmanr(raw, truth)[0]


def test_different_expectations_never_get_the_same_rating(biased) -> None:
    calibration = fit_calibration(biased.log_probabilities[:1000], TARGET)
    ratings = apply_calibration(calibration, biased.log_probabilities).ratings
    assert len(np.unique(ratings)) == 12_000
    assert (np.diff(calibration.knots_from) > 0).all()
    assert (np.diff(calibration.knots_to) > 0).all()
    assert (calibration.knots_from[0], calibration.knots_to[0]) == (-1, -1)
    assert (calibration.knots_from[-1], calibration.knots_to[-1]) == (10, 10)


def test_a_liking_for_letters_is_taken_out_whole_by_both_orders() -> None:
    generator = np.random.default_rng(0)
    honest = generator.normal(size=(4000, 11))
    letters = 2.0 * generator.normal(size=11)
    asked = np.stack([honest + letters, honest + letters[::-1]], axis=1)
    calibration = fit_calibration(asked, TARGET)
    ascending, descending = np.array(calibration.label_bias)
    np.testing.assert_array_equal(ascending, descending[::-1])
    # What differs between the orders is the letters' alone, and is found to sampling accuracy.
    found, planted = ascending - descending, letters - letters[::-1]
    np.testing.assert_allclose(found, planted, atol=0.1)
    clean = batch_calibrated(np.stack([honest, honest], axis=1))
    assert np.abs(batch_calibrated(asked) - clean).mean() < 0.02
    assert np.abs(order_probabilities(asked).mean(axis=1) - clean).mean() > 0.05


def test_a_models_opinion_of_points_is_not_mistaken_for_a_liking_for_letters() -> None:
    opinion = np.linspace(-2, 2, 11)
    asked = np.tile(opinion, (50, 2, 1)) + np.random.default_rng(0).normal(scale=0.01, size=(50, 2, 11))
    bias = np.array(fit_calibration(asked, TARGET).label_bias)
    np.testing.assert_allclose(bias[0], bias[1], atol=0.02)
    # Symmetric about the middle: the slope, which is the opinion, stays.
    np.testing.assert_allclose(bias[0], bias[0][::-1], atol=0.02)


def test_one_label_order_is_enough_but_is_asked_for_again_when_applied(biased) -> None:
    one = biased.log_probabilities[:, :1]
    calibration = fit_calibration(one, TARGET)
    assert len(calibration.label_bias) == 1
    assert kolmogorov_smirnov(point_shares(nearest_point(apply_calibration(calibration, one).ratings)), TARGET) < 0.003
    with pytest.raises(ValueError, match=r"fitted on 1 label orders, received shape \(12000, 2, 11\)"):
        apply_calibration(calibration, biased.log_probabilities)


def test_a_calibration_survives_json(biased) -> None:
    calibration = fit_calibration(biased.log_probabilities[:500], TARGET)
    again = Calibration.from_dict(json.loads(json.dumps(calibration.as_dict())))
    assert again == calibration
    assert again.rows == 500
    with pytest.raises(ValueError, match="calibration: missing knots_to, target"):
        Calibration.from_dict({k: v for k, v in calibration.as_dict().items() if k not in ("target", "knots_to")})


def test_a_constant_answer_becomes_the_targets_median() -> None:
    constant = np.log(np.tile(np.linspace(1, 2, 11) / 16.5, (100, 2, 1)))
    calibrated = apply_calibration(fit_calibration(constant, TARGET), constant)
    assert len(np.unique(calibrated.ratings.round(9))) == 1
    assert nearest_point(calibrated.ratings[:1]).tolist() == [5]
    np.testing.assert_allclose(calibrated.probabilities.mean(axis=0), TARGET, atol=1e-6)


def test_equal_answers_stay_equal_and_share_the_middle_of_their_ranks() -> None:
    points = np.repeat([2, 6, 8], [100, 500, 400])
    one_hot = np.full((1000, 2, 11), -np.inf)
    one_hot[np.arange(1000), :, points] = 0.0
    calibrated = apply_calibration(fit_calibration(one_hot, TARGET), one_hot)
    ratings = [np.unique(calibrated.ratings[points == point].round(6)) for point in (2, 6, 8)]
    assert [len(values) for values in ratings] == [1, 1, 1]
    # Ranks .05, .35 and .8 of the target: its points −1, 4 and 7.
    assert nearest_point([values[0] for values in ratings]).tolist() == [-1, 4, 7]
    assert np.isfinite(calibrated.probabilities).all()


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_fewer_rows_than_labels_can_be_calibrated(rows: int, biased) -> None:
    few = biased.log_probabilities[:rows]
    calibrated = apply_calibration(fit_calibration(few, TARGET), biased.log_probabilities)
    assert np.isfinite(calibrated.ratings).all()
    raw_order = np.argsort(calibrated.probabilities @ SCALE)
    assert (np.diff(calibrated.ratings[raw_order]) >= 0).all()


def test_impossible_labels_can_be_lifted() -> None:
    values = np.random.default_rng(1).normal(size=(300, 2, 11))
    values[:, :, 0] = -np.inf
    calibration = fit_calibration(values, TARGET)
    probabilities = apply_calibration(calibration, values).probabilities
    np.testing.assert_allclose(probabilities.mean(axis=0), TARGET, atol=1e-5)


def test_no_rows_can_be_applied_to_but_not_fitted_on(biased) -> None:
    calibration = fit_calibration(biased.log_probabilities[:100], TARGET)
    nothing = apply_calibration(calibration, np.zeros((0, 2, 11)))
    assert nothing.ratings.shape == (0,)
    assert nothing.probabilities.shape == (0, 11)
    with pytest.raises(ValueError, match="no rows to calibrate on, received 0"):
        fit_calibration(np.zeros((0, 2, 11)), TARGET)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 11)), r"expected shape \(N, 1 or 2, 11\), received \(3, 11\)"),
        (np.zeros((3, 3, 11)), r"received \(3, 3, 11\)"),
        (np.full((3, 2, 11), np.nan), "not a number"),
        (np.full((3, 2, 11), -np.inf), "no finite value"),
        (np.full((3, 2, 11), np.inf), r"received \+inf"),
    ],
)
def test_scores_that_do_not_fit_are_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_calibration(values, TARGET)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.5, 0.5], r"expected 11 shares, received shape \(2,\)"),
        ("even", "expected 11 shares, received 'even'"),
        ([0.0, *[0.1] * 10], "every share must be above 0, received 0.0"),
        ([float("nan"), *[0.1] * 10], "every share must be above 0, received nan"),
        ([0.1] * 11, "must sum to 1, received a sum of 1.1"),
    ],
)
def test_a_target_that_is_no_distribution_is_refused(values: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_target(values)


def test_the_declared_target_uses_every_label() -> None:
    target = check_target(declared_target())
    assert 0.06 <= target[0] <= 0.08
    assert target.min() >= 0.02
    assert target.sum() == pytest.approx(1.0, abs=1e-12)


def test_the_nearest_point_changes_half_way() -> None:
    assert nearest_point([-1, -0.01, 0, 1.49, 1.5, 9.49, 9.5, 10]).tolist() == [-1, -1, 1, 1, 2, 9, 10, 10]
    with pytest.raises(ValueError, match="not a number"):
        nearest_point([float("nan")])
