"""Ways to hold events out, beside leave-one-out: by the calendar, by item, by shopper.

Each protocol is a small configuration with a `split` method; what it makes has the methods of `split.HeldOut`.
Synthetic users are never evaluated and stay in training whole: they have opinions, and no calendar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from recommender.ml.dataset import FloatArray, History, IntArray, Interactions
from recommender.ml.scorers import Scorer
from recommender.ml.split import HeldOut, Part, Split, leave_one_out


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name}: received {value!r}, expected between 0 and 1")


@dataclass(frozen=True, eq=False)
class Held:
    """One part. users, items: (T,) int64 targets, users ascending; histories: one per distinct user, ascending."""

    users: IntArray
    items: IntArray
    histories: list[History]


@dataclass(frozen=True, eq=False)
class TargetsSplit:
    """Several targets per user.

    train: what models learn from. catalogue: the training events over every ranked item.
    parts: what is held out, by part. new_content: (N, D), of the items that follow train's in the catalogue.
    """

    train: Interactions
    catalogue: Interactions
    parts: Mapping[str, Held]
    new_content: FloatArray = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def targets(self, part: Part) -> tuple[IntArray, IntArray]:
        held = self._part(part)
        return held.users, held.items

    def histories(self, part: Part) -> list[History]:
        return self._part(part).histories

    def seen(self, part: Part) -> list[IntArray]:
        return [history.items for history in self.histories(part)]

    def prepared(self, scorer: Scorer) -> Scorer:
        return scorer.extended(self.new_content) if len(self.new_content) else scorer

    def _part(self, part: Part) -> Held:
        if part not in self.parts:
            raise ValueError(f"part: received {part!r}, expected 'validation' or 'test'")
        return self.parts[part]


@dataclass(frozen=True)
class LeaveOneOut:
    """Each shopper's last item is the test, the one before the validation."""

    def split(self, interactions: Interactions) -> Split:
        return leave_one_out(interactions)


@dataclass(frozen=True)
class GlobalTime:
    """Training ends at one moment for everybody; whatever new a shopper takes afterwards is a target.

    validation_share, test_share: of the human events, the latest. Boundaries lie between events of different times.
    """

    validation_share: float = 0.1
    test_share: float = 0.1

    def __post_init__(self) -> None:
        _check_share("validation_share", self.validation_share)
        _check_share("test_share", self.test_share)
        if self.validation_share + self.test_share >= 1:
            raise ValueError(f"validation_share + test_share: received {self.validation_share + self.test_share}")

    def split(self, interactions: Interactions) -> TargetsSplit:
        human = np.sort(interactions.time[~interactions.synthetic])
        if len(human) < 3:
            raise ValueError(f"interactions: received {len(human)} human events, expected at least 3")
        first = human[int(len(human) * (1 - self.validation_share - self.test_share))]
        second = human[int(len(human) * (1 - self.test_share))]
        return split_at(interactions, validation_from=float(first), test_from=float(second))


def split_at(interactions: Interactions, *, validation_from: float, test_from: float) -> TargetsSplit:
    """Training before validation_from, validation up to test_from, test from there on (the clock of `time`).

    interactions: undeduplicated, or an event after a boundary has already raised the weight of one before it.
    Evaluated are human shoppers known before the boundary, who took something new after it; histories, the popularity
    that trainers count, and what is masked end at the boundary. Raises ValueError if the boundaries do not ascend.
    """
    if not validation_from < test_from:
        raise ValueError(f"validation_from, test_from: received {validation_from} and {test_from}")
    human, time = ~interactions.synthetic, interactions.time
    before = {
        "validation": interactions.take(~human | (time < validation_from)).deduplicated(),
        "test": interactions.take(~human | (time < test_from)).deduplicated(),
    }
    after = {
        "validation": interactions.take(human & (time >= validation_from) & (time < test_from)).deduplicated(),
        "test": interactions.take(human & (time >= test_from)).deduplicated(),
    }
    now = {"validation": validation_from, "test": test_from}
    parts = {name: _continued(before[name], after[name], now[name]) for name in before}
    return TargetsSplit(train=before["validation"], catalogue=before["validation"], parts=parts)


def _continued(before: Interactions, after: Interactions, now: float) -> Held:
    """Targets: the pairs of `after` that are not in `before`, of users who are in `before`."""
    known = np.diff(before.offsets) > 0
    pair = after.user * after.n_items + after.item
    new = known[after.user] & ~np.isin(pair, before.user * before.n_items + before.item)
    users = after.user[new]
    histories = [replace(history, now=now) for history in before.shoppers(np.unique(users))]
    return Held(users=users, items=after.item[new], histories=histories)


@dataclass(frozen=True)
class ColdItems:
    """Items nobody has taken yet: all their events, ratings too, are out of training, and are the targets.

    They are ranked against the whole catalogue by their content. A shopper's history is what they took before their
    first target of the part, cold items left out; shoppers without one are not evaluated.

    validation_share, test_share: of the items that human shoppers took. seed: draws the items.
    """

    validation_share: float = 0.1
    test_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        _check_share("validation_share", self.validation_share)
        _check_share("test_share", self.test_share)

    def split(self, interactions: Interactions) -> TargetsSplit:
        """Item indexes of the result: those in training keep their order and come first, the cold ones follow."""
        unique = interactions.deduplicated()
        taken = np.random.default_rng(self.seed).permutation(np.unique(unique.item[~unique.synthetic]))
        counts = [max(1, round(len(taken) * share)) for share in (self.validation_share, self.test_share)]
        if sum(counts) >= len(taken):
            raise ValueError(f"interactions: received {len(taken)} items with human events, expected more to hold out")
        cold = {"validation": taken[: counts[0]], "test": taken[counts[0] : sum(counts)]}
        is_cold = np.zeros(unique.n_items, bool)
        is_cold[np.concatenate([*cold.values()])] = True
        order = np.concatenate([np.flatnonzero(~is_cold), np.flatnonzero(is_cold)])
        world = _reordered(unique, order)
        n_warm = int((~is_cold).sum())
        warm = world.take(world.item < n_warm)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        train = replace(
            warm,
            n_items=n_warm,
            content=warm.content[:n_warm],
            groups={name: group[:n_warm] for name, group in warm.groups.items()},
        )
        return TargetsSplit(
            train=train,
            catalogue=warm,
            parts={name: _first_met(world, place[items], n_warm) for name, items in cold.items()},
            new_content=world.content[n_warm:],
        )


def _first_met(world: Interactions, items: IntArray, n_warm: int) -> Held:
    """Targets: human events on `items`; history: warm events before the user's first of them."""
    is_target = np.isin(world.item, items) & ~world.synthetic
    first = np.full(world.n_users, np.inf)
    position = np.arange(len(world.item))
    np.minimum.at(first, world.user[is_target], position[is_target])
    past = world.take((position < first[world.user]) & np.isfinite(first[world.user]) & (world.item < n_warm))
    kept = is_target & (np.diff(past.offsets) > 0)[world.user]
    users, now = world.user[kept], world.time
    histories = [
        replace(history, now=float(now[int(first[user])]))
        for user, history in zip(np.unique(users), past.shoppers(np.unique(users)), strict=True)
    ]
    return Held(users=users, items=world.item[kept], histories=histories)


@dataclass(frozen=True)
class ColdUsers:
    """Shoppers nobody has met: all their events are out of training, and their first items are revealed.

    reveal: how many first items are known when the rest is predicted. reveals: all numbers that are compared; the
    targets are what follows the largest, so that only the histories differ.
    validation_share, test_share: of the human shoppers with enough items. seed: draws the shoppers.
    """

    reveal: int = 5
    reveals: tuple[int, ...] = (1, 3, 5)
    validation_share: float = 0.1
    test_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "reveals", tuple(self.reveals))  # JSON brings lists
        _check_share("validation_share", self.validation_share)
        _check_share("test_share", self.test_share)
        if self.reveal not in self.reveals or min(self.reveals) < 1:
            raise ValueError(f"reveal: received {self.reveal}, expected one of {self.reveals}, each at least 1")

    def split(self, interactions: Interactions) -> TargetsSplit:
        unique = interactions.deduplicated()
        enough = np.flatnonzero((np.diff(unique.offsets) > max(self.reveals)) & ~unique.synthetic_users())
        drawn = np.random.default_rng(self.seed).permutation(enough)
        counts = [max(1, round(len(enough) * share)) for share in (self.validation_share, self.test_share)]
        if sum(counts) > len(enough):
            raise ValueError(
                f"interactions: received {len(enough)} shoppers with more than {max(self.reveals)} items, "
                f"expected at least {sum(counts)}"
            )
        groups = {"validation": drawn[: counts[0]], "test": drawn[counts[0] : sum(counts)]}
        train = unique.take(~np.isin(unique.user, drawn[: sum(counts)]))
        parts = {name: self._revealed(unique, np.sort(users)) for name, users in groups.items()}
        return TargetsSplit(train=train, catalogue=train, parts=parts)

    def _revealed(self, unique: Interactions, users: IntArray) -> Held:
        turn = np.arange(len(unique.item)) - unique.offsets[unique.user]
        own = np.isin(unique.user, users)
        later = own & (turn >= max(self.reveals))
        past = unique.take(own & (turn < self.reveal))
        return Held(users=unique.user[later], items=unique.item[later], histories=past.shoppers(users))


@dataclass(frozen=True)
class FirstTargets:
    """A split seen as if every user had only their first target: for what learns from one target per user."""

    whole: HeldOut

    @property
    def train(self) -> Interactions:
        return self.whole.train

    @property
    def catalogue(self) -> Interactions:
        return self.whole.catalogue

    def targets(self, part: Part) -> tuple[IntArray, IntArray]:
        users, items = self.whole.targets(part)
        first = np.flatnonzero(np.diff(users, prepend=-1))
        return users[first], items[first]

    def histories(self, part: Part) -> list[History]:
        return self.whole.histories(part)

    def seen(self, part: Part) -> list[IntArray]:
        return self.whole.seen(part)

    def prepared(self, scorer: Scorer) -> Scorer:
        return self.whole.prepared(scorer)


EvaluationProtocol = LeaveOneOut | GlobalTime | ColdItems | ColdUsers

PROTOCOLS: dict[str, EvaluationProtocol] = {
    "leave_one_out": LeaveOneOut(),
    "global_time": GlobalTime(),
    "cold_items": ColdItems(),
    "cold_users_1": ColdUsers(reveal=1),
    "cold_users_3": ColdUsers(reveal=3),
    "cold_users_5": ColdUsers(reveal=5),
}
"""What a study knows by name."""


def protocol_of(name: str, parameters: Mapping[str, Any] | None = None) -> EvaluationProtocol:
    """The named protocol with `parameters` over its own. Raises ValueError naming what is unknown or impossible."""
    if name not in PROTOCOLS:
        raise ValueError(f"protocol: received {name!r}, expected one of {', '.join(PROTOCOLS)}")
    protocol = PROTOCOLS[name]
    known = {field.name for field in fields(protocol)}
    for parameter in parameters or {}:
        if parameter not in known:
            raise ValueError(f"{parameter}: unknown parameter of {name}, expected one of {', '.join(sorted(known))}")
    return replace(protocol, **(parameters or {}))


def held_out_events(split: HeldOut) -> dict[str, int]:
    """How many events are learned from and how many are targets, by part."""
    return {
        "train": len(split.train.item),
        "validation": len(split.targets("validation")[0]),
        "test": len(split.targets("test")[0]),
    }


def _reordered(interactions: Interactions, order: IntArray) -> Interactions:
    """The same events where item i is the former item order[i]."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return replace(
        interactions,
        item=place[interactions.item],
        content=interactions.content[order],
        groups={name: group[order] for name, group in interactions.groups.items()},
    )
