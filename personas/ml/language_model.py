"""The one protocol behind which every rater stands, simulated or not."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

LABELS: tuple[str, ...] = tuple("ABCDEFGHIJK")
"""Letters for the eleven points of the scale: one token each, which digits and "10" are not."""


class LanguageModel(Protocol):
    """A model that can say how likely each label is as the next word, and can write.

    digest: sha256 of whatever determines its answers.
    """

    name: str

    @property
    def digest(self) -> str: ...

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        """Log-probabilities of each label after prefix + suffix: (len(suffixes), len(labels)) float32."""
        ...

    def generate(self, messages: Sequence[dict[str, str]], schema: dict[str, Any]) -> dict[str, Any]:
        """A JSON object that satisfies `schema`."""
        ...
