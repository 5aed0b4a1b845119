"""What a trained model does: score every item for a history. The web serves what evaluation measures.

Nothing here, nor in the `*_scorer` modules, imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

from recommender.ml.artifact import read_config
from recommender.ml.dataset import FloatArray, IntArray


class Scorer(Protocol):
    """Scores the whole catalogue for shoppers given by what they took so far."""

    @property
    def kind(self) -> str: ...

    @property
    def n_items(self) -> int: ...

    def score(self, histories: Sequence[IntArray]) -> FloatArray:
        """(B, n_items) float32, higher is better; seen items are not masked.

        histories: B arrays of item indexes, oldest → newest; an empty one is a new visitor.
        Raises ValueError naming an item index outside 0 … n_items − 1.
        """
        ...

    def score_one(self, history: IntArray) -> FloatArray:
        """(n_items,) float32, the same as score([history])[0] by a shorter way."""
        ...


_SCORERS = {
    "random": "recommender.ml.baseline_scorers:RandomScorer",
    "popularity": "recommender.ml.baseline_scorers:PopularityScorer",
    "transition_knn": "recommender.ml.transition_scorer:TransitionScorer",
    "two_tower": "recommender.ml.two_tower_scorer:TwoTowerScorer",
    "graphsage": "recommender.ml.graphsage_scorer:GraphSAGEScorer",
}


def load_scorer(directory: Path) -> Scorer:
    """The scorer of an artifact folder, by the kind in its config.json.

    Every scorer class has a classmethod load(directory). Modules are imported only when their kind is.
    Raises FileNotFoundError if the folder is no artifact, ValueError if its kind is unknown.
    """
    kind = read_config(Path(directory))["kind"]
    if kind not in _SCORERS:
        raise ValueError(f"kind: received {kind!r}, expected one of {', '.join(_SCORERS)}")
    module, name = _SCORERS[kind].split(":")
    return getattr(import_module(module), name).load(Path(directory))


def check_histories(histories: Sequence[IntArray], n_items: int) -> None:
    """Raises ValueError naming the first item index that is not in 0 … n_items − 1."""
    for row, history in enumerate(histories):
        if len(history) and (history.min() < 0 or history.max() >= n_items):
            unknown = next(int(item) for item in history if not 0 <= item < n_items)
            raise ValueError(f"histories: received item {unknown} in row {row}, expected 0 to {n_items - 1}")
