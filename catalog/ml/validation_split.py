"""Which examples a training does not see, so that it can be asked about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.ml.clip_examples import TrainingExamples
from catalog.ml.training_captions import CAPTION_ONLY, NOUNS

FEWEST = 12
"""Ten nearest others of each picture are asked for, and there should be some to choose from."""
MOST = 2_000
"""More would cost time after every epoch and tell nothing more: the error of a share is below .011 here."""


def validation_split(
    examples: TrainingExamples, *, share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(T,) rows to train on and (V,) rows to validate on, both ascending.

    share: 0 (all are trained on) up to, not including, 1; at most MOST examples are kept back. Every value of the
    attribute that says what a thing is gives its part, to the nearest example.
    Raises ValueError when fewer than FEWEST would be on either side.
    """
    if not 0.0 <= share < 1.0:
        raise ValueError(f"validation: received {share!r}, must be at least 0 and below 1")
    everything = np.arange(len(examples))
    if share == 0.0:
        return everything, everything[:0]
    wanted = min(round(share * len(examples)), MOST)
    if wanted < FEWEST or len(examples) - wanted < FEWEST:
        raise ValueError(
            f"validation: received {share!r} of {len(examples)} pictures, which leaves {len(examples) - wanted} to "
            f"train on and {wanted} to validate on; both need {FEWEST}: give more pictures, or 0 to train on all"
        )
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(examples))
    ordered = shuffled[np.argsort(_strata(examples)[shuffled], kind="stable")]
    # Systematic sampling: one of every 1/share in the order of the strata.
    positions = ((np.arange(wanted) + rng.random()) * len(examples) / wanted).astype(np.int64)
    kept = np.sort(ordered[positions])
    return np.setdiff1d(everything, kept), kept


def _strata(examples: TrainingExamples) -> NDArray[np.int64]:
    """(N,) codes of the noun that most examples have; without any, of the attribute that most have."""
    columns = [column for column, name in enumerate(examples.names) if name not in CAPTION_ONLY]
    nouns = [column for column in columns if examples.names[column] in NOUNS]
    column = max(nouns or columns, key=lambda index: int((examples.codes[:, index] >= 0).sum()))
    return examples.codes[:, column]
