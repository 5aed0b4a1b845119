"""The last resort: draw answers and count them, where a server tells no probabilities."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personas.ml.language_model import LABELS, LabelsRefused, Message, ModelUnusable, Sampling
from personas.ml.language_models.remote_model import RemoteModel

OPEN_QUESTION = "Write twelve words that come to mind, with nothing in common:"
DRAWS = 4
HOT = 1.5
"""Temperature at which four texts of some twenty tokens are never the same, unless nothing is drawn."""


class SamplingModel(RemoteModel):
    """Counts `answers` drawn answers a prompt.

    Coarse (with 8 answers nothing is finer than an eighth), dear (a call or an answer each) and marked as "sampling"
    wherever its ratings are shown. smoothing: added to the count of each label (additive smoothing), so that what was
    not drawn stays possible. temperature: of the draws. seed: the first answer's; each further one has the next.
    answer_tokens: longest answer.
    """

    scoring = "sampling"

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key_env: str = "",
        endpoint: str = "auto",
        dialect: str = "auto",
        timeout: float = 60.0,
        retries: int = 5,
        concurrency: int = 4,
        answers: int = 8,
        smoothing: float = 0.1,
        temperature: float = 1.0,
        seed: int = 0,
        answer_tokens: int = 4,
        backoff: float = 0.5,
    ) -> None:
        if answers < 1 or answer_tokens < 1:
            raise ValueError(f"answers, answer_tokens: expected at least 1, received {answers!r}, {answer_tokens!r}")
        if smoothing <= 0:
            raise ValueError(f"smoothing: must be positive, received {smoothing!r}")
        super().__init__(base_url, model, api_key_env, endpoint, dialect, timeout, retries, concurrency, backoff)
        self.answers, self.smoothing, self.temperature, self.seed = answers, smoothing, temperature, seed
        self.answer_tokens = answer_tokens
        self._draws_several = True

    def determining_options(self) -> dict[str, Any]:
        names = ("answers", "smoothing", "temperature", "seed", "answer_tokens")
        return {name: getattr(self, name) for name in names}

    def check_labels(self, labels: Sequence[str]) -> None:
        """Labels are read from text here: they need only differ. The server must really draw, see `check_draws`."""
        if len({label.strip() for label in labels}) < len(labels) or not all(label.strip() for label in labels):
            raise LabelsRefused(f"labels: must differ and not be empty, received {', '.join(map(repr, labels))}")

        self.check_draws()

    def check_draws(self) -> None:
        """Raises ModelUnusable if several drawn texts are one: a server that always takes the likeliest token would
        make a single answer look certain."""
        messages: list[Message] = [{"role": "user", "content": OPEN_QUESTION}]
        texts = {
            self.texts(messages, OPEN_QUESTION, Sampling(temperature=HOT, max_tokens=24, seed=self.seed + index))[0]
            for index in range(DRAWS)
        }
        if len(texts) == 1:
            raise ModelUnusable(
                f"temperature: {DRAWS} texts drawn at {HOT:g} are the same: the server ignores it and the seed"
            )

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str] = LABELS) -> NDArray[np.float32]:
        """Logarithms of smoothed shares: (len(suffixes), len(labels)) float32; prose takes from a row's sum."""
        wanted = tuple(labels)
        drawn = self.in_parallel(lambda suffix: self._draw(prefix + suffix), suffixes)
        rows = [label_shares(texts, wanted, self.smoothing) for texts in drawn]
        return np.log(np.array(rows)).astype(np.float32).reshape(len(rows), len(wanted))

    def _draw(self, prompt: str) -> list[str]:
        messages: list[Message] = [{"role": "user", "content": prompt}]
        texts: list[str] = []
        while len(texts) < self.answers:
            left = self.answers - len(texts) if self._draws_several else 1
            sampling = Sampling(
                temperature=self.temperature, max_tokens=self.answer_tokens, seed=self.seed + len(texts)
            )
            try:
                more = self.texts(messages, prompt, sampling, count=left)[:left]
            except ModelUnusable:
                if left == 1:
                    raise
                more = []  # a server that refuses `n` is asked for one answer at a time
            if len(more) < left:
                self._draws_several = False
            texts += more
        return texts


def label_shares(texts: Sequence[str], labels: Sequence[str], smoothing: float) -> list[float]:
    """Share of each label among the answers, whose sum is below 1 when some answers are no label."""
    counts = dict.fromkeys(labels, smoothing)
    for text in texts:
        label = read_label(text, labels)
        if label is not None:
            counts[label] += 1
    total = len(texts) + smoothing * len(labels)
    return [counts[label] / total for label in labels]


def read_label(text: str, labels: Sequence[str]) -> str | None:
    """The label that an answer opens with, standing alone or before punctuation; None for prose ("A fine coat")."""
    for label in sorted(labels, key=len, reverse=True):
        if re.match(rf"[\s\"'(*\[]*{re.escape(label)}(?:[\s\"')*\]]*$|[\s\"')*\]]*[.:,;)\-–—]|\s*\n)", text):
            return label
    return None
