"""Positive interactions of one world, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recommender.ml.mapped_arrays import blocks, take_rows

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
KindArray = NDArray[np.uint8]

EVENT_KINDS = ("unknown", "view", "click", "dwell", "like", "basket_add", "purchase", "rating")
"""What a shopper did with an item, by the code in `Interactions.kind`; towers learn one embedding for each.

New kinds are added at the end: the codes are in stored artifacts.
"""


def kind_code(name: str) -> int:
    """The code of an event type or "rating"; 0 for what no model tells apart."""
    return EVENT_KINDS.index(name) if name in EVENT_KINDS else 0


@dataclass(frozen=True, eq=False)
class History:
    """What is known of one shopper when items are scored for them; L items.

    items: (L,) int64 item indexes, oldest → newest.
    kind: (L,) uint8 codes of EVENT_KINDS; None: unknown.
    time: (L,) float64 seconds since any fixed origin; None: unknown.
    features: (F,) float32 vector of what the shopper stated, in words or by their persona; None: nothing.
    now: when the items are scored, on the same clock as `time`; None: right after the newest.
    """

    items: IntArray
    kind: KindArray | None = None
    time: NDArray[np.float64] | None = None
    features: FloatArray | None = None
    now: float | None = None

    def __len__(self) -> int:
        return len(self.items)


HistoryLike = History | IntArray
"""A scorer takes bare item indexes as well."""


def item_histories(histories: Sequence[HistoryLike]) -> list[IntArray]:
    """The item indexes of each history."""
    return [history.items if isinstance(history, History) else history for history in histories]


@dataclass(frozen=True, eq=False)
class Interactions:
    """Positive interactions, sorted by (user, time); E events.

    n_users, n_items: sizes of the two index spaces; users and items without an event are allowed.
    user, item: (E,) int64, in [0, n_users) and [0, n_items).
    time: (E,) float64, seconds since any fixed origin.
    weight: (E,) float32 ≥ 0, what the event counts for in a loss or a count.
    synthetic: (E,) bool, true for pseudo-users made of persona ratings. A user is wholly synthetic or
        wholly human; the order of a synthetic user's events carries no meaning.
    content: (n_items, D) float32, L2-normalised content vectors, zero rows where an item has none.
        D may be 0.
    kind: (E,) uint8, codes of EVENT_KINDS: what the shopper did, as far as it was known before their next item.
    user_features: (n_users, F) float32, what a shopper stated, zero rows for nothing. F may be 0.
    groups: what items share, by name ("brand", "category"): (n_items,) int64 group numbers, -1 for none.

    Arrays may be mapped from files (recommender.ml.mapped_arrays): they are then checked, deduplicated and taken
    from in blocks, so that they never have to fit into memory.

    Raises ValueError naming the field and the value received when any of this does not hold.
    Use `from_events` for unsorted input.
    """

    n_users: int
    n_items: int
    user: IntArray
    item: IntArray
    time: NDArray[np.float64]
    weight: FloatArray
    synthetic: NDArray[np.bool_]
    content: FloatArray
    kind: KindArray = field(default=None)  # type: ignore[arg-type]  # filled in below
    user_features: FloatArray = field(default=None)  # type: ignore[arg-type]
    groups: Mapping[str, IntArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        events = self.user.shape[0] if self.user.ndim == 1 else -1
        if self.kind is None:
            object.__setattr__(self, "kind", np.zeros(max(events, 0), np.uint8))
        if self.user_features is None:
            object.__setattr__(self, "user_features", np.zeros((self.n_users, 0), np.float32))
        for name, dtype in EVENT_DTYPES.items():
            column = getattr(self, name)
            if column.shape != (events,) or column.dtype != dtype:
                raise ValueError(
                    f"{name}: expected ({events},) {np.dtype(dtype)}, received {column.shape} {column.dtype}"
                )
        if self.content.ndim != 2 or len(self.content) != self.n_items or self.content.dtype != np.float32:
            raise ValueError(
                f"content: expected ({self.n_items}, D) float32, received {self.content.shape} {self.content.dtype}"
            )
        features = self.user_features
        if features.ndim != 2 or len(features) != self.n_users or features.dtype != np.float32:
            raise ValueError(
                f"user_features: expected ({self.n_users}, F) float32, received {features.shape} {features.dtype}"
            )
        for name, group in self.groups.items():
            if group.shape != (self.n_items,) or group.dtype != np.int64:
                raise ValueError(f"groups: expected ({self.n_items},) int64 for {name!r}, received {group.shape}")
        for name in ("content", "user_features"):
            for rows in blocks(len(matrix := getattr(self, name)), matrix.itemsize * matrix.shape[1]):
                _check_finite(name, matrix[rows])
        for events_of in blocks(events, overlap=1):
            self._check_events(events_of)

    def _check_events(self, events: slice) -> None:
        user, time, weight = self.user[events], self.time[events], self.weight[events]
        _check_range("kind", self.kind[events], len(EVENT_KINDS))
        _check_range("user", user, self.n_users)
        _check_range("item", self.item[events], self.n_items)
        _check_finite("time", time)
        _check_finite("weight", weight)
        if (weight < 0).any():
            raise ValueError(f"weight: received {weight.min()!r}, a weight is at least 0")
        same_user = user[1:] == user[:-1]
        unsorted = (user[1:] < user[:-1]) | (same_user & (time[1:] < time[:-1]))
        if unsorted.any():
            raise ValueError(
                f"user, time: event {events.start + int(unsorted.argmax()) + 1} is not in (user, time) order"
            )
        synthetic = self.synthetic[events]
        mixed = same_user & (synthetic[1:] != synthetic[:-1])
        if mixed.any():
            raise ValueError(f"synthetic: user {user[mixed.argmax()]} has both synthetic and human events")

    @classmethod
    def from_events(
        cls,
        *,
        n_users: int,
        n_items: int,
        user: ArrayLike,
        item: ArrayLike,
        time: ArrayLike,
        weight: ArrayLike | None = None,
        synthetic: ArrayLike | None = None,
        content: ArrayLike | None = None,
        kind: ArrayLike | None = None,
        user_features: ArrayLike | None = None,
        groups: Mapping[str, ArrayLike] | None = None,
    ) -> Interactions:
        """Sorts (stably, so equal times keep their order) and converts events given in any order.

        weight defaults to 1, synthetic to false, kind to unknown, content and user_features to none (D = F = 0).
        """
        users = np.asarray(user, dtype=np.int64)
        times = np.asarray(time, dtype=np.float64)
        if users.shape != times.shape:
            raise ValueError(f"time: expected {users.shape}, received {times.shape}")
        order = np.lexsort((times, users))
        columns: dict[str, np.ndarray] = {
            "item": np.asarray(item, dtype=np.int64),
            "weight": np.ones(len(users), np.float32) if weight is None else np.asarray(weight, np.float32),
            "synthetic": np.zeros(len(users), bool) if synthetic is None else np.asarray(synthetic, bool),
            "kind": np.zeros(len(users), np.uint8) if kind is None else np.asarray(kind, np.uint8),
        }
        for name, column in columns.items():
            if column.shape != users.shape:
                raise ValueError(f"{name}: expected {users.shape}, received {column.shape}")
        return cls(
            n_users=int(n_users),
            n_items=int(n_items),
            user=users[order],
            time=times[order],
            content=np.zeros((n_items, 0), np.float32) if content is None else np.asarray(content, np.float32),
            user_features=None if user_features is None else np.asarray(user_features, np.float32),  # type: ignore[arg-type]
            groups={name: np.asarray(group, np.int64) for name, group in (groups or {}).items()},
            **{name: column[order] for name, column in columns.items()},
        )

    @property
    def offsets(self) -> IntArray:
        """(n_users + 1,) int64: the events of user u are offsets[u]:offsets[u + 1]."""
        return np.searchsorted(self.user, np.arange(self.n_users + 1)).astype(np.int64)

    def histories(self) -> list[IntArray]:
        """Item indexes per user, oldest → newest; an empty array for a user without events."""
        return np.split(self.item, self.offsets[1:-1]) if self.n_users else []

    def shoppers(self, users: ArrayLike | None = None) -> list[History]:
        """What is known of each of `users` (all of them by default), oldest → newest."""
        offsets = self.offsets
        known = np.asarray(self.user_features.any(axis=1))
        chosen = np.arange(self.n_users) if users is None else np.asarray(users, dtype=np.int64)
        found = []
        for user in chosen.tolist():
            events = slice(offsets[user], offsets[user + 1])
            features = self.user_features[user] if known[user] else None
            found.append(History(self.item[events], self.kind[events], self.time[events], features))
        return found

    def synthetic_users(self) -> NDArray[np.bool_]:
        """(n_users,) bool; a user without events counts as human."""
        flags = np.zeros(self.n_users, dtype=bool)
        for events in blocks(len(self.user)):
            flags[self.user[events][self.synthetic[events]]] = True
        return flags

    def popularity(self) -> NDArray[np.float64]:
        """(n_items,) float64: summed weight of human events, or of synthetic ones while no human has come."""
        counts = np.zeros(self.n_items)
        counted = bool(self.synthetic.all())
        for events in blocks(len(self.user)):
            of_kind = self.synthetic[events] == counted
            np.add.at(counts, self.item[events][of_kind], self.weight[events][of_kind])
        return counts

    def human(self) -> Interactions:
        """Without synthetic users' events, whose order says nothing."""
        return self.take(~self.synthetic) if self.synthetic.any() else self

    def take(self, events: NDArray[np.bool_]) -> Interactions:
        """The same world with only the events where the (E,) mask is true."""
        taken: dict[str, Any] = {name: take_rows(getattr(self, name), events) for name in EVENT_DTYPES}
        return replace(self, **taken)

    def deduplicated(self) -> Interactions:
        """Each (user, item) once, as `first_encounters` merges them."""
        kept = np.ones(len(self.user), dtype=bool)
        weight, kind = self.weight, self.kind
        for events in self._blocks_of_users():
            kept[events], strongest, weightiest = first_encounters(
                self.user[events], self.item[events], self.weight[events], self.kind[events], n_items=self.n_items
            )
            if not kept[events].all():
                if weight is self.weight:
                    weight, kind = self.weight.copy(), self.kind.copy()
                weight[events], kind[events] = strongest, weightiest
        return self if weight is self.weight else replace(self, weight=weight, kind=kind).take(kept)

    def _blocks_of_users(self) -> Iterator[slice]:
        """Slices of all events, each of whole users and of no more than a block where a user has less."""
        start, longest = 0, next(blocks(len(self.user)), slice(0, 0)).stop
        while start < len(self.user):
            end = start + longest
            if end < len(self.user):
                begin_of_cut = int(np.searchsorted(self.user, self.user[end]))
                whole = begin_of_cut > start
                end = begin_of_cut if whole else int(np.searchsorted(self.user, self.user[end], side="right"))
            yield slice(start, min(end, len(self.user)))
            start = end


def first_encounters(
    user: IntArray, item: IntArray, weight: FloatArray, kind: KindArray, *, n_items: int
) -> tuple[NDArray[np.bool_], FloatArray, KindArray]:
    """Merges events of the same (user, item) into its first event, with the largest weight it ever had.

    All (n,), in (user, time) order, every user's events complete. Returns (n,) which events are first, and weight and
    kind, which are right for these.

    A shopper who clicks, likes and buys one product told us about one product. The kind is the weightiest up to
    the shopper's next new item, not of all time: when that one is predicted, nobody knows what comes later.
    """
    pair = user * n_items + item
    _, first, group = np.unique(pair, return_index=True, return_inverse=True)
    kept = np.zeros(len(pair), dtype=bool)
    kept[first] = True
    if len(first) == len(pair):
        return kept, weight, kind
    strongest = np.zeros(len(first), np.float32)
    np.maximum.at(strongest, group, weight)
    weights = weight.copy()
    weights[first] = strongest
    visit = np.cumsum(kept)
    during = np.flatnonzero(visit == visit[first[group]])
    ascending = during[np.lexsort((weight[during], group[during]))]
    kinds = kind.copy()
    kinds[first[group[ascending]]] = kind[ascending]  # of equal indexes the last, weightiest, stays
    return kept, weights, kinds


EVENT_DTYPES: Mapping[str, type] = {
    "user": np.int64,
    "item": np.int64,
    "time": np.float64,
    "weight": np.float32,
    "synthetic": np.bool_,
    "kind": np.uint8,
}
"""Columns of events, by their field in `Interactions`."""


def _check_range(name: str, values: IntArray | KindArray, size: int) -> None:
    outside = (values < 0) | (values >= size)
    if outside.any():
        raise ValueError(f"{name}: received {values[outside.argmax()]}, expected 0 to {size - 1}")


def _check_finite(name: str, values: NDArray[np.floating]) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        raise ValueError(f"{name}: received {values[~finite][0]!r}")
