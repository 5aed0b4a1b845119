"""Training sequences: windows of histories, bucketed by length into batches of roughly equal size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recommender.ml.dataset import FloatArray, IntArray, Interactions, KindArray
from recommender.ml.distributed import own_share, shared_steps
from recommender.ml.time_gaps import gap_code


@dataclass(frozen=True, eq=False)
class SequenceBatch:
    """items: (B, L) int64, padded on the right with 0. weight: (B, L) float32, 0 at padding.

    kind: (B, L) int64 codes of EVENT_KINDS; gap: (B, L) int64 codes of the time since the item before; both 0 where
        unknown and at padding. None where the whole world knows none.
    features: (B, F) float32, what the shopper stated; None where nobody did.
    """

    items: IntArray
    weight: FloatArray
    kind: IntArray | None = None
    gap: IntArray | None = None
    features: FloatArray | None = None


class SequenceBatches:
    """Cuts every history into windows of at most `length` items, counted from its newest end.

    batch_size is in items, not sequences: short histories share a batch with many others.
    Each epoch shuffles synthetic users' items anew, for their order carries no meaning.
    """

    def __init__(self, interactions: Interactions, *, length: int, batch_size: int) -> None:
        self.item = interactions.item
        self.weight = interactions.weight
        self.kind = interactions.kind if interactions.kind.any() else None
        self.gap = _gaps(interactions)
        self.features = interactions.user_features if interactions.user_features.any() else None
        self.user = interactions.user
        self.length = length
        self.batch_size = batch_size
        offsets = interactions.offsets
        self.synthetic = [
            slice(offsets[user], offsets[user + 1]) for user in np.flatnonzero(interactions.synthetic_users())
        ]
        windows = [
            (max(end - length, offsets[user]), end)
            for user in range(interactions.n_users)
            for end in range(offsets[user + 1], offsets[user], -length)
        ]
        self.windows = np.array(windows, dtype=np.int64).reshape(-1, 2)
        lengths = self.windows[:, 1] - self.windows[:, 0]
        self.steps = shared_steps(len(self._cut(lengths[np.argsort(lengths, kind="stable")])))

    def epoch(self, rng: np.random.Generator) -> Iterator[SequenceBatch]:
        """`self.steps` batches in random order; sequences of one batch have nearly one length."""
        order = np.arange(len(self.item))
        for rated in self.synthetic:
            order[rated] = rng.permutation(order[rated])
        shuffled = rng.permutation(self.windows)
        lengths = shuffled[:, 1] - shuffled[:, 0]
        by_length = np.argsort(lengths, kind="stable")
        cuts = self._cut(lengths[by_length])
        for batch in own_share(rng.permutation(len(cuts)).tolist()):
            start, end = cuts[batch]
            windows = shuffled[by_length[start:end]]
            length = windows[-1, 1] - windows[-1, 0]
            position = windows[:, :1] + np.arange(length)
            valid = position < windows[:, 1:]
            events = order[np.where(valid, position, windows[:, :1])]
            # What came before the first item of a window is not read, so the gap to it is not either.
            inside = valid & (np.arange(length) > 0)
            yield SequenceBatch(
                items=np.where(valid, self.item[events], 0),
                weight=np.where(valid, self.weight[events], np.float32(0)),
                kind=None if self.kind is None else np.where(valid, self.kind[events], np.int64(0)),
                gap=None if self.kind is None else np.where(inside, self.gap[events], np.int64(0)),
                features=None if self.features is None else self.features[self.user[windows[:, 0]]],
            )

    def _cut(self, lengths: IntArray) -> list[tuple[int, int]]:
        """Ranges of ascending lengths whose padded size stays within batch_size."""
        cuts, start = [], 0
        for end in range(1, len(lengths) + 1):
            if end == len(lengths) or (end + 1 - start) * lengths[end] > self.batch_size:
                cuts.append((start, end))
                start = end
        return cuts


def _gaps(interactions: Interactions) -> KindArray:
    """(E,) uint8: `time_gaps.gap_codes` of all histories at once; 0 for synthetic users, whose order says nothing."""
    codes = np.zeros(len(interactions.item), dtype=np.uint8)
    kind = interactions.kind
    known = (kind[1:] > 0) & (kind[:-1] > 0) & (interactions.user[1:] == interactions.user[:-1])
    known &= ~interactions.synthetic[1:]
    codes[1:] = np.where(known, gap_code(np.diff(interactions.time)), 0)
    return codes
