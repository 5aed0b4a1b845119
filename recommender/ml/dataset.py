"""Positive interactions of one world, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]


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

    def __post_init__(self) -> None:
        events = self.user.shape[0] if self.user.ndim == 1 else -1
        for name, dtype in _DTYPES.items():
            column = getattr(self, name)
            if column.shape != (events,) or column.dtype != dtype:
                raise ValueError(
                    f"{name}: expected ({events},) {np.dtype(dtype)}, received {column.shape} {column.dtype}"
                )
        if self.content.ndim != 2 or len(self.content) != self.n_items or self.content.dtype != np.float32:
            raise ValueError(
                f"content: expected ({self.n_items}, D) float32, received {self.content.shape} {self.content.dtype}"
            )
        _check_range("user", self.user, self.n_users)
        _check_range("item", self.item, self.n_items)
        for name in ("time", "weight", "content"):
            values = getattr(self, name)
            if not np.isfinite(values).all():
                raise ValueError(f"{name}: received {values[~np.isfinite(values)][0]!r}")
        if (self.weight < 0).any():
            raise ValueError(f"weight: received {self.weight.min()!r}, a weight is at least 0")
        same_user = self.user[1:] == self.user[:-1]
        unsorted = (self.user[1:] < self.user[:-1]) | (same_user & (self.time[1:] < self.time[:-1]))
        if unsorted.any():
            raise ValueError(f"user, time: event {int(unsorted.argmax()) + 1} is not in (user, time) order")
        mixed = same_user & (self.synthetic[1:] != self.synthetic[:-1])
        if mixed.any():
            raise ValueError(f"synthetic: user {self.user[mixed.argmax()]} has both synthetic and human events")

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
    ) -> Interactions:
        """Sorts (stably, so equal times keep their order) and converts events given in any order.

        weight defaults to 1, synthetic to false, content to no content (D = 0).
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
            **{name: column[order] for name, column in columns.items()},
        )

    @property
    def offsets(self) -> IntArray:
        """(n_users + 1,) int64: the events of user u are offsets[u]:offsets[u + 1]."""
        return np.searchsorted(self.user, np.arange(self.n_users + 1)).astype(np.int64)

    def histories(self) -> list[IntArray]:
        """Item indexes per user, oldest → newest; an empty array for a user without events."""
        return np.split(self.item, self.offsets[1:-1]) if self.n_users else []

    def synthetic_users(self) -> NDArray[np.bool_]:
        """(n_users,) bool; a user without events counts as human."""
        flags = np.zeros(self.n_users, dtype=bool)
        flags[self.user[self.synthetic]] = True
        return flags

    def popularity(self) -> NDArray[np.float64]:
        """(n_items,) float64: summed weight of human events, or of synthetic ones while no human has come."""
        human = ~self.synthetic
        counted = human if human.any() else self.synthetic
        counts = np.bincount(self.item[counted], weights=self.weight[counted], minlength=self.n_items)
        return counts.astype(np.float64)

    def take(self, events: NDArray[np.bool_]) -> Interactions:
        """The same world with only the events where the (E,) mask is true."""
        return replace(self, **{name: getattr(self, name)[events] for name in _DTYPES})

    def deduplicated(self) -> Interactions:
        """Each (user, item) once: at its first event, with the largest weight it ever had.

        A shopper who clicks, likes and buys one product told us about one product.
        """
        pair = self.user * self.n_items + self.item
        _, first, group = np.unique(pair, return_index=True, return_inverse=True)
        if len(first) == len(pair):
            return self
        strongest = np.zeros(len(first), np.float32)
        np.maximum.at(strongest, group, self.weight)
        weight = self.weight.copy()
        weight[first] = strongest
        kept = np.zeros(len(pair), dtype=bool)
        kept[first] = True
        return replace(self, weight=weight).take(kept)


_DTYPES = {
    "user": np.int64,
    "item": np.int64,
    "time": np.float64,
    "weight": np.float32,
    "synthetic": np.bool_,
}


def _check_range(name: str, values: IntArray, size: int) -> None:
    outside = (values < 0) | (values >= size)
    if outside.any():
        raise ValueError(f"{name}: received {values[outside.argmax()]}, expected 0 to {size - 1}")
