"""Items and users that a training does not see, and the questions asked about them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fashionrec.benchmarks.coldstart_world import ColdStartData
from recommender.ml.dataset import FloatArray, History, IntArray, Interactions
from recommender.ml.split import Split, leave_one_out

UNSEEN_ITEMS = 0.2
"""Share of the items that the test's training has no event of."""
VALIDATION_ITEMS = 0.1
"""Share of other items that the search's training has no event of; in the test they are ordinary items."""
UNSEEN_USERS = 0.15
"""Share of the users without an event in any training."""
PICKS = (1, 3, 5)
"""How many of an unseen user's first items are revealed."""


@dataclass(frozen=True, eq=False)
class Questions:
    """One held-out item each; Q of them.

    user, target: (Q,) int64; targets in the extended catalogue. histories: what the scorer is given.
    seen: Q arrays of items that ranking leaves out.
    """

    user: IntArray
    target: IntArray
    histories: list[History]
    seen: list[IntArray]


@dataclass(frozen=True, eq=False)
class ColdStartSplit:
    """warm: the trained catalogue's events, the last two items of each known user held out.

    warm_items: about the last of those.
    catalogue: (n_items,) the data's item by index in the extended catalogue: trained items, then unseen ones.
    new_content: (N, D), of the unseen ones.
    cold_items: on unseen items, of known users. cold_users: the same last items of unseen users, by what is revealed:
    "1", "3", "5" first picks or "all"; in the test only, since no setting is chosen by them.
    """

    warm: Split
    warm_items: Questions
    catalogue: IntArray
    new_content: FloatArray
    cold_items: Questions
    cold_users: dict[str, Questions]


@dataclass(frozen=True, eq=False)
class Holdout:
    """Which items and users are unseen; (n_items,) and (n_users,) bool."""

    test_items: NDArray[np.bool_]
    validation_items: NDArray[np.bool_]
    users: NDArray[np.bool_]


def draw_holdout(data: ColdStartData, *, seed: int) -> Holdout:
    """Draws among the items and users that have events."""
    rng = np.random.default_rng([seed, 5])
    events = data.interactions
    items = rng.permutation(np.unique(events.item))
    users = rng.permutation(np.unique(events.user))
    test, validation = int(UNSEEN_ITEMS * len(items)), int(VALIDATION_ITEMS * len(items))
    masks = [np.zeros(events.n_items, bool), np.zeros(events.n_items, bool), np.zeros(events.n_users, bool)]
    masks[0][items[:test]] = True
    masks[1][items[test : test + validation]] = True
    masks[2][users[: int(UNSEEN_USERS * len(users))]] = True
    return Holdout(*masks)


def split_for(data: ColdStartData, holdout: Holdout, *, part: str) -> ColdStartSplit:
    """The split of part "validation" or "test". Items of the test do not exist in the validation's catalogue.

    Raises ValueError where nothing is left to ask.
    """
    events = data.interactions
    if part == "validation":
        unseen, absent = holdout.validation_items, holdout.test_items
    else:
        unseen, absent = holdout.test_items, np.zeros(events.n_items, bool)
    trained = np.flatnonzero(~unseen & ~absent)
    catalogue = np.concatenate([trained, np.flatnonzero(unseen)])
    index = np.full(events.n_items, -1, np.int64)
    index[catalogue] = np.arange(len(catalogue))
    present = events.take(index[events.item] >= 0)
    present = replace(
        present,
        item=index[present.item],
        n_items=len(catalogue),
        content=events.content[catalogue],
        groups={name: group[catalogue] for name, group in events.groups.items()},
    )
    on_trained = _only_items(present, len(trained))
    warm = leave_one_out(on_trained.take(~holdout.users[on_trained.user]))
    users, target = warm.targets("test")
    return ColdStartSplit(
        warm=warm,
        warm_items=Questions(users, target, warm.histories("test"), warm.seen("test")),
        catalogue=catalogue,
        new_content=present.content[len(trained) :],
        cold_items=_about_items(present, len(trained), ~holdout.users, ordered=data.ordered),
        cold_users=_about_users(on_trained, holdout.users, ordered=data.ordered) if part == "test" else {},
    )


def _only_items(events: Interactions, count: int) -> Interactions:
    """The first `count` items and their events."""
    kept = events.take(events.item < count)
    return replace(
        kept,
        n_items=count,
        content=events.content[:count],
        groups={name: group[:count] for name, group in events.groups.items()},
    )


def _about_items(events: Interactions, trained: int, users: NDArray[np.bool_], *, ordered: bool) -> Questions:
    """Every event of known users on an unseen item, given the trained items they took before.

    Without an order all their trained items are given, and their other unseen items are left out of the ranking.
    """
    found: list[tuple[int, int, History, IntArray]] = []
    for user, shopper in enumerate(events.shoppers()):
        if not users[user]:
            continue
        for position in np.flatnonzero(shopper.items >= trained).tolist():
            before = np.arange(len(shopper.items)) < (position if ordered else len(shopper.items))
            known = before & (shopper.items < trained)
            if known.any():
                before[position] = False
                found.append(
                    (
                        user,
                        shopper.items[position],
                        _part(shopper, known, position, ordered=ordered),
                        shopper.items[before],
                    )
                )
    if not found:
        raise ValueError("unseen items: no known user took one after a trained item")
    user_column, target, histories, seen = zip(*found, strict=True)
    return Questions(np.array(user_column), np.array(target), list(histories), list(seen))


def _about_users(events: Interactions, users: NDArray[np.bool_], *, ordered: bool) -> dict[str, Questions]:
    """The last item of unseen users with more than the most picks before it, by what is revealed of the others."""
    asked = [
        (user, shopper)
        for user, shopper in enumerate(events.shoppers())
        if users[user] and len(shopper.items) >= max(PICKS) + 2
    ]
    if not asked:
        raise ValueError(f"unseen users: none has {max(PICKS) + 2} items")
    user_column = np.array([user for user, _ in asked])
    target = np.array([shopper.items[-1] for _, shopper in asked])
    seen = [shopper.items[:-1] for _, shopper in asked]
    found = {}
    for name, picks in [*((str(count), count) for count in PICKS), ("all", None)]:
        histories = []
        for _, shopper in asked:
            last = len(shopper.items) - 1
            revealed = np.arange(len(shopper.items)) < (last if picks is None else picks)
            histories.append(_part(shopper, revealed, last, ordered=ordered))
        found[name] = Questions(user_column, target, histories, seen)
    return found


def _part(shopper: History, events: NDArray[np.bool_], asked_at: int, *, ordered: bool) -> History:
    """What a mask leaves of a history, scored when its event `asked_at` happened; without an order no times."""
    time = shopper.time if ordered else None
    return History(
        items=shopper.items[events],
        kind=None if shopper.kind is None else shopper.kind[events],
        time=None if time is None else time[events],
        features=shopper.features,
        now=None if time is None else float(time[asked_at]),
    )
