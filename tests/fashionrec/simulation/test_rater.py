"""The simulated rater: the world's truth read out of a prompt, through noise."""

from __future__ import annotations

import string

import numpy as np
import pytest

from fashionrec.simulation.rater import SimulatedRater, read_attributes
from fashionrec.simulation.rating_scale import SCALE
from fashionrec.simulation.world import SimPersona, SimProduct, World

LABELS = list(string.ascii_uppercase[:11])


def persona_text(persona: SimPersona) -> str:
    names = {"age_band": "Age"}
    lines = [f"{names.get(key, key.title())}: {value}" for key, value in persona.attributes.items()]
    return "\n".join(["You are a shopper. Answer with one letter: your rating.", *lines, ""])


def product_text(product: SimProduct) -> str:
    lines = [f"- {key.title()}: {value}" for key, value in product.attributes.items()]
    return "\n".join(["Title: Something to wear", *lines, "Rating:"])


def scores(world: World, rater: SimulatedRater, row: int) -> np.ndarray:
    suffixes = [product_text(product) for product in world.products]
    return rater.score_labels(persona_text(world.personas[row]), suffixes, LABELS)


def ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values))


def test_without_noise_it_says_the_truth_of_the_world_with_its_seed(planted) -> None:
    world, _ = planted
    told = scores(world, SimulatedRater(seed=0, noise=0.0, price_edges=world.price_edges), 5)
    assert told.shape == (650, 11)
    assert told.dtype == np.float32
    np.testing.assert_allclose(np.exp(told), world.rating_distributions()[5], atol=1e-6)


def test_another_seed_is_another_truth(planted) -> None:
    world, _ = planted
    told = scores(world, SimulatedRater(seed=1, noise=0.0, price_edges=world.price_edges), 5)
    truth = world.rating_distributions()[5] @ np.array(SCALE)
    assert np.corrcoef(np.exp(told) @ np.array(SCALE), truth)[0, 1] < 0.9


def test_noise_blurs_the_truth_by_the_declared_amount(planted) -> None:
    world, _ = planted
    truth = world.rating_distributions() @ np.array(SCALE)
    correlations = []
    for noise in (0.5, 2.0):
        rater = SimulatedRater(seed=0, noise=noise, price_edges=world.price_edges)
        told = [np.exp(scores(world, rater, row)) @ np.array(SCALE) for row in range(4)]
        correlations.append(np.mean([np.corrcoef(ranks(a), ranks(b))[0, 1] for a, b in zip(told, truth, strict=False)]))
    assert 0.90 < correlations[0] < 0.98
    assert 0.5 < correlations[1] < 0.80


def test_asking_again_or_in_another_batch_gives_the_same_answer(planted) -> None:
    world, _ = planted
    rater, twin = SimulatedRater(seed=0), SimulatedRater(seed=0)
    suffixes = [product_text(product) for product in world.products[:20]]
    prefix = persona_text(world.personas[0])
    batch = rater.score_labels(prefix, suffixes, LABELS)
    single = np.concatenate([twin.score_labels(prefix, [suffix], LABELS) for suffix in suffixes[::-1]])[::-1]
    np.testing.assert_array_equal(batch, single)
    assert rater.score_labels(prefix, [], LABELS).shape == (0, 11)


def test_log_probabilities_sum_to_one_whatever_the_labels_are_called(planted) -> None:
    world, _ = planted
    rater = SimulatedRater(seed=0)
    prefix, suffix = persona_text(world.personas[0]), product_text(world.products[0])
    lettered = rater.score_labels(prefix, [suffix], LABELS)
    np.testing.assert_array_equal(lettered, rater.score_labels(prefix, [suffix], [f" {name}" for name in LABELS[::-1]]))
    assert np.exp(lettered).sum() == pytest.approx(1.0, abs=1e-6)


def test_an_explicit_dislike_is_what_minus_one_is_for() -> None:
    rater = SimulatedRater(seed=0, noise=0.0)
    prefix = "Gender: man\nBudget: low\nDislikes: floral, skirts\n"
    hated = "Category: Women > Skirts\nGender: women\nPattern: floral\nPrice: 120.00 EUR\n"
    fine = "Category: Men > Belts\nGender: men\nPattern: plain\nPrice: 12.00 EUR\n"
    told = np.exp(rater.score_labels(prefix, [hated, fine], LABELS))
    assert told[0, 0] > 0.9
    assert told[1, 0] < 0.001


def test_a_prompt_that_names_nothing_gets_a_middling_answer() -> None:
    told = np.exp(SimulatedRater(seed=0, noise=0.0).score_labels("Hello", ["world"], LABELS))
    assert told.sum() == pytest.approx(1.0, abs=1e-6)
    assert SCALE[int(told.argmax())] == 7


def test_persona_and_product_lines_are_read_whatever_their_case_and_bullets() -> None:
    prefix = "Name: Mia\n* GENDER : Woman\nAge band: 25-34\nLikes: pink, silk\nLikes: later\nBio: Style: none\n"
    assert read_attributes(prefix, "persona") == {"gender": "Woman", "age_band": "25-34", "likes": "pink, silk"}
    suffix = "Title: Dress: red\nColor: Red\nPrice band: high\nOccupation: cook\nPattern:\n"
    assert read_attributes(suffix, "product") == {"colour": "Red", "price_band": "high"}


def test_it_refuses_what_it_cannot_do() -> None:
    rater = SimulatedRater(seed=0)
    with pytest.raises(ValueError, match="labels: 11 are needed, one per scale point, received 10"):
        rater.score_labels("", ["Category: coats"], LABELS[:10])
    with pytest.raises(NotImplementedError, match="only scores labels"):
        rater.generate([{"role": "user", "content": "hi"}], schema=dict)
    with pytest.raises(ValueError, match="noise: must not be negative, received -1"):
        SimulatedRater(noise=-1)


def test_the_digest_names_everything_that_determines_the_answers() -> None:
    digests = {
        SimulatedRater(seed=0).digest,
        SimulatedRater(seed=1).digest,
        SimulatedRater(seed=0, noise=0.1).digest,
        SimulatedRater(seed=0, price_edges=(1.0, 2.0)).digest,
    }
    assert len(digests) == 4
    assert SimulatedRater(seed=0).digest == SimulatedRater(seed=0).digest
    assert SimulatedRater.name == "simulated"
