"""Which pictures share a batch. Those in a batch are each other's wrong answers, so that alike ones teach most."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from catalog.ml.clip_examples import TrainingExamples
from catalog.ml.training_captions import COLOURS, NOUNS, PATTERNS

HARD_NEGATIVES = 0.5
# So many batches are sorted together: with all sorted at once, every batch would hold one value alone.
SORTED_BATCHES = 8


def batch_rows(
    examples: TrainingExamples, *, batch_size: int, hard_negatives: float, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each batch of an epoch, all rows in random order; an incomplete last batch is left out unless it
    is the only one.

    hard_negatives: share of the pictures that come in batches of much the same category, colour or pattern (one of
    these, drawn per chunk of SORTED_BATCHES batches). In a batch of any pictures a caption finds its own by colour
    alone. Among pictures of one category it must say pattern and colour, among those of one pattern or colour what the
    thing is.
    """
    telling = examples.columns((*NOUNS, *COLOURS, *PATTERNS))
    order = rng.permutation(len(examples))
    chunk = batch_size * SORTED_BATCHES
    for start in range(0, len(order), chunk):
        rows = order[start : start + chunk]
        # Two batches of a sorted handful would hold one value each, and teach nothing.
        if telling and len(rows) > 2 * batch_size and rng.random() < hard_negatives:
            rows = rows[np.argsort(examples.codes[rows, rng.choice(telling)], kind="stable")]
        batches = [rows[at : at + batch_size] for at in range(0, max(len(rows) - batch_size + 1, 1), batch_size)]
        for index in rng.permutation(len(batches)):
            if len(batches[index]) == min(batch_size, len(order)):
                yield batches[index]


def batches_per_epoch(examples: int, batch_size: int) -> int:
    """How many `batch_rows` yields."""
    return max(examples // batch_size, 1)
