import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from personas.ml.lab_arms import EVERYONE, LETTERS, NUMBER, PROBABILITIES, ArmSettings
from personas.ml.lab_report import ArmAnswers, CellAnswer, identical_texts, lab_report, repeated_trigrams
from personas.ml.prompt_text import POINTS

CELLS = [(persona, product) for persona in (1, 2) for product in (10, 11, 12)]


def written(index, points, *, model="small", template="strict numeric", texts=None, settings=None, adherent=True):
    answers = [
        CellAnswer(*cell, text=text, point=point, adherent=adherent and point is not None, latency_ms=4.0, tokens=30)
        for cell, point, text in zip(CELLS, points, texts or [str(point) for point in points], strict=True)
    ]
    return ArmAnswers(index, model, template, NUMBER, settings or ArmSettings(), answers)


def scored(index, points, *, model="small", bio="full"):
    answers = []
    for cell, point in zip(CELLS, points, strict=True):
        probabilities = [0.5 if p == point else 0.05 for p in POINTS]
        answers.append(CellAnswer(*cell, text="", point=point, adherent=True, probabilities=probabilities))
    return ArmAnswers(index, model, "letter scale", LETTERS, ArmSettings(reading=PROBABILITIES, bio=bio), answers)


def test_the_figures_of_an_arm_are_what_its_answers_say() -> None:
    row = lab_report([written(0, [-1, 6, 8, 6, 8, None], texts=["-1", "6", "8", "6", "8", "no"])], cells=8)["arms"][0]
    values = np.array([-1, 6, 8, 6, 8])
    assert (row["answered"], row["answered_share"]) == (6, 0.75)
    assert row["adherence"] == row["parsable"] == pytest.approx(5 / 6)
    assert row["identical"] == pytest.approx(2 / 6)
    assert row["repeated_trigrams"] == 0.0
    assert row["mean"] == pytest.approx(values.mean())
    assert row["std"] == pytest.approx(values.std())
    assert row["entropy"] == pytest.approx(-0.2 * math.log2(0.2) - 0.8 * math.log2(0.4))
    assert row["distinct_points"] == 3
    assert row["minus_one"] == pytest.approx(0.2)
    assert row["six_and_eight"] == pytest.approx(0.8)
    assert row["histogram"] == {str(p): pytest.approx({-1: 0.2, 6: 0.4, 8: 0.4}.get(p, 0)) for p in POINTS}
    assert row["between_personas"] == pytest.approx(np.var([13 / 3, 7]))
    assert (row["latency_ms"], row["tokens"]) == (4.0, 30.0)


def test_an_arm_read_by_probabilities_counts_its_whole_distribution_and_rates_by_the_expectation() -> None:
    row = lab_report([scored(0, [-1, -1, -1, 10, 10, 10])], cells=6)["arms"][0]
    assert row["histogram"]["-1"] == pytest.approx(0.275)
    assert row["histogram"]["5"] == pytest.approx(0.05)
    expectations = [0.5 * point + 0.05 * (sum(POINTS) - point) for point in (-1, 10)]
    assert row["mean"] == pytest.approx(np.mean(expectations))
    assert row["distinct_points"] == 2
    assert row["identical"] is None
    assert row["between_personas"] == pytest.approx(np.var(expectations))


def test_agreement_is_spearman_over_the_cells_that_both_rated() -> None:
    first, second = [1, 3, 3, 8, 9, 10], [2, 1, 5, None, 7, 10]
    report = lab_report([written(0, first), written(1, second), written(2, [5] * 6)], cells=6)
    expected = spearmanr([1, 3, 3, 9, 10], [2, 1, 5, 7, 10]).statistic
    assert report["arms"][0]["agreement"] == {"1": pytest.approx(expected), "2": None}
    assert report["arms"][1]["agreement"]["0"] == pytest.approx(expected)
    assert report["arms"][0]["mean_agreement"] == pytest.approx(expected)
    assert report["arms"][2]["mean_agreement"] is None


def test_the_letters_arm_of_the_same_model_and_bio_is_what_an_arm_is_compared_with() -> None:
    rising, falling = [1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]
    arms = [
        scored(0, falling, bio="none"),
        scored(1, rising),
        scored(2, falling, model="large"),
        written(3, rising),
        written(4, rising, model="large"),
        written(5, rising, settings=ArmSettings(bio="none")),
        written(6, rising, model="other"),
    ]
    with_letters = [row["letters_agreement"] for row in lab_report(arms, cells=6)["arms"]]
    assert with_letters[3:] == [pytest.approx(value) for value in (1.0, -1.0, -1.0, 1.0)]
    assert with_letters[1] == pytest.approx(-1.0)
    assert lab_report(arms[3:], cells=6)["arms"][0]["letters_agreement"] is None


def test_models_are_compared_on_the_same_template_and_settings_only() -> None:
    arms = [
        written(0, [1, 2, 3, 4, 5, 6], model="a"),
        written(1, [1, 2, 3, 4, 5, 10], model="b"),
        written(2, [6, 5, 4, 3, 2, None], model="c"),
        written(3, [1, 2, 3, 4, 5, 6], model="b", settings=ArmSettings(temperature=0.5)),
        written(4, [1, 2, 3, 4, 5, 6], model="b", template="described scale"),
    ]
    rows = lab_report(arms, cells=6)["models"]
    assert len(rows) == 1
    assert rows[0]["models"] == ["a", "b", "c"]
    assert rows[0]["common_cells"] == 5
    assert rows[0]["pairs"] == {"a / b": pytest.approx(1), "a / c": pytest.approx(-1), "b / c": pytest.approx(-1)}
    assert rows[0]["consistency"] == pytest.approx(-1 / 3)
    columns = [(1, 1, 6), (2, 2, 5), (3, 3, 4), (4, 4, 3), (5, 5, 2)]
    assert rows[0]["variance"] == pytest.approx(np.mean([np.var(column) for column in columns]))


def test_repetition_counts_what_was_said_before_in_the_same_text_and_texts_that_are_the_same() -> None:
    assert repeated_trigrams(["a b c a b c"]) == pytest.approx(1 / 4)
    assert repeated_trigrams(["a b c", "a b c"]) == 0.0
    assert repeated_trigrams(["a b"]) == 0.0
    assert identical_texts(["a  b", "a b", "c"]) == pytest.approx(1 / 3)


def test_the_text_of_a_shared_call_counts_once_and_label_probabilities_keep_to_no_form() -> None:
    answers = [CellAnswer(*cell, text=f"prose on {cell[1]}", point=None, adherent=False) for cell in CELLS]
    shared = ArmAnswers(0, "small", "all personas at once", EVERYONE, ArmSettings(), answers)
    alone = ArmAnswers(1, "small", "strict numeric", NUMBER, ArmSettings(), answers)
    rows = lab_report([shared, alone, scored(2, [1, 2, 3, 4, 5, 6])], cells=6)["arms"]
    assert [row["identical"] for row in rows] == [0.0, pytest.approx(0.5), None]
    assert [row["adherence"] for row in rows] == [0.0, 0.0, None]


def test_an_arm_without_an_answer_has_no_figures_and_says_why() -> None:
    failed = ArmAnswers(0, "small", "strict numeric", NUMBER, ArmSettings(), [], error="it writes no text")
    row = lab_report([failed], cells=6)["arms"][0]
    assert row["error"] == "it writes no text"
    assert {row[name] for name in ("adherence", "parsable", "mean", "std", "entropy", "tokens")} == {None}
