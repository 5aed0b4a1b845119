"""The small rater that comes with the shop, measured on personas and products that it was not trained on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from fashionrec.demo.rater_figures import rating_figures, unseen_packs, writing_figures
from personas.ml.language_models.model_files import COMPACT_FOLDER
from personas.ml.rater_model import load_rater
from personas.ml.rater_tokenizer import label_ids

UNSEEN = 424_242


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(COMPACT_FOLDER / "tokenizer.json"))


@pytest.fixture(scope="module")
def model() -> Any:
    return load_rater(COMPACT_FOLDER)[0]


@pytest.fixture(scope="module")
def rated(model: Any, tokenizer: Tokenizer) -> dict[str, float]:
    return rating_figures(model, tokenizer, unseen_packs(seed=UNSEEN, personas=24, products=24, pool=600))


def test_it_is_small_and_says_what_it_is() -> None:
    assert sum(path.stat().st_size for path in COMPACT_FOLDER.iterdir()) <= 10_000_000
    config = json.loads((COMPACT_FOLDER / "config.json").read_text())
    assert config["architectures"] == ["MistralForCausalLM"]
    assert config["sliding_window"] is None
    assert config["max_position_embeddings"] == 2048
    assert config["fashionrec"]["demonstration"] is True
    assert config["fashionrec"]["name"] == "compact rater"
    assert "demonstration" in (COMPACT_FOLDER / "MODEL_CARD.md").read_text()


def test_its_letters_are_single_distinct_tokens(tokenizer: Tokenizer) -> None:
    assert len(set(label_ids(tokenizer))) == 11


def test_it_answers_with_letters_whose_order_it_reads_off_the_scale(rated: dict[str, float]) -> None:
    """Expectations asked in ascending and in descending order correlate over all cells."""
    assert rated["label_mass"] > 0.99
    assert rated["label_mass_least"] > 0.9
    assert rated["order_agreement"] > 0.95


def test_it_ranks_as_the_teacher_does_and_says_so_when_it_refuses(rated: dict[str, float]) -> None:
    assert rated["cells"] == 24 * 24 * 2
    assert rated["spearman"] > 0.88
    assert rated["negative_recall"] > 0.6
    assert rated["negative_precision"] > 0.6
    assert rated["negative_share"] > 0.02
    assert rated["labels_used"] >= 10


def test_it_obeys_dislikes_on_products_it_never_saw(rated: dict[str, float]) -> None:
    assert rated["disliked_fall"] > 3.0
    assert rated["disliked_low"] > rated["disliked_low_teacher"] - 0.15


def test_it_writes_people_that_validate_and_differ(model: Any, tokenizer: Tokenizer) -> None:
    written = writing_figures(model, tokenizer, seed=UNSEEN, count=48)
    assert written["valid"] >= 0.5  # the shop asks again, at most three times
    assert written["too_alike"] <= 0.05
    assert written["names"] >= 0.9


def test_the_same_prompt_gets_the_same_answer(model: Any, tokenizer: Tokenizer) -> None:
    packs = unseen_packs(seed=UNSEEN + 1, personas=1, products=3, pool=50)
    first, second = (rating_figures(model, tokenizer, packs) for _ in range(2))
    timed = ("prompts_a_second",)
    np.testing.assert_equal(*({k: v for k, v in f.items() if k not in timed} for f in (first, second)))
