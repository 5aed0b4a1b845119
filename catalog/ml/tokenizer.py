"""The vocabulary of a text tower: byte-level BPE, so that every text encodes, whatever its script. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

PAD, START, END = "<pad>", "<start>", "<end>"
PAD_ID, START_ID, END_ID = 0, 1, 2
# Far more characters than a context holds tokens of; bounds the work on a hostile text.
MAX_CHARACTERS = 2_000


def train_tokenizer(texts: Iterable[str], *, vocabulary_size: int = 4_000) -> Tokenizer:
    """Learns merges from `texts`. The 256 bytes are always in the vocabulary, which may stay below its size."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, START_ID), (END, END_ID)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=3,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def read_tokenizer(path: Path) -> Tokenizer:
    """Reads tokenizer.json. Raises ValueError naming the path when it is missing or damaged."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises the bare class
        raise ValueError(f"tokenizer: received {str(path)!r}: {error}") from error


def token_ids(tokenizer: Tokenizer, texts: Sequence[str], *, context_length: int) -> NDArray[np.int64]:
    """(N, context_length) int64: start, at most context_length - 2 tokens, end, padding."""
    # A special token written in a text is only text; this flag is not stored in tokenizer.json.
    tokenizer.encode_special_tokens = True
    ids = np.full((len(texts), context_length), PAD_ID, dtype=np.int64)
    for row, encoding in zip(ids, tokenizer.encode_batch([_clean(text) for text in texts]), strict=True):
        tokens = encoding.ids[1:-1][: context_length - 2]
        row[: len(tokens) + 2] = [START_ID, *tokens, END_ID]
    return ids


def _clean(text: str) -> str:
    """At most MAX_CHARACTERS, blanks collapsed, without lone surrogates (they have no UTF-8)."""
    text = text[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    return " ".join(text.split())
