"""Leave-one-out by time: what each shopper took last is the test, the one before the validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from recommender.ml.dataset import History, IntArray, Interactions
from recommender.ml.scorers import Scorer

Part = Literal["validation", "test"]


class HeldOut(Protocol):
    """What every way of holding events out offers to training and to evaluation."""

    @property
    def train(self) -> Interactions:
        """What models learn from; its items may be the first part of a longer catalogue."""
        ...

    @property
    def catalogue(self) -> Interactions:
        """The training events over everything that is ranked: popularity, content and groups of every item."""
        ...

    def targets(self, part: Part) -> tuple[IntArray, IntArray]:
        """(users, items), both (T,) int64: who takes what, users ascending, each once per item held out."""
        ...

    def histories(self, part: Part) -> list[History]:
        """What is known when `part` is predicted, one for each distinct user of `targets(part)`, ascending."""
        ...

    def seen(self, part: Part) -> list[IntArray]:
        """The items of those histories, which ranking leaves out."""
        ...

    def prepared(self, scorer: Scorer) -> Scorer:
        """The scorer trained on `train`, ready to score the whole catalogue."""
        ...


@dataclass(frozen=True, eq=False)
class Split:
    """train: Interactions without the held-out events.

    known: Interactions of what may be a history: train and the validation events.
    validation_item, test_item: (n_users,) int64, -1 for users who hold nothing out.
    """

    train: Interactions
    known: Interactions
    validation_item: IntArray
    test_item: IntArray

    @property
    def catalogue(self) -> Interactions:
        return self.train

    def prepared(self, scorer: Scorer) -> Scorer:
        return scorer

    def targets(self, part: Part) -> tuple[IntArray, IntArray]:
        """(users, items), both (U',) int64: who is evaluated and what they took next."""
        if part not in ("validation", "test"):
            raise ValueError(f"part: received {part!r}, expected 'validation' or 'test'")
        held_out = self.validation_item if part == "validation" else self.test_item
        users = np.flatnonzero(held_out >= 0)
        return users, held_out[users]

    def histories(self, part: Part) -> list[History]:
        """What is known when `part` is predicted, for the users of `targets(part)`, oldest → newest.

        For the test that is the training events and the validation item.
        """
        users, _ = self.targets(part)
        return (self.train if part == "validation" else self.known).shoppers(users)

    def seen(self, part: Part) -> list[IntArray]:
        """The items of those histories, which ranking leaves out."""
        return [history.items for history in self.histories(part)]


def leave_one_out(interactions: Interactions) -> Split:
    """Holds out the last two distinct items of every human user with at least three.

    Repeats of a (user, item) are collapsed to the first event: seen items are masked when ranking,
    so only a first encounter can be predicted. Synthetic users stay in the training part whole.
    """
    unique = interactions.deduplicated()
    offsets = unique.offsets
    count = np.diff(offsets)
    users = np.flatnonzero((count >= 3) & ~unique.synthetic_users())
    last = offsets[users + 1] - 1
    validation_item = np.full(unique.n_users, -1, dtype=np.int64)
    test_item = validation_item.copy()
    validation_item[users] = unique.item[last - 1]
    test_item[users] = unique.item[last]
    kept = np.ones(len(unique.item), dtype=bool)
    kept[last] = False
    known = unique.take(kept)
    kept[last - 1] = False
    return Split(train=unique.take(kept), known=known, validation_item=validation_item, test_item=test_item)
