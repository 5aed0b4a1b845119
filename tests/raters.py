"""Raters for tests, named by dotted path as any adapter is: good ones, useless ones, and ones that die."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fashionrec.simulation.rater import SimulatedRater
from personas.ml.language_model import LabelsRefused, ModelUnavailable, ModelUnusable, Usage


class SteadyRater(SimulatedRater):
    """A simulated taste that claims to be a language model: exact, repeatable, counted in tokens.

    log: a file to which every prompt asked is appended as its sha256, so that repeated calls can be counted, from
    whichever process they came.
    """

    name = "steady"
    scoring = "exact"

    def __init__(self, *, seed: int = 0, log: str = "", seconds: float = 0.0) -> None:
        super().__init__(seed=seed)
        self.log, self.seconds = log, seconds
        self.usage = Usage()
        self.save_every = 8

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        scores = super().score_labels(prefix, suffixes, labels)
        self.usage.prompt_tokens += 100 * len(suffixes)
        time.sleep(self.seconds)
        if self.log:
            asked = "".join(f"{hashlib.sha256((prefix + s).encode()).hexdigest()}\n" for s in suffixes)
            with Path(self.log).open("a") as stream:
                stream.write(asked)
        return scores


class RandomRater(SteadyRater):
    """Other noise at every call, also for a prompt asked twice; the same in every run of the tests."""

    name = "random"
    scoring = "sampling"

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        rows = []
        for suffix in suffixes:
            self.usage.calls += 1
            rows.append(_noise(f"{self.usage.calls} {prefix}{suffix}", len(labels)))
        return _log_softmax(np.array(rows))


class HashRater(SteadyRater):
    """Noise that depends on the prompt alone: repeatable, and as meaningless."""

    name = "hash"

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        self.usage.calls += len(suffixes)
        return _log_softmax(np.array([_noise(prefix + suffix, len(labels)) for suffix in suffixes]))


class ConstantRater(SteadyRater):
    """The same answer to everything, whatever the letters stand for: the point is constant."""

    name = "constant"

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        self.usage.calls += len(suffixes)
        return np.tile(_log_softmax(np.linspace(0.0, 3.0, len(labels))[None]), (len(suffixes), 1))


class ImpersonalRater(SteadyRater):
    """Judges the product and never reads who is asking."""

    name = "impersonal"

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        return super().score_labels("Gender: woman\nLikes: wool\nDislikes: floral\n", suffixes, labels)


class RefusedRater(SteadyRater):
    """Its labels cannot be told apart."""

    def check_labels(self, labels: Sequence[str]) -> None:
        raise LabelsRefused("labels 'A' and 'B' begin with the same token")


class BreakingRater(SteadyRater):
    """Becomes unusable in the middle: passes the probe, then cannot go on."""

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        if self.usage.calls >= 30:
            raise ModelUnusable("the server says 400: no such model")
        return super().score_labels(prefix, suffixes, labels)


class OddRater(SteadyRater):
    """Cannot say anything about products of one colour, as a server that hides what it finds unlikely."""

    def __init__(self, *, colour: str = "purple", **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.colour = colour

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        if any(f"Colour: {self.colour}" in suffix for suffix in suffixes):
            raise ModelUnusable("top_logprobs: the returned mass is 0.94, at least 0.95 is needed")
        return super().score_labels(prefix, suffixes, labels)


class CrashingRater(SteadyRater):
    """Its own code breaks before it is asked anything."""

    def __init__(self) -> None:
        raise KeyError("settings")


class AwayRater(SteadyRater):
    """A server that is away exactly once, after the probe."""

    gone = 0

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        if self.usage.calls >= 30 and AwayRater.gone == 0:
            AwayRater.gone += 1
            raise ModelUnavailable("503 after 5 attempts")
        return super().score_labels(prefix, suffixes, labels)


def _log_softmax(values: NDArray[np.float64]) -> NDArray[np.float32]:
    shifted = values - values.max(axis=1, keepdims=True)
    return (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))).astype(np.float32)


def _noise(text: str, count: int) -> NDArray[np.float64]:
    """(count,) scores of 0..6 that only `text` decides."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return 6 * np.random.default_rng(seed).random(count)
