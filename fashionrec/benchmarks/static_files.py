"""Reads interactions that come divided into train and test, without time, or divides them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from fashionrec.benchmarks.sequence_files import numbered_fields
from recommender.ml.dataset import IntArray, Interactions
from recommender.ml.split import Part
from recommender.ml.splits import Held, TargetsSplit

Format = Literal["lightgcn", "allrecipes", "sequences"]
FORMATS: tuple[Format, ...] = ("lightgcn", "allrecipes", "sequences")

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class StaticData:
    """choosing: a part "validation" beside the rest of the training pairs, to choose settings on.

    final: all training pairs, and the part "test".
    left_out: test pairs of users or items that no training line names, or that are training pairs.
    """

    choosing: TargetsSplit
    final: TargetsSplit
    left_out: int


def read_static(data: Path, layout: Format, seed: int) -> StaticData:
    """Reads train and test, and takes a validation part from train: a tenth of every user's items, drawn by chance.

    lightgcn: a folder with train.txt and test.txt of lines `user item item …`.
    allrecipes: a folder with allrecipes_{train,validation,test}.tsv.gz of lines `user item rating`; the validation
        file is training data here.
    sequences: a file of lines `user item item …`; a fifth of every user's items, drawn by chance, is the test.
    Raises ValueError naming file and line where a line is not so.
    """
    if layout == "lightgcn":
        train, test = _lines(data / "train.txt"), _lines(data / "test.txt")
    elif layout == "allrecipes":
        train = _rows(data / "allrecipes_train.tsv.gz") + _rows(data / "allrecipes_validation.tsv.gz")
        test = _rows(data / "allrecipes_test.tsv.gz")
    elif layout == "sequences":
        train, test = _lines(data), []
    else:
        raise ValueError(f"format: received {layout!r}, expected one of {', '.join(FORMATS)}")
    if not train:
        raise ValueError(f"data: {str(data)!r} has no training pairs")
    users = {name: number for number, name in enumerate(dict.fromkeys(user for user, _ in train))}
    # Items are numbered by chance, so that neither the file's numbers nor its order can break a tie.
    names = sorted({item for _, item in train})
    items = dict(zip(names, np.random.default_rng(0).permutation(len(names)).tolist(), strict=True))
    known = np.array([(users[user], items[item]) for user, item in train], dtype=np.int64).T
    judged = [(users[u], items[i]) for u, i in dict.fromkeys(test) if u in users and i in items]
    rng = np.random.default_rng(seed)
    known = known[:, np.sort(np.unique(known[0] * len(items) + known[1], return_index=True)[1])]
    if layout == "sequences":
        known, held_out = _divide(known, 0.2, rng)
        left_out = 0
    else:
        held_out = np.array(judged, dtype=np.int64).reshape(-1, 2).T
        again = np.isin(held_out[0] * len(items) + held_out[1], known[0] * len(items) + known[1])
        held_out = held_out[:, ~again]
        left_out = len(set(test)) - held_out.shape[1]
    if not held_out.size:
        raise ValueError(f"data: {str(data)!r} holds out no item that training names")
    rest, validation = _divide(known, 0.1, rng)
    sizes = (len(users), len(items))
    return StaticData(
        choosing=_holding_out("validation", validation, _interactions(rest, *sizes)),
        final=_holding_out("test", held_out, _interactions(known, *sizes)),
        left_out=left_out,
    )


def _interactions(pairs: IntArray, n_users: int, n_items: int) -> Interactions:
    """Timed by their place in the file."""
    return Interactions.from_events(
        n_users=n_users, n_items=n_items, user=pairs[0], item=pairs[1], time=np.arange(pairs.shape[1])
    )


def _holding_out(part: Part, pairs: IntArray, train: Interactions) -> TargetsSplit:
    users, items = pairs[:, np.lexsort((pairs[1], pairs[0]))]
    held = Held(users=users, items=items, histories=train.shoppers(np.unique(users)))
    return TargetsSplit(train=train, catalogue=train, parts={part: held})


def _divide(pairs: IntArray, share: float, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """(kept, held out): of each user's n pairs round(share × n) are held out, so none where that is 0."""
    order = np.lexsort((rng.random(pairs.shape[1]), pairs[0]))
    user = pairs[0][order]
    count = np.bincount(user)
    rank = np.arange(len(user)) - np.searchsorted(user, user)
    held = np.zeros(len(user), dtype=bool)
    held[order] = rank < np.floor(share * count + 0.5)[user]
    return pairs[:, ~held], pairs[:, held]


def _lines(path: Path) -> Pairs:
    """`user item item …`; a user without items is allowed, as in the files that others use."""
    pairs: Pairs = []
    for number, fields in numbered_fields(path):
        for field in fields:
            if not field.isdigit():
                raise ValueError(f"data: line {number} of {str(path)!r} has {field!r}, expected a number")
        pairs += [(fields[0], item) for item in fields[1:]]
    return pairs


def _rows(path: Path) -> Pairs:
    pairs: Pairs = []
    for number, fields in numbered_fields(path):
        if len(fields) != 3:
            raise ValueError(
                f"data: line {number} of {str(path)!r} has {len(fields)} fields, expected user, item and rating"
            )
        pairs.append((fields[0], fields[1]))
    return pairs
