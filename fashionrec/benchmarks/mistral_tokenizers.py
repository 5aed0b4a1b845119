"""Mistral's own tokenizers, whose files the package mistral_common carries."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from personas.ml.language_model import LABELS, LabelsRefused
from personas.ml.language_models.answer_tokens import PromptEncoder, sole_tokens

SENTENCE_PIECE = {
    "Mistral 7B v0.1": "tokenizer.model.v1",
    "Mistral 7B v0.3": "mistral_instruct_tokenizer_240323.model.v3",
}
TEKKEN = {"Mistral Nemo (Tekken)": "tekken_240911.json"}

INSTRUCT = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + '[/INST]' }}{% else %}{{ ' ' + message['content'] + eos_token }}"
    "{% endif %}{% endfor %}"
)
"""As their instruction models are asked: the answer follows [/INST] after a space."""

POINTS = ("-1", *(str(point) for point in range(1, 11)))
NINE_DIGITS = POINTS[1:10]


def available() -> bool:
    return all(find_spec(name) for name in ("mistral_common", "sentencepiece", "google.protobuf"))


def sentence_piece(name: str) -> Any:
    """A tokenizer as `from_pretrained` gives it. name: a key of SENTENCE_PIECE."""
    import transformers

    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(_data() / SENTENCE_PIECE[name], Path(folder) / "tokenizer.model")
        (Path(folder) / "config.json").write_text(json.dumps({"model_type": "mistral"}))
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = INSTRUCT
    return tokenizer


def verdicts() -> Iterator[tuple[str, str, str]]:
    """(tokenizer and how it is asked, labels, "" or why they are refused) for letters, digits and −1..10."""
    sets = {"A..K": LABELS, "1..9": NINE_DIGITS, "-1..10": POINTS}
    for name in SENTENCE_PIECE:
        tokenizer = sentence_piece(name)
        for chat in (False, True):
            encoder = PromptEncoder(tokenizer, chat=chat)
            for which, labels in sets.items():
                yield f"{name}, {'after [/INST]' if chat else 'after Rating:'}", which, _verdict(encoder, labels)
    for name, file in TEKKEN.items():
        from mistral_common.tokens.tokenizers.tekken import Tekkenizer

        tekken = Tekkenizer.from_file(str(_data() / file))
        for which, labels in sets.items():
            yield f"{name}, after Rating:", which, _tekken_verdict(tekken, labels)


def _verdict(encoder: PromptEncoder, labels: Sequence[str]) -> str:
    try:
        encoder.label_ids(labels, "Rating:")
    except LabelsRefused as error:
        return str(error)
    return ""


def _tekken_verdict(tekken: Any, labels: Sequence[str]) -> str:
    def encode(text: str) -> list[int]:
        return list(tekken.encode(text, bos=True, eos=False))

    answers = {label: encode(f"Rating: {label}") for label in labels}
    try:
        sole_tokens(encode("Rating:"), answers, tekken.id_to_piece)
    except LabelsRefused as error:
        return str(error)
    return ""


def _data() -> Path:
    import mistral_common

    return Path(mistral_common.__file__).parent / "data"
