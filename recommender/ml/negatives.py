"""Shared negatives of a step, for catalogues too large to score in full."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recommender.ml.dataset import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Candidates:
    """items: (M,) int64, ascending: what a step's users are scored against.

    log_inclusion: (M,) float32, log of the chance that each was among them.
    """

    items: IntArray
    log_inclusion: FloatArray


class SharedNegatives:
    """Draws `negatives` items uniformly for each step and adds the items that the step predicts.

    Popular items are in more often than others, as targets of the batch; `log_inclusion` says how often, so that the
    loss can take it back (the logQ correction of Yi et al. 2019, for a mixture of uniform and in-batch negatives).
    """

    def __init__(self, targets: IntArray, *, n_items: int, negatives: int) -> None:
        """targets: (E,) int64, every item that will ever be predicted, as often as it will be."""
        self.n_items, self.negatives = n_items, min(negatives, n_items)
        self.share = np.bincount(targets, minlength=n_items) / max(len(targets), 1)

    def draw(self, targets: IntArray, rng: np.random.Generator) -> Candidates:
        """targets: (N,) int64, the items that this step predicts."""
        if self.negatives == self.n_items:
            return Candidates(np.arange(self.n_items), np.zeros(self.n_items, np.float32))
        drawn = rng.choice(self.n_items, size=self.negatives, replace=False, shuffle=False)
        items = np.union1d(drawn, targets).astype(np.int64)
        missed = (1 - self.negatives / self.n_items) * (1 - self.share[items]) ** len(targets)
        return Candidates(items, np.log1p(-missed).astype(np.float32))
