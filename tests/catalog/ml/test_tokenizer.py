"""Every text becomes tokens, and never more than fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from catalog.ml.tokenizer import END_ID, PAD_ID, START_ID, read_tokenizer, token_ids, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(["red floral dress", "blue dress for women"] * 10, vocabulary_size=400)


def test_known_words_are_few_tokens_between_start_and_end(tokenizer: Tokenizer) -> None:
    row = token_ids(tokenizer, ["Red  DRESS"], context_length=8)[0]
    assert row[0] == START_ID
    assert list(row).index(END_ID) == 3
    assert (row[4:] == PAD_ID).all()
    np.testing.assert_array_equal(row, token_ids(tokenizer, ["red dress"], context_length=8)[0])


@pytest.mark.parametrize(
    "text", ["", "платье", "ドレス 👗", "\ud800 lone surrogate", "null\0byte", "x" * 100_000, "e\u0301", "<end> <pad>"]
)
def test_any_text_encodes_to_one_row_with_one_end(tokenizer: Tokenizer, text: str) -> None:
    ids = token_ids(tokenizer, [text, "red"], context_length=16)
    assert ids.shape == (2, 16)
    assert ids.dtype == np.int64
    assert list(ids[0]).count(END_ID) == 1
    assert ids[0].max() < tokenizer.get_vocab_size()


def test_unknown_words_keep_their_letters(tokenizer: Tokenizer) -> None:
    ids = token_ids(tokenizer, ["zyxgarment"], context_length=32)[0]
    assert tokenizer.decode([int(token) for token in ids]).strip() == "zyxgarment"


def test_a_text_too_long_is_cut_and_still_ends(tokenizer: Tokenizer) -> None:
    ids = token_ids(tokenizer, ["red " * 50], context_length=8)[0]
    assert ids[0] == START_ID
    assert ids[-1] == END_ID


def test_a_stored_tokenizer_gives_the_same_tokens(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    again = read_tokenizer(tmp_path / "tokenizer.json")
    texts = ["red floral dress", "<end> Überwurf", ""]
    np.testing.assert_array_equal(
        token_ids(tokenizer, texts, context_length=12), token_ids(again, texts, context_length=12)
    )


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    for name in ("none.json", "bad.json"):
        with pytest.raises(ValueError, match=f"tokenizer: received '.*{name}'"):
            read_tokenizer(tmp_path / name)
