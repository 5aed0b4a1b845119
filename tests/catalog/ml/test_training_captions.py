"""Captions say true things in many words."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.ml.training_captions import caption_of_attributes, prompt, vocabulary_texts

DRESS = {
    "category": "Women > Dresses",
    "colour": "navy",
    "gender": "women",
    "pattern": "dotted",
    "masterCategory": "Apparel",
}


def test_what_a_caption_mentions_is_what_it_says() -> None:
    rng = np.random.default_rng(0)
    words = {
        "category": ("dress",),
        "colour": ("navy", "dark blue"),
        "gender": ("women", "woman", "ladies", "lady", "female"),
        "pattern": ("dot", "spotted"),
    }
    for _ in range(200):
        text, said = caption_of_attributes(DRESS, rng)
        assert said
        assert set(said) <= set(words)
        for name, forms in words.items():
            assert (name in said) == any(form in text for form in forms), (text, said)


def test_singular_plural_and_synonyms_all_occur() -> None:
    rng = np.random.default_rng(1)
    texts = " | ".join(caption_of_attributes(DRESS, rng)[0] for _ in range(300))
    for word in ("dresses", "dress ", "navy blue", "dark blue", "polka dot", "ladies"):
        assert word in texts


def test_one_noun_is_enough() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        _, said = caption_of_attributes({"articleType": "Shirts", "subCategory": "Topwear"}, rng)
        assert len(said) == 1


def test_nothing_to_say_is_refused() -> None:
    with pytest.raises(ValueError, match="which name nothing to say"):
        caption_of_attributes({"usage": "Casual", "colour": ""}, np.random.default_rng(0))


def test_prompts_hold_the_value_and_follow_the_seed() -> None:
    first = [prompt("Girls > Coats", np.random.default_rng(seed)) for seed in range(20)]
    assert all("coat" in text for text in first)
    assert len(set(first)) > 4
    assert first == [prompt("Girls > Coats", np.random.default_rng(seed)) for seed in range(20)]


def test_the_vocabulary_hears_synonyms_nobody_used() -> None:
    assert "lilac" in vocabulary_texts([{"colour": "red"}], seed=0)
