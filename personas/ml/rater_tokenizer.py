"""The tokenizer of a small rater: byte-level BPE, with the fixed words of the prompts as tokens of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from personas.ml import persona_draft, prompt_text
from personas.ml.language_model import LABELS

END = "<|endoftext|>"
END_ID = 0
JSON_PHRASES = (
    ' {"name": "',
    '", "likes": ["',
    '"], "dislikes": ["',
    '"], "brands": ["',
    '"], "bio": "',
    '"}\n\n',
    '", "',
)
_FIELD = re.compile(r"\{[a-z_]+\}")


def fixed_phrases() -> list[str]:
    """Everything that every prompt says in the same words, in pieces that end where a value begins.

    A piece is one token instead of up to sixty: prompts of some 500 tokens become prompts of 200.
    """
    phrases: list[str] = []
    # Lines are left out when their field is empty, so that each line is a piece.
    for text in (prompt_text.PREFIX, prompt_text.SUFFIX, "\n" + persona_draft.ASK + "\n\nJSON:"):
        for part in re.split(r"(?=\n[^\n])", text):
            phrases += [piece.rstrip(" ") for piece in _FIELD.split(part)]
    phrases.append(persona_draft.SYSTEM + "\n")
    for point, meaning in zip(prompt_text.POINTS, prompt_text.MEANINGS, strict=True):
        phrases.append(f": {point} - {meaning}\n")
    phrases += [f"{product} Rating:" for product, _ in prompt_text.EXAMPLES]
    phrases += JSON_PHRASES
    return [phrase for phrase in dict.fromkeys(phrases) if len(phrase.strip()) > 1]


def train_tokenizer(texts: Iterable[str], *, vocabulary_size: int = 4_096, min_frequency: int = 3) -> Tokenizer:
    """Learns merges from `texts` (sentences or words, without the fixed phrases). Digits stay single.

    Any text encodes (the 256 bytes are tokens); " A".." K" are always one token each.
    Raises ValueError unless there is room for bytes and fixed phrases.
    """
    phrases = fixed_phrases()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    room = vocabulary_size - len(phrases)
    if room < 256 + 1 + len(LABELS):
        raise ValueError(
            f"vocabulary_size: at least {257 + len(LABELS) + len(phrases)} needed, received {vocabulary_size}"
        )
    trainer = trainers.BpeTrainer(
        vocab_size=room,
        min_frequency=min_frequency,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    labels = [f" {label}" for label in LABELS] * 100_000
    tokenizer.train_from_iterator(_chain(texts, labels), trainer)
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in phrases])
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, directory: Path, *, context_length: int) -> None:
    """Writes tokenizer.json and tokenizer_config.json as AutoTokenizer reads them."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context_length,
        "eos_token": END,
        "pad_token": END,
        "clean_up_tokenization_spaces": False,
        "padding_side": "right",
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def label_ids(tokenizer: Tokenizer, labels: Sequence[str] = LABELS) -> list[int]:
    """The token of each label after "Rating:". Raises ValueError unless they are single and distinct."""
    ids = [tokenizer.encode(f" {label}", add_special_tokens=False).ids for label in labels]
    if any(len(tokens) != 1 for tokens in ids) or len({tokens[0] for tokens in ids}) < len(ids):
        raise ValueError(f"labels: expected one distinct token each, received {dict(zip(labels, ids, strict=True))}")
    return [tokens[0] for tokens in ids]


def _chain(*many: Iterable[str]) -> Iterable[str]:
    for texts in many:
        yield from texts
