"""What speaks for a value: neighbours, prompts, the title, and how common it is."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.ml import attribute_sources as sources

EYE = np.eye(4, dtype=np.float32)


def test_prompts_of_a_category_name_its_last_part() -> None:
    assert sources.prompts("Women > Dresses") == ["dresses", "a photo of dresses", "a photo of dresses clothing"]


def test_the_mean_of_a_values_prompts_has_unit_length() -> None:
    vectors = np.concatenate([EYE[:3], EYE[[3, 3, 3]]])
    means = sources.mean_prompts(vectors)
    assert means == pytest.approx(np.array([[3**-0.5] * 3 + [0], [0, 0, 0, 1]]), abs=1e-6)


def test_nearest_equals_a_naive_search_and_leaves_the_product_itself_out() -> None:
    rng = np.random.default_rng(3)
    references = rng.normal(size=(600, 8)).astype(np.float32)
    references /= np.linalg.norm(references, axis=1, keepdims=True)
    own = np.arange(300)
    positions, cosines = sources.nearest(references[:300], references, own=own, k=7)
    for row in (0, 17, 299):
        similarity = references @ references[row]
        similarity[row] = -np.inf
        expected = np.argsort(-similarity)[:7]
        assert positions[row].tolist() == expected.tolist()
        assert cosines[row] == pytest.approx(similarity[expected], abs=1e-6)


def test_a_product_without_a_vector_is_nobodys_neighbour_and_has_none() -> None:
    references = np.stack([EYE[0], np.zeros(4, dtype=np.float32), EYE[1]])
    positions, cosines = sources.nearest(np.stack([EYE[0], np.zeros(4)]), references, own=np.array([-1, -1]), k=3)
    assert positions[0, :2].tolist() == [0, 2]
    assert cosines[0].tolist() == [1.0, 0.0, -np.inf]
    assert not np.isfinite(cosines[1]).any()
    votes = sources.neighbour_votes(positions, cosines, np.array([0, 1, 1]), 2)
    assert votes[1].tolist() == [0.0, 0.0]


def test_votes_weigh_by_nearness_and_a_rare_value_takes_its_share_from_all() -> None:
    cosines = np.array([[1.0, 1.0 - np.log(2) / sources.SHARPNESS, 1.0]], dtype=np.float32)
    votes = np.exp(sources.neighbour_votes(np.array([[0, 1, 2]]), cosines, np.array([0, 1, -1]), 2))
    # Shares .4, .2 and .4 for the rare value; one of twenty votes is spread over both.
    assert votes[0] == pytest.approx([0.95 * 0.4 + 0.025, 0.95 * 0.2 + 0.025], abs=1e-5)


def test_prompt_scores_are_what_is_above_the_usual() -> None:
    prompts = EYE[:2]
    usual = np.array([0.5, 0.0], dtype=np.float32)
    scores = sources.prompt_scores(np.stack([EYE[0], np.zeros(4, dtype=np.float32)]), prompts, usual=usual)
    assert scores.tolist() == [[5.0, 0.0], [0.0, 0.0]]


def test_a_title_says_a_value_when_it_has_all_its_words() -> None:
    values = ["blue", "navy blue", "red", "Apparel > Topwear > Tshirts", "Women > Dresses"]
    scores = sources.word_scores(["Nike Men Navy Blue Tshirt", "Evening dress, tired", ""], values)
    assert scores.tolist() == [[1, 2, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]


def test_shares_of_a_small_group_stay_near_those_of_all() -> None:
    codes = np.array([0] * 60 + [1] * 38 + [1] * 2 + [-1] * 5)
    groups = ["women"] * 60 + ["women"] * 38 + ["men"] * 2 + ["men"] * 5
    shares = {group: np.exp(values) for group, values in sources.usual_shares(groups, codes, 2).items()}
    assert shares[""] == pytest.approx([61 / 102, 41 / 102])
    assert shares["men"] == pytest.approx([10 * 61 / 102 / 12, (2 + 10 * 41 / 102) / 12])
    assert sorted(shares) == ["", "men", "women"]
