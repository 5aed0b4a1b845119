"""How a text tower of another project wants its texts: cleaned, cut, framed and padded. No torch."""

from __future__ import annotations

import html
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from catalog.ml.tokenizer import MAX_CHARACTERS

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class TokenLayout:
    """The row of token ids that a tower reads: start, the text's tokens, end, padding.

    clean: whitespace, lower or canonicalize, as open_clip calls them: all repair broken encodings, resolve HTML
        entities and collapse blanks; lower also puts letters in lower case; canonicalize drops punctuation besides
    start: token id in front, None for none
    end, pad: token ids behind the text and up to the length
    """

    length: int
    end: int
    pad: int
    start: int | None = None
    clean: str = "whitespace"

    def __post_init__(self) -> None:
        if self.clean not in _CLEANERS:
            raise ValueError(f"clean: received {self.clean!r}, known are {', '.join(_CLEANERS)}")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TokenLayout:
        """From the `tokens` of an exported encoder's config.json."""
        return cls(**config)

    def as_config(self) -> dict[str, Any]:
        return asdict(self)

    def token_ids(self, tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.int64]:
        """(N, length) int64."""
        # A special token written in a text is only text; this flag is not stored in tokenizer.json.
        tokenizer.encode_special_tokens = True
        before = [] if self.start is None else [self.start]
        room = self.length - len(before) - 1
        ids = np.full((len(texts), self.length), self.pad, dtype=np.int64)
        cleaned = [_CLEANERS[self.clean](text[:MAX_CHARACTERS]) for text in texts]
        encodings = tokenizer.encode_batch(cleaned, add_special_tokens=False)
        for row, encoding in zip(ids, encodings, strict=True):
            tokens = [*before, *encoding.ids[:room], self.end]
            row[: len(tokens)] = tokens
        return ids


def _repaired(text: str) -> str:
    import ftfy  # comes with open_clip; nothing else needs it

    text = text.encode("utf-8", "replace").decode("utf-8")
    return html.unescape(html.unescape(ftfy.fix_text(text)))


def _whitespace(text: str) -> str:
    return " ".join(_repaired(text).split())


def _lower(text: str) -> str:
    return _whitespace(text).lower()


def _canonical(text: str) -> str:
    return " ".join(_repaired(text).strip().replace("_", " ").translate(_NO_PUNCTUATION).lower().split())


_CLEANERS: dict[str, Callable[[str], str]] = {"whitespace": _whitespace, "lower": _lower, "canonicalize": _canonical}
