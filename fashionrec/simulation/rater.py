"""A rater with a known truth behind the language-model protocol."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from fashionrec.simulation.rating_scale import SCALE, log_probabilities
from fashionrec.simulation.taste import PRICE_EDGES, Taste, hidden_normal

PERSONA_KEYS = {
    "gender": "gender",
    "age": "age_band",
    "age band": "age_band",
    "region": "region",
    "occupation": "occupation",
    "style": "style",
    "budget": "budget",
    "likes": "likes",
    "dislikes": "dislikes",
}
PRODUCT_KEYS = {
    "brand": "brand",
    "category": "category",
    "gender": "gender",
    "colour": "colour",
    "color": "colour",
    "pattern": "pattern",
    "material": "material",
    "season": "season",
    "style": "style",
    "usage": "style",
    "price": "price",
    "price band": "price_band",
}
_LINE = re.compile(r"^[\s\-*•]*([A-Za-z][A-Za-z ]*?)\s*:\s*(\S.*?)\s*$", re.MULTILINE)


@dataclass
class _Usage:
    """Prompts answered; a simulator reads no tokens."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def since(self, earlier: _Usage) -> _Usage:
        return _Usage(self.calls - earlier.calls)

    def copy(self) -> _Usage:
        return _Usage(self.calls)


class SimulatedRater:
    """Scores labels by the persona-explained taste of a planted world, through noise.

    seed: that of the world. noise: standard deviation added to the taste (which spreads about 1.7),
    one draw per (prefix, suffix), so that asking twice gives the same answer.
    price_edges: where prices part into low, medium and high (World.price_edges of the same catalogue);
    a "Price band" line needs none. Ratings are opinions of a simulator: label them `simulated`.
    """

    name = "simulated"
    scoring = "simulated"
    demonstration = False

    def __init__(self, *, seed: int = 0, noise: float = 0.5, price_edges: tuple[float, float] = PRICE_EDGES) -> None:
        if noise < 0:
            raise ValueError(f"noise: must not be negative, received {noise!r}")
        self.seed, self.noise = seed, noise
        self.price_edges = (float(price_edges[0]), float(price_edges[1]))
        self._taste = Taste(seed=seed)
        self.usage = _Usage()

    @property
    def digest(self) -> str:
        """sha256 hex of everything that determines the answers."""
        config = {"name": self.name, "seed": self.seed, "noise": self.noise, "price_edges": self.price_edges}
        return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        """Log-probabilities of the labels after prefix + suffix: (len(suffixes), 11) float32.

        The i-th label stands for the i-th point of the scale −1, 1, …, 10, whatever it is called. The persona
        is read from the "Key: value" lines of the prefix, the product from those of the suffix; what neither
        names adds nothing. Raises ValueError unless there are 11 labels.
        """
        self.check_labels(labels)
        persona = read_attributes(prefix, "persona")
        products = [read_attributes(suffix, "product") for suffix in suffixes]
        if not products:
            return np.zeros((0, len(SCALE)), dtype=np.float32)
        self.usage.calls += len(products)
        score = self._taste.scores([persona], products, price_edges=self.price_edges)[0]
        if self.noise:
            draws = [hidden_normal(self.seed, "rater", prefix, suffix) for suffix in suffixes]
            score = score + self.noise * np.array(draws)
        return log_probabilities(score).astype(np.float32)

    def check_labels(self, labels: Sequence[str]) -> None:
        """Any 11 labels will do: the simulator reads none of them."""
        if len(labels) != len(SCALE):
            raise ValueError(f"labels: {len(SCALE)} are needed, one per scale point, received {len(labels)}")

    def complete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Always raises NotImplementedError: a simulator writes no text."""
        raise NotImplementedError("complete: the simulated rater only scores labels, it writes no text")

    def generate(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Always raises NotImplementedError: a simulator writes no text."""
        raise NotImplementedError("generate: the simulated rater only scores labels, it writes no text")


def read_attributes(text: str, about: str) -> dict[str, str]:
    """Attributes in the "Key: value" lines of a text about a "persona" or a "product": the first counts."""
    return dict(_read(text, about))


@lru_cache(maxsize=20_000)
def _read(text: str, about: str) -> tuple[tuple[str, str], ...]:
    keys = PERSONA_KEYS if about == "persona" else PRODUCT_KEYS
    found: dict[str, str] = {}
    for key, value in _LINE.findall(text):
        name = keys.get(" ".join(key.lower().split()))
        if name:
            found.setdefault(name, value)
    return tuple(found.items())
