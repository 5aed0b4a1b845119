"""What a trained model does: score every item for a history. The web serves what evaluation measures.

Nothing here, nor in the `*_scorer` modules, imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

from recommender.ml.artifact import read_config
from recommender.ml.dataset import FloatArray, HistoryLike, IntArray, item_histories


class Scorer(Protocol):
    """Scores the whole catalogue for shoppers given by what they took so far."""

    @property
    def kind(self) -> str: ...

    @property
    def n_items(self) -> int: ...

    def score(self, histories: Sequence[HistoryLike]) -> FloatArray:
        """(B, n_items) float32, higher is better; seen items are not masked.

        histories: B shoppers' pasts, or bare arrays of item indexes, oldest → newest; an empty one is a new visitor.
        Raises ValueError naming an item index outside 0 … n_items − 1.
        """
        ...

    def score_one(self, history: HistoryLike) -> FloatArray:
        """(n_items,) float32, the same as score([history])[0] by a shorter way."""
        ...

    def extended(self, content: FloatArray) -> Scorer:
        """The same model over a longer catalogue: N new items follow the trained ones, placed by their content.

        content: (N, D) float32, L2-normalised, zero rows where an item has none. A model without a content tower
        gives new items what it gives an item nobody took. Raises ValueError if D is not what it was trained on.
        """
        ...


_SCORERS = {
    "random": "recommender.ml.baseline_scorers:RandomScorer",
    "popularity": "recommender.ml.baseline_scorers:PopularityScorer",
    "popularity_30d": "recommender.ml.baseline_scorers:PopularityScorer",
    "popularity_7d": "recommender.ml.baseline_scorers:PopularityScorer",
    "content_knn": "recommender.ml.content_knn_scorer:ContentKNNScorer",
    "item_knn": "recommender.ml.neighbour_scorer:NeighbourScorer",
    "gf_cf": "recommender.ml.gf_cf_scorer:GFCFScorer",
    "ease": "recommender.ml.neighbour_scorer:NeighbourScorer",
    "slist": "recommender.ml.neighbour_scorer:NeighbourScorer",
    "transition_knn": "recommender.ml.transition_scorer:TransitionScorer",
    "softmax_mf": "recommender.ml.softmax_mf_scorer:SoftmaxMFScorer",
    "lightgcn": "recommender.ml.lightgcn_scorer:LightGCNScorer",
    "dropoutnet": "recommender.ml.dropoutnet_scorer:DropoutNetScorer",
    "two_tower": "recommender.ml.two_tower_scorer:TwoTowerScorer",
    "graphsage": "recommender.ml.graphsage_scorer:GraphSAGEScorer",
    "blend": "recommender.ml.blend_scorer:BlendScorer",
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


def known_items(histories: Sequence[HistoryLike], n_items: int) -> list[IntArray]:
    """The item indexes of each history. Raises ValueError naming the first that is not in 0 … n_items − 1."""
    items = item_histories(histories)
    for row, history in enumerate(items):
        if len(history) and (history.min() < 0 or history.max() >= n_items):
            unknown = next(int(item) for item in history if not 0 <= item < n_items)
            raise ValueError(f"histories: received item {unknown} in row {row}, expected 0 to {n_items - 1}")
    return items
