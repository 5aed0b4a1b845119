"""Against real reviews: what is predicted is never told, and good and useless models come out as such."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from personas.ml.fidelity import ask_about_reviews, fidelity_figures, star_target
from personas.ml.prompt_text import labels_by_point
from personas.ml.review_regression import item_text_stars
from personas.ml.reviews import Review, ReviewSplit, age_band, products_of, read_reviews, split_reviews
from tests.personas.ml.review_files import COLUMNS, ITEMS, REVIEWS, Listener, made_up_rows, write_reviews


@pytest.fixture
def reviews(tmp_path: Path) -> list[Review]:
    return read_reviews(write_reviews(tmp_path / "reviews.csv.gz", made_up_rows()))


@pytest.fixture
def split(reviews: list[Review]) -> ReviewSplit:
    return split_reviews(reviews, items=ITEMS, per_item=8, seed=1)


class Same(Listener):
    def score_labels(self, prefix: str, suffixes: Any, labels: Any) -> Any:
        return np.tile(np.log(np.linspace(1, 2, 11) / 16.5), (len(suffixes), 1)).astype(np.float32)


def test_every_review_is_read(reviews: list[Review]) -> None:
    assert len(reviews) == ITEMS * REVIEWS
    first = reviews[0]
    assert (first.row, first.item, first.department, first.item_class) == (2, "100", "Tops", "Knits")
    assert first.text == "Blue a awful thing, said buyer0"


def test_the_split_is_by_review(split: ReviewSplit, reviews: list[Review]) -> None:
    assert len(split.items) == ITEMS
    assert (len(split.test), len(split.training)) == (ITEMS * 8, ITEMS * (REVIEWS - 8))
    assert sorted(r.row for r in split.test + split.training) == [r.row for r in reviews]
    half = split_reviews(reviews, items=3, per_item=1000, seed=1)
    assert len(half.test) == 3 * REVIEWS // 2
    assert split_reviews(reviews, items=3, per_item=5, seed=1) != split_reviews(reviews, items=3, per_item=5, seed=2)


def test_no_word_of_a_held_out_review_reaches_a_prompt(split: ReviewSplit) -> None:
    marked = [Review(**{**vars(r), "text": f"{r.text} secretword secretword"}) for r in split.test]
    model = Listener()
    ask_about_reviews(model, ReviewSplit(split.items, split.training, marked))
    assert model.prompts
    assert not any("secretword" in prompt for prompt in model.prompts)
    assert sum("wonderful" in prompt for prompt in model.prompts) > 0


def test_a_cell_is_asked_once_in_both_orders_as_its_age_about_its_item(split: ReviewSplit) -> None:
    model = Listener()
    answers = ask_about_reviews(model, split)
    cells = {(age_band(r.age), r.item) for r in split.test}
    assert set(answers.cells) == cells
    assert answers.prompts == model.usage.calls == 2 * len(cells)
    ascending = [prompt for prompt in model.prompts if "\nA: -1 - " in prompt]
    descending = [prompt for prompt in model.prompts if "\nA: 10 - " in prompt]
    assert len(ascending) == len(descending) == len(cells)
    assert labels_by_point("descending")[0] == "K"
    prompt = next(p for p in ascending if "Age: 25-34" in p and "Category: Dresses" in p)
    assert "Likes: dresses" in prompt
    assert "Gender: female" in prompt
    assert prompt.endswith("\nRating:")


def test_a_limit_on_calls_is_kept_and_what_was_left_out_is_told(split: ReviewSplit) -> None:
    model = Listener()
    answers = ask_about_reviews(model, split, limit=41)
    assert (model.usage.calls, answers.prompts, len(answers.cells)) == (40, 40, 20)
    n = fidelity_figures(split, answers)["n"]
    assert n["test_reviews"] + n["test_reviews_not_asked"] == len(split.test)
    assert n["test_reviews_not_asked"] > 0
    with pytest.raises(ValueError, match="limit-calls: received 1, at least 2"):
        ask_about_reviews(model, split, limit=1)
    few = ask_about_reviews(model, split, limit=2)
    with pytest.raises(ValueError, match="items: only 1 were asked about, at least 3"):
        fidelity_figures(split, few)


def test_a_model_that_listens_ranks_the_items_and_beats_the_constant(split: ReviewSplit) -> None:
    figures = fidelity_figures(split, ask_about_reviews(Listener(), split))
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    methods = figures["methods"]
    line, calibrated = methods["model, line on training stars"], methods["model, calibrated"]
    assert line["item_correlation"] > 0.9
    assert line["item_correlation_interval"][0] > 0.8
    assert line["rmse_gain_interval"][0] > 0.3
    assert line["rmse"] < calibrated["rmse"] < methods["constant: training mean"]["rmse"]
    # It never goes below 6, three stars; calibrated it uses them all in the real shares.
    assert methods["model, most likely point"]["ks"] > 0.3
    assert calibrated["ks"] < 0.1
    # Ages are told but make no difference to this model.
    assert figures["within_item_correlation"] is None
    assert methods["constant: training mean"]["rmse_gain"] == 0.0
    assert methods["constant: training mean"]["item_correlation"] is None
    assert methods["ridge on the item's text"]["item_correlation"] > 0.8


def test_a_constant_model_gains_nothing(split: ReviewSplit) -> None:
    figures = fidelity_figures(split, ask_about_reviews(Same(), split))
    line = figures["methods"]["model, line on training stars"]
    assert line["item_correlation"] is None
    assert line["rmse"] == figures["methods"]["constant: training mean"]["rmse"]


def test_errors_are_those_counted_by_hand(split: ReviewSplit) -> None:
    figures = fidelity_figures(split, ask_about_reviews(Listener(), split))
    stars = np.array([r.rating for r in split.test])
    mean = np.mean([r.rating for r in split.training])
    constant = figures["methods"]["constant: training mean"]
    assert constant["mae"] == pytest.approx(np.abs(stars - mean).mean(), abs=1e-4)
    assert constant["rmse"] == pytest.approx(np.sqrt(((stars - mean) ** 2).mean()), abs=1e-4)
    assert figures["real_shares"] == [round(float((stars == star).mean()), 4) for star in range(1, 6)]


def test_the_target_gives_each_star_its_training_share() -> None:
    reviews = [Review(2, "1", 30, stars, "", "", "") for stars in (1, 1, 5, 5, 5, 5, 3, 3, 4, 4)]
    target = star_target(reviews)
    assert target.sum() == pytest.approx(1)
    assert target[:3].sum() == pytest.approx(0.2, abs=0.002)
    assert target[3:5].tolist() == pytest.approx([0.001, 0.001], abs=1e-5)
    assert target[9:].sum() == pytest.approx(0.4, abs=0.002)


def test_the_regression_on_item_texts_never_sees_the_items_own_stars() -> None:
    # Every text is a word of its own, so nothing can be learned from other items.
    training = [
        Review(n, str(n % 20), 30, 1 + 4 * (n % 20 % 2), "", "", f"word{chr(97 + n % 20)}x") for n in range(200)
    ]
    test = [Review(900 + n, str(n), 30, 1 + 4 * (n % 2), "", "", "") for n in range(20)]
    predicted = item_text_stars(training, test)
    assert abs(np.corrcoef(predicted, [r.rating for r in test])[0, 1]) < 0.7
    assert predicted.min() > 2
    assert predicted.max() < 4


def test_an_items_words_are_those_said_of_it_more_than_of_others() -> None:
    def say(number: int, item: str, text: str) -> Review:
        return Review(number, item, 30, 5, "Tops", "Knits", text)

    training = [say(n, "1", "navy wool, itchy collar, nice") for n in range(3)]
    training += [say(9 + n, "2", "red silk, nice") for n in range(3)]
    products = products_of(training)
    assert products["1"]["said"].split(", ")[:4] == ["collar", "itchy", "navy", "wool"]
    assert (products["1"]["colour"], products["1"]["material"], products["1"]["pattern"]) == ("navy", "wool", "")
    assert products["2"]["colour"] == "red"


@pytest.mark.parametrize(
    ("age", "band"), [(18, "18-24"), (24, "18-24"), (25, "25-34"), (64, "55-64"), (65, "65+"), (99, "65+")]
)
def test_ages_fall_into_the_bands_of_the_personas(age: int, band: str) -> None:
    assert age_band(age) == band


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("Rating", "6", "row 5, column Rating: received '6', expected 1 to 5"),
        ("Rating", "", "row 5, column Rating: received '', expected 1 to 5"),
        ("Age", "old", "row 5, column Age: received 'old', expected 1 to 120"),
        ("Clothing ID", " ", "row 5, column Clothing ID: received nothing"),
    ],
)
def test_a_bad_value_is_named_with_its_row_and_column(tmp_path: Path, column: str, value: str, message: str) -> None:
    rows = made_up_rows()
    rows[3][COLUMNS.index(column)] = value
    with pytest.raises(ValueError, match=message):
        read_reviews(write_reviews(tmp_path / "bad.csv", rows))


def test_files_that_are_no_reviews_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere.csv: no such file"):
        read_reviews(tmp_path / "nowhere.csv")
    short = write_reviews(tmp_path / "short.csv", [], ["Clothing ID", "Age", "Rating"])
    with pytest.raises(ValueError, match="missing column Review Text, Department Name, Class Name; received Clothing"):
        read_reviews(short)
    (tmp_path / "fake.csv.gz").write_text("not gzipped")
    with pytest.raises(ValueError, match="cannot be read as CSV: Not a gzipped file"):
        read_reviews(tmp_path / "fake.csv.gz")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match="missing column Clothing ID"):
        read_reviews(tmp_path / "empty.csv")


def test_too_few_reviews_are_refused(reviews: list[Review]) -> None:
    with pytest.raises(ValueError, match="items: 0 of 15 items are to be rated; at least 3 with 10 reviews each"):
        split_reviews(reviews[:60], items=5, per_item=5, seed=0)
    with pytest.raises(ValueError, match="items: received 0, at least 1"):
        split_reviews(reviews, items=0, per_item=5, seed=0)
