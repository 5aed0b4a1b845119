"""CLIP's own byte-pair vocabulary, as open_clip ships it, in the form that `tokenizers` reads without torch."""

from __future__ import annotations

from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

# A contraction, a run of letters, one digit, or a run of anything else that is no blank.
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
END_OF_WORD = "</w>"


def clip_tokenizer(simple: Any) -> Tokenizer:
    """simple: open_clip's SimpleTokenizer. The result expects cleaned text in lower case and adds no special tokens.

    Equal for every text but one that spells a special token out, which open_clip takes for the token itself.
    """
    merges = sorted(simple.bpe_ranks, key=simple.bpe_ranks.__getitem__)
    tokenizer = Tokenizer(
        models.BPE(
            vocab=dict(simple.encoder),
            merges=merges,
            end_of_word_suffix=END_OF_WORD,
            continuing_subword_prefix="",
            fuse_unk=False,
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
