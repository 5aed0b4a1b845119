"""Which token stands for a label: on Mistral's own tokenizers, and where templates have ways of their own."""

from pathlib import Path
from typing import Any

import pytest

from fashionrec.benchmarks import mistral_tokenizers
from personas.ml.language_model import LABELS, LabelsRefused, ModelUnusable
from personas.ml.language_models.answer_tokens import PromptEncoder, sole_tokens
from personas.ml.language_models.transformers_model import TransformersModel

needs_mistral = pytest.mark.skipif(not mistral_tokenizers.available(), reason="mistral_common is not installed")


@pytest.fixture(scope="module")
def verdicts() -> dict[tuple[str, str], str]:
    return {(name, labels): reason for name, labels, reason in mistral_tokenizers.verdicts()}


@needs_mistral
def test_every_mistral_tokenizer_takes_letters_and_refuses_digits(verdicts: dict[tuple[str, str], str]) -> None:
    assert len(verdicts) == 15
    for (name, labels), reason in verdicts.items():
        assert bool(reason) == (labels != "A..K"), name
    assert {name.partition(",")[0] for name, _ in verdicts} == {
        "Mistral 7B v0.1", "Mistral 7B v0.3", "Mistral Nemo (Tekken)",
    }  # fmt: skip


@needs_mistral
def test_after_inst_every_digit_begins_with_the_same_token_and_ten_is_three(
    verdicts: dict[tuple[str, str], str],
) -> None:
    reason = verdicts["Mistral 7B v0.3, after [/INST]", "-1..10"]
    assert "'1' is 2 tokens ('▁', '1')" in reason
    assert "'9' is 2 tokens ('▁', '9')" in reason
    assert "'10' is 3 tokens ('▁', '1', '0')" in reason
    assert "'-1' is 2 tokens ('▁-', '1')" in reason


@needs_mistral
@pytest.mark.parametrize("chat", [False, True])
def test_letters_are_the_tokens_with_sentencepieces_space(chat: bool) -> None:
    tokenizer = mistral_tokenizers.sentence_piece("Mistral 7B v0.3")
    ids = PromptEncoder(tokenizer, chat=chat).label_ids(LABELS, "Title: coat\nRating:")
    assert tokenizer.convert_ids_to_tokens(ids) == [f"▁{label}" for label in LABELS]


def test_a_completion_model_answers_with_a_leading_space(completion_model: TransformersModel) -> None:
    encoder = completion_model.prompt_encoder()
    words = encoder.tokenizer.convert_ids_to_tokens(encoder.label_ids(LABELS, "Rating:"))
    assert words == [f"Ġ{label}" for label in LABELS]
    already_spaced = encoder.tokenizer.convert_ids_to_tokens(encoder.label_ids(LABELS, "Rating:\n"))
    assert already_spaced == list(LABELS)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"A": [1, 2, 7], "B": [1, 2, 7]}, r"'B' is the same token as 'A' \('7'\)"),
        ({"A": [1, 2, 7], "10": [1, 2, 8, 9]}, r"'10' is 2 tokens \('8', '9'\)"),
        ({"A": [1, 2, 7], "B": [1, 9]}, "'B' merges with the words before it"),
        ({"A": [1, 2, 7], "": [1, 2]}, r"'' is 0 tokens \(\)"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused_with_their_tokens(answers: Any, reason: str) -> None:
    with pytest.raises(LabelsRefused, match=reason):
        sole_tokens([1, 2], answers)


def test_labels_in_order_are_returned_in_order() -> None:
    assert sole_tokens([1, 2], {"B": [1, 2, 8], "A": [1, 2, 7]}) == {"B": 8, "A": 7}


@pytest.fixture
def chat_encoder(chat_folder: Path) -> PromptEncoder:
    from transformers import AutoTokenizer

    return PromptEncoder(AutoTokenizer.from_pretrained(chat_folder), chat=True)


def test_turns_of_one_role_in_a_row_become_one(chat_encoder: PromptEncoder) -> None:
    messages = [{"role": "user", "content": "Who?"}, {"role": "user", "content": "That was refused."}]
    assert chat_encoder.render(messages) == "[INST]Who?\n\nThat was refused.[/INST]"


def test_a_template_without_system_turns_gets_them_in_the_users(chat_encoder: PromptEncoder) -> None:
    template = (
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    )
    chat_encoder.tokenizer.chat_template = template
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}]
    assert chat_encoder.render(messages) == "<user>Be brief.\n\nWho?"
    chat_encoder.tokenizer.chat_template = "{{ raise_exception('never') }}"
    with pytest.raises(ModelUnusable, match="chat: the model's template refuses the messages: never"):
        chat_encoder.render([{"role": "user", "content": "Who?"}])


def test_a_template_that_opens_the_answer_with_words_of_its_own_is_followed(chat_encoder: PromptEncoder) -> None:
    """The generation prompt ends in "Rating:", so letters carry their space; the written answer has the same head."""
    chat_encoder.tokenizer.chat_template = (
        "{% for m in messages %}{{ ('Rating: ' if m['role'] == 'assistant' else '') + m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}Rating:{% endif %}"
    )
    words = chat_encoder.tokenizer.convert_ids_to_tokens(chat_encoder.label_ids(LABELS, "Coat."))
    assert words == [f"Ġ{label}" for label in LABELS]
