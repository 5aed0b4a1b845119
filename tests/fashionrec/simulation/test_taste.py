"""Persona-explained taste: each planted rule alone, and what makes it one truth."""

from __future__ import annotations

import numpy as np
import pytest

from fashionrec.simulation.rating_scale import SCALE, THRESHOLDS, log_probabilities
from fashionrec.simulation.taste import (
    BUDGET_FIT,
    CHILDRENS,
    DISLIKE_PENALTY,
    LIKE_BONUS,
    OTHER_GENDER,
    STYLE_BONUS,
    Taste,
    hidden_normal,
    parse_price,
)


def score(persona: dict[str, str], product: dict[str, str], seed: int = 0) -> float:
    return float(Taste(seed=seed).scores([persona], [product])[0, 0])


@pytest.mark.parametrize(
    ("persona", "product", "expected"),
    [
        ({}, {}, 0.0),
        ({"gender": "woman"}, {"gender": "women"}, 0.0),
        ({"gender": "Man"}, {"gender": "Women"}, OTHER_GENDER),
        ({"gender": "woman"}, {"gender": "unisex"}, 0.0),
        ({"gender": "woman"}, {"gender": "girls"}, CHILDRENS),
        ({"dislikes": "floral"}, {"pattern": "floral"}, DISLIKE_PENALTY),
        ({"dislikes": "floral, pink"}, {"pattern": "floral"}, DISLIKE_PENALTY),
        ({"dislikes": "pink"}, {"colour": "Light Pink"}, DISLIKE_PENALTY),
        ({"dislikes": "light pink"}, {"colour": "pink"}, 0.0),
        ({"likes": "dresses"}, {"category": "Women > Dress"}, LIKE_BONUS),
        ({"likes": "women"}, {"category": "Women > Dress"}, 0.0),
        ({"likes": "T-shirts"}, {"category": "tshirt"}, LIKE_BONUS),
        ({"likes": "dresses", "dislikes": "floral"}, {"category": "Dresses", "pattern": "floral"}, -1.9),
        ({"likes": "floral, pink, silk"}, {"pattern": "floral", "colour": "pink", "material": "silk"}, 2 * LIKE_BONUS),
        ({"budget": "low"}, {"price_band": "high"}, BUDGET_FIT["low"]["high"]),
        ({"budget": "low"}, {"price": "129.90 EUR"}, BUDGET_FIT["low"]["high"]),
        ({"budget": "low"}, {"price": "9.90 EUR"}, BUDGET_FIT["low"]["low"]),
        ({"style": "casual"}, {"style": "Casual"}, STYLE_BONUS),
    ],
)
def test_each_planted_rule_alone_gives_its_own_constant(
    persona: dict[str, str], product: dict[str, str], expected: float
) -> None:
    assert score(persona, product) == pytest.approx(expected)


def test_one_hidden_weight_is_the_affinity_of_its_two_words() -> None:
    weight = hidden_normal(3, "age_band", "25-34", "category", "belts")
    assert score({"age_band": "25-34"}, {"category": "Accessories > Belts"}, seed=3) == pytest.approx(0.75 * weight)
    assert hidden_normal(4, "age_band", "25-34", "category", "belts") != weight


def test_hidden_weights_are_standard_normal() -> None:
    draws = np.array([hidden_normal(0, "word", str(number)) for number in range(20_000)])
    assert abs(draws.mean()) < 0.03
    assert abs(draws.std() - 1.0) < 0.03


def test_an_age_in_years_means_its_band() -> None:
    product = {"category": "coats", "colour": "red"}
    assert score({"age": "38"}, product) == score({"age_band": "35-44"}, product)
    assert score({"age": "71 years"}, product) == score({"age_band": "65+"}, product)
    assert score({"age": "24"}, product) != score({"age": "25"}, product)


def test_a_score_does_not_depend_on_its_company(products, personas) -> None:
    taste = Taste(seed=5)
    together = taste.scores([p.attributes for p in personas], [p.attributes for p in products])
    alone = taste.scores([personas[7].attributes], [products[123].attributes])
    assert alone[0, 0] == pytest.approx(together[7, 123], abs=1e-12)
    assert together.shape == (40, 650)


@pytest.mark.parametrize(
    ("text", "price"), [("39.90 EUR", 39.9), ("1,299", 1299.0), ("EUR 20", 20.0), ("on request", None), ("", None)]
)
def test_prices_are_read_out_of_text(text: str, price: float | None) -> None:
    assert parse_price(text) == price


def test_rating_distributions_sum_to_one_and_rise_with_taste() -> None:
    probabilities = np.exp(log_probabilities(np.linspace(-6, 5, 200)))
    assert probabilities.shape == (200, 11)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-12)
    assert (np.diff(probabilities @ np.array(SCALE)) >= 0).all()
    assert probabilities.argmax(axis=1)[[0, -1]].tolist() == [0, 10]


def test_at_a_threshold_the_two_sides_are_equally_likely() -> None:
    probabilities = np.exp(log_probabilities(np.array(THRESHOLDS)))
    below = [probabilities[index, : index + 1].sum() for index in range(10)]
    np.testing.assert_allclose(below, 0.5, atol=1e-4)


def test_ratings_of_the_planted_catalogue_use_the_whole_scale(planted) -> None:
    world, _ = planted
    shares = world.rating_distributions().mean(axis=(0, 1))
    assert 0.06 <= shares[0] <= 0.10
    assert shares.min() > 0.02
    assert shares.max() < 0.16
