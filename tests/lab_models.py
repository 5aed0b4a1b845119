"""Language models for the prompt lab's tests: they write from a script, count their calls, and can be made to fail."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from personas.ml.language_model import LabelsRefused, ModelUnavailable, Sampling, Usage
from personas.ml.prompt_text import POINTS


def draw(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")


class WritingModel:
    """Answers a number for a product out of a hash of its prompt; greedy answers ignore the seed.

    `dialect`: number ("7"), clustered (always 6 or 8), prose, everyone (a line each), letter.
    """

    scoring = "exact"
    demonstration = False
    prompts: list[tuple[str, str, Sampling]] = []
    away_after: int | None = None

    def __init__(self, *, name: str = "writer", dialect: str = "number", people: int = 2) -> None:
        self.name, self.dialect, self.people = name, dialect, people
        self.usage = Usage()

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.name} {self.dialect}".encode()).hexdigest()

    def check_labels(self, labels: Sequence[str]) -> None:
        if self.dialect == "mute":
            raise LabelsRefused("the labels are two tokens each")

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        self._count(prefix, Sampling(), len(suffixes))
        rows = []
        for suffix in suffixes:
            persona = prefix.splitlines()[0]
            liked = draw(persona, suffix) % 11
            rows.append([-abs(ord(label) - ord("A") - liked) - 1.0 for label in labels])  # likes a letter, not a point
        values = np.array(rows)
        return (values - np.log(np.exp(values).sum(axis=1, keepdims=True))).astype(np.float32)

    def complete(self, prompt: str, sampling: Sampling) -> str:
        self._count(prompt, sampling, 1)
        chance = draw(self.name, prompt, sampling.seed if sampling.temperature else 0, sampling.temperature)
        point = POINTS[chance % 11]
        if self.dialect == "clustered":
            return f" {6 + 2 * (chance % 2)}"
        if self.dialect == "prose":
            return "It is a nice piece, and it is a nice piece, and I do not know."
        if self.dialect == "everyone":
            return "\n".join(f"{n}: {POINTS[draw(prompt, n) % 11]}" for n in range(1, self.people + 1))
        if self.dialect == "letter":
            return " " + "ABCDEFGHIJK"[chance % 11]
        return f" {point}"

    def generate(self, *args: object, **kwargs: object) -> None:
        raise NotImplementedError

    def _count(self, prompt: str, sampling: Sampling, answers: int) -> None:
        cls = type(self)
        if cls.away_after is not None and len(cls.prompts) >= cls.away_after:
            raise ModelUnavailable("503 after 3 retries")
        cls.prompts.append((self.name, prompt, sampling))
        self.usage.calls += answers
        self.usage.prompt_tokens += 10 * answers
        self.usage.completion_tokens += 2 * answers


class SilentModel(WritingModel):
    """Scores, and cannot write."""

    def complete(self, prompt: str, sampling: Sampling) -> str:
        raise NotImplementedError("complete: it only scores labels")
