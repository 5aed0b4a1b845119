"""Which persona rates which product: evenly, and every product by people who differ."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CHARACTERS_PER_TOKEN = 4.0
"""What a token of English is worth, for estimates before any model has counted."""


def spread_order(attributes: Sequence[Sequence[str]], *, window: int, generator: np.random.Generator) -> list[int]:
    """An order of people in which any `window` in a row share as few attribute values as possible.

    attributes: (P, A) words, one row a person. Greedy: the next person is one who has least in common with the
    window − 1 before; ties are drawn. O(P² A): 10,000 people take seconds.
    """
    columns = [np.unique(column, return_inverse=True)[1] for column in zip(*attributes, strict=True)]
    codes = np.array(columns, dtype=np.int64).T.reshape(len(attributes), -1)
    people = len(codes)
    jitter = generator.random(people) * 0.5
    left = np.ones(people, dtype=bool)
    chosen: list[int] = []
    in_common = np.zeros(people)  # with the window − 1 before, kept up by adding one and taking one off
    for _ in range(people):
        pick = int(np.where(left, in_common + jitter, np.inf).argmin())
        left[pick] = False
        chosen.append(pick)
        in_common += _shared(codes, pick)
        if len(chosen) >= window:
            in_common -= _shared(codes, chosen[len(chosen) - window])
    return chosen


def _shared(codes: NDArray[np.int64], person: int) -> NDArray[np.float64]:
    """(P,) how many attribute values each one has in common with `person`."""
    return np.asarray((codes == codes[person]).sum(axis=1), dtype=np.float64)


def assign(
    products: Sequence[int], order: Sequence[int], *, raters: int, generator: np.random.Generator
) -> list[list[int]]:
    """Products per person: each product by `raters` different people next to each other in `order`, evenly.

    Returns one sorted list per person; loads differ by at most one.
    """
    people = len(order)
    assigned: list[list[int]] = [[] for _ in range(people)]
    for position, product in enumerate(generator.permutation(np.asarray(products, dtype=np.int64))):
        for rater in range(raters):
            assigned[order[(position * raters + rater) % people]].append(int(product))
    return [sorted(product_ids) for product_ids in assigned]


def estimate_tokens(characters: float) -> int:
    return round(characters / CHARACTERS_PER_TOKEN)
