"""Interest that lasts for a visit: who has just taken a dress looks at dresses, whatever their taste."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from recommender.ml.dataset import FloatArray, History, HistoryLike, IntArray, Interactions
from recommender.ml.time_gaps import MINUTE

VISIT_SECONDS = 30 * MINUTE
"""After half an hour without an event a visit has ended, by custom."""

VISIT, LATER, UNKNOWN = range(3)
"""When the next item is taken: within the visit of the one before, after it, or nobody knows."""

DOUBT = 20.0
"""Prior precision of the log-odds, in events that say nothing."""


def transitions(
    train: Interactions, probabilities: NDArray[np.floating], users: IntArray, group: IntArray
) -> NDArray[np.float64]:
    """(T, 3) float64, for each next item of `users`: whether it shares the group of the one before, the chance of that
    by taste alone, and when it was taken (VISIT, LATER or UNKNOWN).
    """
    size = int(group.max(initial=-1)) + 1
    by_group = np.zeros((len(users), size + 1))
    np.add.at(by_group.T, group, np.asarray(probabilities, np.float64).T)
    starts, stops = (np.searchsorted(train.user, users, side=side) for side in ("left", "right"))
    rows = []
    for row in range(len(users)):
        events = slice(starts[row], stops[row])
        items, time, kind = train.item[events], train.time[events], train.kind[events]
        before, after = items[:-1], items[1:]
        known = group[before] >= 0
        own = probabilities[row, before]
        chance = (by_group[row, group[before]] - own) / np.maximum(1 - own, 1e-9)  # nobody takes it again
        when = np.where(
            (kind[:-1] > 0) & (kind[1:] > 0), np.where(np.diff(time) < VISIT_SECONDS, VISIT, LATER), UNKNOWN
        )
        same = group[before] == group[after]
        rows.append(np.stack([same, chance, when], axis=1)[known].astype(np.float64))
    return np.concatenate([*rows, np.zeros((0, 3))])


def fitted(seen: NDArray[np.float64]) -> FloatArray:
    """(3,) float32 log-odds by maximum likelihood, shrunk towards 0; UNKNOWN is learned from all transitions.

    seen: (T, 3) of `transitions`. Raising a group of chance p by η makes it p·e^η / (1 + p·(e^η − 1)).
    """
    odds = np.zeros(3, np.float32)
    for when in (VISIT, LATER, UNKNOWN):
        rows = seen if when == UNKNOWN else seen[seen[:, 2] == when]
        same, chance = rows[:, 0], np.clip(rows[:, 1], 1e-9, 1 - 1e-9)
        value = 0.0
        for _ in range(30):
            raised = chance * np.exp(value) / (1 + chance * (np.exp(value) - 1))
            slope = (same - raised).sum() - DOUBT * value
            step = slope / ((raised * (1 - raised)).sum() + DOUBT)
            value += float(np.clip(step, -1.0, 1.0))
            if abs(step) < 1e-6:
                break
        odds[when] = value
    return odds


def moment(history: HistoryLike) -> int:
    """Whether what comes next is still of the visit of the newest event: VISIT, LATER or UNKNOWN."""
    if not isinstance(history, History) or history.time is None or history.now is None or not len(history):
        return UNKNOWN
    return VISIT if history.now - history.time[-1] < VISIT_SECONDS else LATER


def add_interest(
    scores: FloatArray,
    histories: list[IntArray],
    when: list[int],
    interest: Mapping[str, FloatArray],
    groups: Mapping[str, IntArray],
) -> None:
    """Raises, in place, what shares a group with the newest item of each history.

    scores: (B, n_items); interest: (3,) log-odds of `fitted` by name of a group; groups: (n_items,) by name.
    """
    for name, odds in interest.items():
        group = groups[name]
        for row, items in enumerate(histories):
            if len(items) and group[items[-1]] >= 0:
                scores[row] += odds[when[row]] * (group == group[items[-1]])
