"""A model over the catalogue of its own time, asked about another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.ml.dataset import FloatArray, History, HistoryLike, IntArray
from recommender.ml.scorers import Scorer, known_items


@dataclass(frozen=True, eq=False)
class TranslatedScorer:
    """Scores n items by a scorer that has them elsewhere, or not at all.

    index: (n,) int64, each item's index in `scorer`, −1 where it does not know the item: that one is ranked last, and
    left out of histories.
    """

    scorer: Scorer
    index: IntArray

    @property
    def kind(self) -> str:
        return self.scorer.kind

    @property
    def n_items(self) -> int:
        return len(self.index)

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """(B, n) float32. Raises ValueError naming an item index outside 0 … n − 1."""
        known_items(histories, self.n_items)
        scores = self.scorer.score([self._translated(history) for history in histories])
        return np.where(self.index >= 0, scores[:, self.index], np.finfo(np.float32).min)

    def score_one(self, history: HistoryLike) -> FloatArray:
        return self.score([history])[0]

    def extended(self, content: FloatArray) -> TranslatedScorer:
        """The same with N new items behind the n."""
        added = np.arange(self.scorer.n_items, self.scorer.n_items + len(content))
        return TranslatedScorer(self.scorer.extended(content), np.concatenate([self.index, added]))

    def _translated(self, history: HistoryLike) -> HistoryLike:
        items = self.index[history.items if isinstance(history, History) else history]
        known = items >= 0
        if not isinstance(history, History):
            return items[known]
        return History(
            items=items[known],
            kind=None if history.kind is None else history.kind[known],
            time=None if history.time is None else history.time[known],
            features=history.features,
            now=history.now,
        )
