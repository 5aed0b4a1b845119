"""A rater of a few thousand weights, and a planted rule for it to learn."""

from __future__ import annotations

import numpy as np
from tokenizers import Tokenizer

from personas.ml.prompt_text import LABEL_ORDERS, PREFIX, SUFFIX, fill_prefix, fill_suffix
from personas.ml.rater_examples import Document, RatedPack
from personas.ml.rater_model import RaterShape
from personas.ml.rater_tokenizer import train_tokenizer

SHAPE = RaterShape(hidden_size=32, layers=2, heads=2, intermediate_size=48, context_length=1_024)
COLOURS = ("red", "blue", "green", "grey")


def tiny_tokenizer() -> Tokenizer:
    words = [*COLOURS, "woman", "man", "coat", "shirt", "linen", "wool", "casual", "low", "high"]
    return train_tokenizer([f" {word}" for word in words] * 20, vocabulary_size=420)


def pack(
    *, seed: int = 0, order: str = "ascending", products: int = 6, gender: str = "woman", bio: str = ""
) -> RatedPack:
    """The planted rule: red is loved (10), everything else is refused (−1), by a distribution of .9 and .01s."""
    rng = np.random.default_rng(seed)
    colours = [COLOURS[int(index)] for index in rng.integers(0, len(COLOURS), products)]
    wanted = np.full((products, 11), 0.01, dtype=np.float32)
    for row, colour in zip(wanted, colours, strict=True):
        row[10 if colour == "red" else 0] = 0.9
    persona = {"name": "Ann", "gender": gender, "style": "casual", "bio": bio}
    return RatedPack(
        prefix=fill_prefix(PREFIX, persona, order=order),
        suffixes=[fill_suffix(SUFFIX, {"title": f"{colour} coat", "colour": colour}) for colour in colours],
        probabilities=wanted,
        order=order,
    )


class PlantedExamples:
    """Examples of the rule, in both label orders."""

    def packs(self, step: int, *, count: int, size: int) -> list[RatedPack]:
        return [pack(seed=1_000 * step + index, order=LABEL_ORDERS[index % 2], products=size) for index in range(count)]

    def documents(self, step: int, *, count: int) -> list[Document]:
        return [Document("Say a colour:", f" {COLOURS[(step + index) % 4]}\n\n") for index in range(count)]
