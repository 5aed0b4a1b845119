"""The one protocol behind which every rater stands, simulated or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

LABELS: tuple[str, ...] = tuple("ABCDEFGHIJK")
"""Letters for the eleven points of the scale: one token each, which digits and "10" are not."""

Message = dict[str, str]
"""{"role": "system" | "user" | "assistant", "content": text}."""

Structure = TypeVar("Structure", bound=BaseModel)


class ModelUnusable(Exception):
    """The model or its server cannot do what is asked of it, and asking again will not help. Says why."""


class LabelsRefused(ModelUnusable):
    """The labels cannot be told apart at the answer position: not one token each, or not distinct."""


class ModelUnavailable(ConnectionError):
    """The server did not answer in time, or said 429 or 5xx after all retries: ask again later."""


class GenerationFailed(Exception):
    """No valid structure after all attempts. `reasons` says for each attempt what was wrong with it."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(f"no valid answer in {len(reasons)} attempts; last: {reasons[-1] if reasons else 'none made'}")
        self.reasons = list(reasons)


@dataclass(frozen=True)
class Sampling:
    """How text is drawn. temperature 0 takes the likeliest token; top_k 0 and top_p 1 keep all of them."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    max_tokens: int = 64
    stop: tuple[str, ...] = ()
    seed: int = 0


@dataclass
class Usage:
    """What a model was asked so far: prompts answered, and their tokens. Only grows."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def since(self, earlier: "Usage") -> "Usage":
        return Usage(
            self.calls - earlier.calls,
            self.prompt_tokens - earlier.prompt_tokens,
            self.completion_tokens - earlier.completion_tokens,
        )

    def copy(self) -> "Usage":
        return Usage(self.calls, self.prompt_tokens, self.completion_tokens)


class LanguageModel(Protocol):
    """A model that can say how likely each label is as the next word, and can write.

    name: what it is, such as "simulated" or the model's own name.
    digest: sha256 hex of whatever determines its answers (weights and tokenizer; server, model name and options).
    scoring: how label probabilities come about: "exact", "bounded" (a server hides the smallest ones),
        "sampling" (counted over drawn answers) or "simulated".
    demonstration: a small model for trying things out.
    usage: counted by the adapter itself; shared prefixes count once per call of the model.
    """

    name: str
    scoring: str
    demonstration: bool
    usage: Usage

    @property
    def digest(self) -> str: ...

    def check_labels(self, labels: Sequence[str]) -> None:
        """Raises LabelsRefused or ModelUnusable, saying why, when `score_labels` could not be trusted."""
        ...

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        """Log-probability of each label as the answer to prefix + suffix: (len(suffixes), len(labels)) float32.

        Not normalised over the labels: the sum of a row's exponentials is the label mass.
        """
        ...

    def complete(self, prompt: str, sampling: Sampling) -> str:
        """The model's continuation of (or, for an instruction model, its answer to) `prompt`."""
        ...

    def generate(
        self, messages: Sequence[Message], schema: type[Structure], *, sampling: Sampling, retries: int = 3
    ) -> Structure:
        """A validated instance of `schema`; at most 1 + `retries` attempts. Raises GenerationFailed."""
        ...
