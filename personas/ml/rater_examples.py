"""What a rater learns from: personas' ratings with their distributions, texts to write, answers preferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Hints:
    """What a teacher can say beside its ratings, to speed up learning; nothing of it is needed to use the model.

    marks: per suffix, spans (start, end, kind) of characters that decide a term, kinds from 0; they may overlap.
    parts: (suffixes, K) float32, the terms that the teacher added up.
    """

    marks: Sequence[Sequence[tuple[int, int, int]]]
    parts: NDArray[np.float32]


@dataclass(frozen=True)
class RatedPack:
    """One prefix, the suffixes that follow it, and the wanted distribution of each.

    probabilities: (suffixes, 11) float32, points of the scale from worst to best; rows sum to 1.
    order: label order of the prefix, "ascending" or "descending".
    """

    prefix: str
    suffixes: Sequence[str]
    probabilities: NDArray[np.float32]
    order: str
    hints: Hints | None = None


@dataclass(frozen=True)
class Document:
    """A prompt and how it should go on."""

    prompt: str
    continuation: str


@dataclass(frozen=True)
class Preference:
    """Of two answers to one prompt, the preferred one and the other."""

    prompt: str
    preferred: str
    rejected: str
