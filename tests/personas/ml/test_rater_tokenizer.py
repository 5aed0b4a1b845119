"""The small rater's tokenizer: letters single, fixed phrases single, any text round trips."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from personas.ml.language_model import LABELS
from personas.ml.persona_draft import persona_messages
from personas.ml.prompt_text import MEANINGS, POINTS
from personas.ml.rater_tokenizer import fixed_phrases, label_ids, save_tokenizer, train_tokenizer
from personas.ml.structured_output import completion_prompt
from tests.personas.ml.tiny_rater import pack, tiny_tokenizer

CELL = {
    "gender": "woman", "age_band": "18-24", "region": "capital", "occupation": "creative", "style": "boho",
    "budget": "low",
}  # fmt: skip


def test_every_letter_is_one_token_and_none_is_another() -> None:
    ids = label_ids(tiny_tokenizer())
    assert len(ids) == 11
    assert len(set(ids)) == 11


def test_letters_that_are_no_single_tokens_are_refused_with_what_they_are() -> None:
    with pytest.raises(ValueError, match="labels: expected one distinct token each, received .*'10'"):
        label_ids(tiny_tokenizer(), ["A", "10"])


def test_each_point_of_the_described_scale_is_one_token() -> None:
    tokenizer = tiny_tokenizer()
    for point, meaning in zip(POINTS, MEANINGS, strict=True):
        assert len(tokenizer.encode(f": {point} - {meaning}\n").ids) == 1


def test_prefix_and_suffix_are_the_same_tokens_together_and_apart() -> None:
    tokenizer, rated = tiny_tokenizer(), pack(bio="Ann likes red. She never wears grey.")
    for suffix in rated.suffixes:
        together = tokenizer.encode(rated.prefix + suffix).ids
        assert together == tokenizer.encode(rated.prefix).ids + tokenizer.encode(suffix).ids


def test_any_text_comes_back_as_it_was() -> None:
    tokenizer = tiny_tokenizer()
    for text in ("Zoë wears 12,90 €\n\n", '{"name": "Ann"}', completion_prompt(persona_messages(CELL))):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_request_for_a_persona_takes_few_tokens() -> None:
    prompt = completion_prompt(persona_messages(CELL))
    assert len(tiny_tokenizer().encode(prompt).ids) < len(prompt) / 5


def test_no_room_for_the_fixed_phrases_is_refused() -> None:
    with pytest.raises(ValueError, match=f"at least {268 + len(fixed_phrases())} needed, received 100"):
        train_tokenizer(["a"], vocabulary_size=100)


def test_the_saved_tokenizer_is_read_back_by_transformers_with_equal_tokens(tmp_path) -> None:
    tokenizer = tiny_tokenizer()
    save_tokenizer(tokenizer, tmp_path, context_length=77)
    read = AutoTokenizer.from_pretrained(tmp_path)
    text = pack().prefix + pack().suffixes[0] + " A"
    assert read(text)["input_ids"] == tokenizer.encode(text).ids
    assert read.model_max_length == 77
    assert [read.decode(label) for label in label_ids(tokenizer)] == [f" {label}" for label in LABELS]
