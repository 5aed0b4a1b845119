"""Blend and diversify, by the numbers."""

import pytest

from recommender.serving.blend import RANK_OFFSET, WEIGHTS, WEIGHTS_FOR_STRANGERS, blend
from recommender.serving.candidates import Candidates
from recommender.serving.diversify import OnShelf, diversify, likeness


def test_the_blend_is_weighted_reciprocal_rank_fusion():
    groups = [Candidates("model", [1, 2]), Candidates("similar", [2, 3], anchor=9), Candidates("trending", [3])]
    blended = {item.product: item for item in blend(groups, stranger=False)}
    first, second = 1 / (RANK_OFFSET + 1), 1 / (RANK_OFFSET + 2)
    assert blended[1].score == pytest.approx(WEIGHTS["model"] * first)
    assert blended[2].score == pytest.approx(WEIGHTS["model"] * second + WEIGHTS["similar"] * first)
    assert blended[3].score == pytest.approx(WEIGHTS["similar"] * second + WEIGHTS["trending"] * first)
    assert list(blended) == [2, 1, 3]
    assert {pk: (item.source, item.anchor) for pk, item in blended.items()} == {
        2: ("model", None),
        1: ("model", None),
        3: ("similar", 9),
    }


def test_for_a_stranger_what_others_take_weighs_most():
    groups = [Candidates("model", [1]), Candidates("trending", [2])]
    assert [item.product for item in blend(groups, stranger=False)] == [1, 2]
    assert [item.product for item in blend(groups, stranger=True)] == [2, 1]
    assert max(WEIGHTS_FOR_STRANGERS, key=lambda source: WEIGHTS_FOR_STRANGERS[source]) == "trending"


def test_equal_scores_are_ordered_by_primary_key():
    groups = [Candidates("model", [7]), Candidates("complement", [3])]
    assert [item.product for item in blend(groups, stranger=False)] == [3, 7]


def test_likeness_adds_up_category_brand_and_colour_and_nothing_unknown():
    assert likeness(OnShelf(1, 2, "red"), OnShelf(1, 2, "red")) == pytest.approx(1.0)
    assert likeness(OnShelf(1, 2, "red"), OnShelf(1, 3, "blue")) == 0.5
    assert likeness(OnShelf(), OnShelf()) == 0


def test_likeness_of_two_products_of_known_styles_counts_the_style_and_still_sums_to_one():
    assert likeness(OnShelf(1, 2, "red", "boho"), OnShelf(1, 2, "red", "boho")) == pytest.approx(1.0)
    assert likeness(OnShelf(1, 2, "red", "boho"), OnShelf(1, 2, "red", "city")) == pytest.approx(0.65)
    assert likeness(OnShelf(1, 2, "red", "boho"), OnShelf(4, 3, "blue", "boho")) == pytest.approx(0.35)
    # Of a product without a style nothing is said by it: likeness is what it was before there were styles.
    assert likeness(OnShelf(1, 2, "red", "boho"), OnShelf(1, 3, "blue")) == 0.5
    assert likeness(OnShelf(1), OnShelf(1)) == 0.5


def test_a_page_of_one_style_becomes_more_varied():
    scores = [1.0, 0.99, 0.98, 0.97, 0.96, 0.95]
    plain = [OnShelf(category, category, colour) for category, colour in enumerate("abcdef")]
    assert diversify(plain, scores, n=4) == [0, 1, 2, 3]  # nothing says that the first three look alike
    styles = ["boho", "boho", "boho", "city", "sport", "boho"]
    styled = [OnShelf(p.category_id, p.brand_id, p.colour, style) for p, style in zip(plain, styles, strict=True)]
    assert diversify(styled, scores, n=4) == [0, 3, 4, 1]


def test_a_page_is_not_ten_times_the_same_shirt():
    shirts = [OnShelf(1, 1, "white")] * 5
    products = [*shirts, OnShelf(2, 2, "black")]
    scores = [1.0, 0.99, 0.98, 0.97, 0.96, 0.9]
    assert diversify(products, scores, n=3) == [0, 5, 1]
    assert diversify(products, scores, n=3, relevance=1.0) == [0, 1, 2]


def test_all_are_chosen_when_there_are_few_and_none_when_there_are_none():
    assert sorted(diversify([OnShelf(1), OnShelf(1)], [0.2, 0.1], n=9)) == [0, 1]
    assert diversify([], [], n=3) == []
