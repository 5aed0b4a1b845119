"""Training sequences: windows of histories, bucketed by length into batches of roughly equal size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recommender.ml.dataset import FloatArray, IntArray, Interactions


@dataclass(frozen=True, eq=False)
class SequenceBatch:
    """items: (B, L) int64, padded on the right with 0. weight: (B, L) float32, 0 at padding."""

    items: IntArray
    weight: FloatArray


class SequenceBatches:
    """Cuts every history into windows of at most `length` items, counted from its newest end.

    batch_size is in items, not sequences: short histories share a batch with many others.
    Each epoch shuffles synthetic users' items anew, for their order carries no meaning.
    """

    def __init__(self, interactions: Interactions, *, length: int, batch_size: int) -> None:
        self.item = interactions.item
        self.weight = interactions.weight
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
        self.steps = len(self._cut(lengths[np.argsort(lengths, kind="stable")]))

    def epoch(self, rng: np.random.Generator) -> Iterator[SequenceBatch]:
        """`self.steps` batches in random order; sequences of one batch have nearly one length."""
        order = np.arange(len(self.item))
        for rated in self.synthetic:
            order[rated] = rng.permutation(order[rated])
        shuffled = rng.permutation(self.windows)
        lengths = shuffled[:, 1] - shuffled[:, 0]
        by_length = np.argsort(lengths, kind="stable")
        cuts = self._cut(lengths[by_length])
        for batch in rng.permutation(len(cuts)):
            start, end = cuts[batch]
            windows = shuffled[by_length[start:end]]
            length = windows[-1, 1] - windows[-1, 0]
            position = windows[:, :1] + np.arange(length)
            valid = position < windows[:, 1:]
            events = order[np.where(valid, position, windows[:, :1])]
            yield SequenceBatch(
                items=np.where(valid, self.item[events], 0),
                weight=np.where(valid, self.weight[events], np.float32(0)),
            )

    def _cut(self, lengths: IntArray) -> list[tuple[int, int]]:
        """Ranges of ascending lengths whose padded size stays within batch_size."""
        cuts, start = [], 0
        for end in range(1, len(lengths) + 1):
            if end == len(lengths) or (end + 1 - start) * lengths[end] > self.batch_size:
                cuts.append((start, end))
                start = end
        return cuts
