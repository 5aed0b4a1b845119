"""`manage.py benchmark llm-calibration`: its table, its figures and its goals, on fewer cells."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from fashionrec.benchmarks import llm_calibration
from fashionrec.simulation.biased_scorer import score_with_bias


def benchmark(**options: Any) -> tuple[str, dict[str, Any]]:
    output = io.StringIO()
    call_command("benchmark", "llm-calibration", *[f"--{k}={v}" for k, v in options.items()], stdout=output)
    *table, last = output.getvalue().rstrip("\n").split("\n")
    return "\n".join(table), json.loads(last)


@pytest.fixture(autouse=True)
def _reports(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def test_all_ways_stand_side_by_side_and_goals_are_booleans(tmp_path: Path) -> None:
    table, results = benchmark(cells=12_000, draws=2, seed=3)
    assert json.loads((tmp_path / "reports" / "llm-calibration.json").read_text()) == results
    assert list(results["methods"]) == [
        "greedy", "sampling at T=0.7", "sampling at T=1", "sampling at T=2", "expectation",
        "batch calibration, expectation", "prior matching, expectation (1,000 rows)", "quantile map (1,000 rows)",
        "prior matching, expectation (5,000 rows)", "quantile map (5,000 rows)",
    ]  # fmt: skip
    assert results["seeds"] == [3, 4, 5, 6, 7]
    assert results["scorer"]["most_likely_is_6_or_8"] > 0.8
    assert results["scorer"]["probability_of_6_and_8"] > 0.8
    methods = results["methods"]
    assert methods["greedy"]["share_of_minus_one"] == 0.0
    assert methods["greedy"]["ks"] > 0.4
    assert methods["sampling at T=2"]["spearman"] < methods["expectation"]["spearman"] - 0.1
    assert methods["quantile map (5,000 rows)"]["labels"] == 11
    assert methods["quantile map (5,000 rows)"]["spearman"] > methods["expectation"]["spearman"]
    assert set(results["goals"].values()) <= {True, False}
    assert results["goals"]["held-out KS ≤ 0.04 with 1,000 rows, mean of draws"] is True
    assert results["goals"]["every label ≥ 0.5% with 5,000 rows, every draw"] is True
    assert results["goals"]["gate blocks random and constant, though calibrated"] is True
    for name in (*methods, *results["goals"]):
        assert name in table


def test_a_missed_goal_is_false() -> None:
    row = {"ks_mean": 0.02, "ks_max": 0.05, "smallest_share": 0.004, "minus_one_off": 0.03, "spearman_gain_least": -1}
    goals = llm_calibration._goals({"1000": row, "5000": row}, {"planted": ["x"], "random": [], "constant": ["x"]})
    assert [goal for goal, met in goals.items() if met] == ["held-out KS ≤ 0.04 with 1,000 rows, mean of draws"]
    assert len(goals) == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cells": 9999}, "--cells: received 9999, at least 10000"),
        ({"draws": 0}, "--draws: received 0"),
        ({"seed": -1}, "--seed: received -1"),
    ],
)
def test_what_cannot_be_measured_is_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        benchmark(**options)


def test_the_planted_scorer_gives_each_product_its_raters() -> None:
    cells = score_with_bias(cells=1001, raters_per_product=5, personas=7, seed=0)
    assert cells.log_probabilities.shape == (1001, 2, 11)
    pairs = set(zip(cells.persona.tolist(), cells.product.tolist(), strict=True))
    assert len(pairs) == 1001
    assert set(cells.persona.tolist()) == set(range(7))
    with pytest.raises(ValueError, match="raters_per_product: expected 1 to 7, the personas, received 8"):
        score_with_bias(cells=10, raters_per_product=8, personas=7)
    with pytest.raises(ValueError, match="cells: at least 1 is needed, received 0"):
        score_with_bias(cells=0)
