"""Serves a transition-kNN matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recommender.ml.neighbour_scorer import NeighbourScorer


@dataclass(frozen=True, eq=False)
class TransitionScorer(NeighbourScorer):
    """Row = item left, column = item reached."""

    kind: str = "transition_knn"
    # Beyond 64 steps back the default decay has nothing left to add.
    window: int | None = 64
    TENSORS: ClassVar[str] = "transitions"
