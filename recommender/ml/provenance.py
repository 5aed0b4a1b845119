"""How much a signal counts by whom it comes from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recommender.ml.dataset import Interactions
from recommender.ml.mapped_arrays import blocks, joined_like


def human_events(interactions: Interactions) -> NDArray[np.int64]:
    """(n_items,) int64: human events per item; deduplicated, they are the shoppers who took it."""
    counts = np.zeros(interactions.n_items, dtype=np.int64)
    for block in blocks(len(interactions.item)):
        human = interactions.item[block][~interactions.synthetic[block]]
        counts += np.bincount(human, minlength=interactions.n_items)
    return counts


def fade_synthetic(interactions: Interactions, *, half: float) -> Interactions:
    """The same world with the weight of each synthetic event times half / (half + human events of its item).

    half: human events of an item at which what personas say of it counts half. Raises ValueError unless above 0.
    """
    if half <= 0:
        raise ValueError(f"half: received {half!r}, expected more than 0")
    if not interactions.synthetic.any():
        return interactions
    share = (half / (half + human_events(interactions))).astype(np.float32)

    def faded(block: slice) -> NDArray[np.float32]:
        synthetic, item = interactions.synthetic[block], interactions.item[block]
        return interactions.weight[block] * np.where(synthetic, share[item], np.float32(1))

    return replace(interactions, weight=joined_like(interactions.weight, faded))
