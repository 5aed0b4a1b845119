"""How long ago, in a few steps: gaps between events as codes that a tower learns one embedding for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.ml.dataset import History, IntArray, KindArray

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0

GAP_EDGES = (10.0, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 12 * HOUR, 2 * DAY, 7 * DAY, 30 * DAY, 90 * DAY)
"""Seconds at which a new code begins: from a glance to a season, each step three to seven times the one before.

Half an hour is where a visit ends by custom. The codes are in stored artifacts: never change the edges.
"""

GAP_CODES = len(GAP_EDGES) + 2
"""0 for an unknown gap, then 1 for less than the first edge, up to the last."""


def gap_codes(time: NDArray[np.float64], kind: KindArray) -> IntArray:
    """(L,) int64: code of the gap between each event of one history and the one before it; 0 where it is unknown.

    time: (L,) float64 seconds, ascending; kind: (L,) uint8 codes of EVENT_KINDS. The first event has none before it.
    The time of an event of unknown kind is taken for its place in an order and nothing more, as files have it that
    name no times.
    """
    codes = np.zeros(len(time), dtype=np.int64)
    known = (kind[1:] > 0) & (kind[:-1] > 0)
    codes[1:] = np.where(known, gap_code(np.diff(time)), 0)
    return codes


def gap_code(seconds: NDArray[np.float64] | float) -> IntArray:
    """Code of a gap, from 1 on; a negative one (clocks differ) counts as none at all."""
    return np.asarray(1 + np.searchsorted(GAP_EDGES, seconds, side="right"), dtype=np.int64)


def event_codes(history: History, *, length: int, kinds: int) -> IntArray:
    """(l, 2) int64 codes of kind and gap of the latest l = min(length, L) events of a history; 0: unknown.

    kinds: how many kinds the tower knows; one that came later is unknown to it.
    The time since the newest event is not among them, though serving knows it: in planted worlds, where interest in a
    category ends with a visit, a tower that read it ranked no better (NDCG@10 .156 against .157 within a visit).
    """
    size = min(length, len(history))
    codes = np.zeros((size, 2), dtype=np.int64)
    if history.kind is None or not size:
        return codes
    kind = history.kind[-size:]
    codes[:, 0] = np.where(kind < kinds, kind, 0)
    if history.time is not None:
        codes[:, 1] = gap_codes(history.time[-size:], kind)
    return codes
