"""Interactions that are written to files as they come, so that memory holds one block of them at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.ml.dataset import EVENT_DTYPES, FloatArray, IntArray, Interactions, KindArray, first_encounters
from recommender.ml.mapped_arrays import ColumnFiles


class InteractionsWriter:
    """Deduplicates events and appends them to files; what it finishes equals `Interactions(…).deduplicated()`.

    Events come in (user, time) order, in blocks of any size. The newest user's are kept in memory until the next
    user's come, for only then is it known what that user took: memory holds a block and the events of one user.

    repeats: keep every event instead, for whoever divides by time what happened and must not merge across the divide.
    """

    def __init__(self, folder: Path, *, n_items: int, repeats: bool = False) -> None:
        self.n_items = n_items
        self._repeats = repeats
        self._columns = ColumnFiles(folder, EVENT_DTYPES)
        self._open: dict[str, NDArray] = {name: np.zeros(0, dtype) for name, dtype in EVENT_DTYPES.items()}

    @property
    def events(self) -> int:
        """Deduplicated events that are in the files."""
        return self._columns.rows

    def append(
        self,
        *,
        user: IntArray,
        item: IntArray,
        time: NDArray[np.float64],
        weight: FloatArray,
        synthetic: NDArray[np.bool_],
        kind: KindArray,
    ) -> None:
        """All (n,), of the types that `Interactions` has. Raises ValueError for a user who comes before the last one.

        Everything else is checked when all is there.
        """
        if not len(user):
            return
        if len(self._open["user"]) and user[0] < self._open["user"][-1]:
            raise ValueError(f"user: received {user[0]} after {self._open['user'][-1]}, expected users in order")
        given = {"user": user, "item": item, "time": time, "weight": weight, "synthetic": synthetic, "kind": kind}
        both = {name: np.concatenate([self._open[name], given[name]]) for name in EVENT_DTYPES}
        whole = int(np.searchsorted(both["user"], both["user"][-1]))
        self._store({name: column[:whole] for name, column in both.items()})
        self._open = {name: column[whole:].copy() for name, column in both.items()}

    def finish(
        self,
        *,
        n_users: int,
        content: FloatArray,
        groups: Mapping[str, IntArray],
        user_features: FloatArray | None = None,
    ) -> Interactions:
        """The interactions, as arrays that are mapped from the files; nothing can be appended any more."""
        self._store(self._open)
        return Interactions(
            n_users=n_users,
            n_items=self.n_items,
            content=content,
            groups=groups,
            user_features=user_features,  # type: ignore[arg-type]  # None: filled in with no features
            **self._columns.mapped(),
        )

    def close(self) -> None:
        self._columns.close()

    def _store(self, columns: dict[str, NDArray]) -> None:
        if not len(columns["user"]):
            return
        if self._repeats:
            self._columns.append(columns)
            return
        kept, weight, kind = first_encounters(
            columns["user"], columns["item"], columns["weight"], columns["kind"], n_items=self.n_items
        )
        merged = columns | {"weight": weight, "kind": kind}
        self._columns.append({name: column[kept] for name, column in merged.items()})
