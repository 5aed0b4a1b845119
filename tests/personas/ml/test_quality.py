"""The quality report and the gate: what the model said decides, whatever calibration made of it."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fashionrec.simulation.biased_scorer import score_with_bias
from fashionrec.simulation.rating_scale import log_probabilities
from personas.ml.calibration import apply_calibration, declared_target, fit_calibration
from personas.ml.persona_effect import persona_effect
from personas.ml.quality import CellScores, GateThresholds, gate, quality_figures

TARGET = declared_target()
PRODUCTS, RATERS = 300, 4
RETESTS = 60


def cells_of(scores: np.ndarray, again: np.ndarray | None = None) -> CellScores:
    """Cells of PRODUCTS × RATERS, the first RETESTS asked twice with the answers `again`."""
    cell = np.arange(PRODUCTS * RATERS)
    return CellScores(
        persona=(cell // RATERS * 7 + cell % RATERS) % 40,
        product=cell // RATERS,
        log_probabilities=scores,
        retest_rows=np.arange(RETESTS),
        retest_log_probabilities=scores[:RETESTS] if again is None else again,
    )


def calibrated_figures(cells: CellScores, **options: Any) -> dict[str, Any]:
    result = apply_calibration(fit_calibration(cells.log_probabilities, TARGET), cells.log_probabilities)
    return quality_figures(
        cells,
        calibrated_ratings=result.ratings,
        calibrated_probabilities=result.probabilities,
        target=TARGET,
        **options,
    )


def fresh_noise(rows: int, seed: int) -> np.ndarray:
    scores = 2 * np.random.default_rng(seed).normal(size=(rows, 2, 11))
    return scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))


def hash_of_the_prompt() -> np.ndarray:
    rows = []
    for cell in range(PRODUCTS * RATERS):
        for order in ("ascending", "descending"):
            digest = hashlib.sha256(f"{cell} {order}".encode()).digest()
            rows.append(np.frombuffer(digest[:11], dtype=np.uint8) / 40.0)
    scores = np.array(rows).reshape(-1, 2, 11)
    return scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))


def good_scorer(seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    taste = generator.normal(-1.2, 1.7, size=PRODUCTS * RATERS)
    return log_probabilities(taste[:, None] + 0.2 * generator.normal(size=(len(taste), 2)))


def product_only_scorer() -> np.ndarray:
    generator = np.random.default_rng(0)
    taste = np.repeat(generator.normal(-1.2, 1.7, size=PRODUCTS), RATERS)
    return log_probabilities(taste[:, None] + 0.1 * generator.normal(size=(len(taste), 2)))


def test_a_good_scorer_passes() -> None:
    figures = calibrated_figures(cells_of(good_scorer()))
    assert gate(figures) == []
    assert figures["n"] == {
        "cells": 1200, "personas": 40, "products": 300, "label_orders": 2, "retests": 60, "controls": 0,
    }  # fmt: skip
    assert figures["test_retest"] == {"correlation": 1.0, "mean_difference": 0.0, "largest_difference": 0.0}


def test_the_biased_scorer_that_reads_personas_passes_and_is_mended_by_calibration() -> None:
    biased = score_with_bias(cells=2000, seed=1)
    figures = calibrated_figures(
        CellScores(
            biased.persona,
            biased.product,
            biased.log_probabilities,
            retest_rows=np.arange(40),
            retest_log_probabilities=biased.log_probabilities[:40],
        )
    )
    assert gate(figures) == []
    assert figures["raw"]["share_of_minus_one"] == 0.0
    assert figures["raw"]["ks_to_target"] > 0.4
    assert figures["calibrated"]["labels_used"] == 11
    assert figures["calibrated"]["ks_to_target"] < 0.015
    assert figures["calibrated"]["share_of_minus_one"] == pytest.approx(0.07, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_fresh_noise_is_blocked_though_calibrated(seed: int) -> None:
    figures = calibrated_figures(cells_of(fresh_noise(PRODUCTS * RATERS, seed), fresh_noise(RETESTS, seed + 100)))
    assert figures["calibrated"]["ks_to_target"] < 0.015
    reasons = gate(figures)
    assert any(reason.startswith("ascending and descending label order agree by") for reason in reasons)
    assert any(reason.startswith("asked twice, the answers correlate by") for reason in reasons)
    assert abs(figures["persona_effect"]["effect"]) < 0.1


def test_a_hash_of_the_prompt_repeats_itself_and_is_blocked_though_calibrated() -> None:
    figures = calibrated_figures(cells_of(hash_of_the_prompt()))
    assert figures["test_retest"]["correlation"] == 1.0
    assert figures["calibrated"]["ks_to_target"] < 0.015
    reasons = gate(figures)
    assert [reason.split(":")[0].split(" by ")[0] for reason in reasons] == [
        "ascending and descending label order agree",
        "the persona hardly matters",
    ]
    assert figures["persona_effect"]["low"] < 0 < figures["persona_effect"]["high"]


@pytest.mark.parametrize("jitter", [0.0, 1e-6])
def test_a_constant_is_blocked_though_calibrated(jitter: float) -> None:
    shape = (PRODUCTS * RATERS, 2, 11)
    constant = np.log(np.full(shape, 1 / 11)) + jitter * np.random.default_rng(0).normal(size=shape)
    figures = calibrated_figures(cells_of(constant))
    assert figures["persona_effect"]["matched"] == 0.0
    assert figures["persona_effect"]["low"] == 0.0
    assert len(gate(figures)) == 4
    assert "only 0.001 of 1000 expectations differ, at least 0.1 is needed" in gate(figures)


def test_a_scorer_blind_to_the_persona_is_blocked_for_that_alone() -> None:
    figures = calibrated_figures(cells_of(product_only_scorer()))
    effect = figures["persona_effect"]
    assert effect["matched"] > 0.95
    assert effect["control"] == pytest.approx(effect["matched"], abs=0.005)
    (reason,) = gate(figures)
    assert reason.startswith(f"the persona hardly matters: effect {effect['effect']:.3f} over the shuffled control")
    assert figures["between_personas"]["icc"] > 0.95


def test_the_effect_is_the_share_of_variance_due_to_the_persona() -> None:
    generator = np.random.default_rng(0)
    product = np.repeat(np.arange(4000), 3)
    common = np.repeat(generator.normal(size=4000), 3) * np.sqrt(0.5)
    own = generator.normal(size=12_000) * np.sqrt(0.3)
    first, second = (common + own + generator.normal(size=12_000) * np.sqrt(0.2) for _ in range(2))
    effect = persona_effect(product, first, second)
    assert effect is not None
    assert effect.matched == pytest.approx(0.8, abs=0.02)
    assert effect.control == pytest.approx(0.5, abs=0.02)
    assert effect.low < 0.3 < effect.high
    assert effect.high - effect.low < 0.04


def test_the_control_equals_the_mean_over_all_pairs_counted_one_by_one() -> None:
    generator = np.random.default_rng(4)
    product = np.array([5, 5, 5, 2, 2, 9])
    first, second = generator.normal(size=(2, 6))
    found = persona_effect(product, first, second)
    kept = product != 9  # a single rater has nobody to be exchanged with
    a, d, of = first[kept], second[kept], product[kept]
    a, d = a - a.mean(), d - d.mean()
    total = 0.0
    for i in range(5):
        others = [j for j in range(5) if of[j] == of[i] and j != i]
        total += np.mean([a[i] * d[j] for j in others])
    assert found is not None
    assert found.control == pytest.approx(total / 5 / (a.std() * d.std()), abs=1e-12)
    assert found.matched == pytest.approx(np.corrcoef(a, d)[0, 1], abs=1e-12)
    assert (found.cells, found.products) == (5, 2)


def test_control_cells_stand_in_where_a_product_has_one_rater() -> None:
    generator = np.random.default_rng(0)
    scores = log_probabilities(generator.normal(-1.2, 1.7, size=(600, 1)) + 0.2 * generator.normal(size=(600, 2)))
    alone = CellScores(np.arange(600), np.arange(600), scores, np.arange(30), scores[:30])
    figures = calibrated_figures(alone)
    assert figures["persona_effect"] is None
    assert figures["between_personas"]["icc"] is None
    assert gate(figures) == [
        "no product was asked about with two personas in both label orders: their effect cannot be judged"
    ]
    rows = np.arange(0, 600, 3)
    stranger = log_probabilities(generator.normal(-1.2, 1.7, size=(200, 1)) + 0.2 * generator.normal(size=(200, 2)))
    figures = calibrated_figures(replace(alone, control_rows=rows, control_log_probabilities=stranger))
    assert figures["n"]["controls"] == 200
    assert figures["persona_effect"]["products"] == 200
    assert figures["persona_effect"]["low"] > 0.7
    assert gate(figures) == []
    # The same words answered alike whoever asks: no effect.
    figures = calibrated_figures(replace(alone, control_rows=rows, control_log_probabilities=scores[rows]))
    assert figures["persona_effect"]["effect"] == pytest.approx(0.0, abs=0.01)
    assert len(gate(figures)) == 1


def test_too_little_to_judge_is_no_pass() -> None:
    scores = good_scorer()[:40]
    cells = CellScores(np.arange(40) % 4, np.arange(40) // 4, scores)
    assert gate(calibrated_figures(cells)) == [
        "too few cells to judge: 40, at least 200 are needed",
        "too few cells asked twice: 0, at least 20 are needed",
        "too few products with two personas to judge their effect: 10, at least 20 are needed",
    ]
    assert gate(calibrated_figures(cells), GateThresholds(cells=40, retests=0, products=10)) == []


def test_one_label_order_cannot_be_judged() -> None:
    cells = cells_of(good_scorer())
    one = replace(
        cells,
        log_probabilities=cells.log_probabilities[:, :1],
        retest_log_probabilities=cells.retest_log_probabilities[:, :1],
    )
    figures = calibrated_figures(one)
    assert figures["order_agreement"] is None
    assert "asked in one label order only: agreement of the orders cannot be judged" in gate(figures)


def test_a_model_that_would_rather_say_something_else_is_blocked() -> None:
    figures = calibrated_figures(cells_of(good_scorer() + np.log(0.05)))
    assert figures["label_mass"] == {"mean": 0.05, "p05": 0.05, "lowest": 0.05}
    assert gate(figures) == [
        "the model gives the letters 0.050 of its probability on average, at least 0.5 is needed",
        "in one prompt of twenty the letters get 0.050 of the probability or less, at least 0.1 is needed",
    ]


def test_calibration_changes_nothing_that_the_gate_reads() -> None:
    cells = cells_of(fresh_noise(PRODUCTS * RATERS, 7))
    calibrated = calibrated_figures(cells)
    even = np.full((PRODUCTS * RATERS, 11), 1 / 11)
    other = quality_figures(cells, calibrated_ratings=even[:, 0], calibrated_probabilities=even, target=TARGET)
    assert calibrated["calibrated"] != other["calibrated"]
    for name in calibrated.keys() - {"calibrated"}:
        assert calibrated[name] == other[name], name
    without = {name: value for name, value in calibrated.items() if name not in ("calibrated", "raw", "target")}
    assert gate(without) == gate(calibrated)


def test_figures_are_json_and_the_same_for_a_seed() -> None:
    cells = cells_of(good_scorer())
    first, second = calibrated_figures(cells, seed=5), calibrated_figures(cells, seed=5)
    assert json.loads(json.dumps(first, allow_nan=False)) == first
    assert first == second
    assert sum(first["raw"]["histogram"]) == pytest.approx(1.0, abs=1e-5)
    assert first["raw"]["labels_used"] == 11


def test_agreement_between_raters_is_the_intraclass_correlation() -> None:
    # Shrout & Fleiss 1979, table 2: six targets, four judges, ICC(1) = .17.
    table = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    one_hot = np.full((24, 2, 11), -np.inf)
    one_hot[np.arange(24), :, table.ravel()] = 0.0
    cells = CellScores(np.tile(np.arange(4), 6), np.repeat(np.arange(6), 4), one_hot)
    assert calibrated_figures(cells)["between_personas"]["icc"] == pytest.approx(0.17, abs=0.005)


def test_ten_thousand_cells_are_measured_within_three_seconds() -> None:
    biased = score_with_bias(cells=10_000, seed=2)
    even = np.full((10_000, 11), 1 / 11)
    cells = CellScores(biased.persona, biased.product, biased.log_probabilities)
    started = time.perf_counter()
    quality_figures(cells, calibrated_ratings=even[:, 0], calibrated_probabilities=even, target=TARGET)
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"persona": np.zeros(3, dtype=int)}, r"persona: expected shape \(1200,\), received \(3,\)"),
        ({"retest_rows": None}, "retest_rows and retest_log_probabilities: need both or neither"),
        ({"retest_rows": np.arange(3)}, r"received shape \(60, 2, 11\) for 3 rows of shape \(2, 11\)"),
        ({"retest_rows": np.arange(60) + 1190}, "retest_rows: expected 0 to 1199, received 1190 to 1249"),
    ],
)
def test_cells_that_do_not_fit_together_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(cells_of(good_scorer()), **changes)
