"""What a rater's answers are worth beside a teacher's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from personas.ml.prompt_text import POINTS, labels_by_point
from personas.ml.rater_examples import RatedPack
from personas.ml.rater_scoring import label_log_probabilities
from personas.ml.rater_tokenizer import label_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LOW = 2.0
"""An expectation that says: not for me."""


def pack_log_probabilities(model: PreTrainedModel, tokenizer: Tokenizer, pack: RatedPack) -> NDArray[np.float64]:
    """Log-probabilities of the points of the scale, worst first, in the order of the pack: (suffixes, 11)."""
    tokens = label_ids(tokenizer, labels_by_point(pack.order))
    return label_log_probabilities(model, tokenizer, pack.prefix, pack.suffixes, tokens)


def agreement(packs: Sequence[RatedPack], found: Sequence[NDArray[np.float64]]) -> dict[str, float]:
    """Figures of answers (log-probabilities per pack) against the teacher's distributions.

    spearman: mean over packs of the rank correlation of expectations; loss: cross-entropy, and loss_floor: the least
    possible; label_mass: mean, and label_mass_least; negative_recall: share of cells whose likeliest point is −1 for
    the teacher that are so for the model, and negative_precision; negative_share: of −1 as the model's likeliest;
    labels_used: how many points are the likeliest somewhere; error: mean absolute difference of expectations.
    """
    scale = np.array(POINTS, dtype=np.float64)
    log_probabilities = np.concatenate(found)
    wanted = np.concatenate([pack.probabilities for pack in packs]).astype(np.float64)
    mass = np.exp(log_probabilities).sum(axis=1)
    shares = np.exp(log_probabilities) / mass[:, None]
    likeliest, teacher = shares.argmax(axis=1), wanted.argmax(axis=1)
    correlations = [
        rank_correlation(np.exp(rows) @ scale / np.exp(rows).sum(axis=1), pack.probabilities @ scale)
        for pack, rows in zip(packs, found, strict=True)
    ]
    both = int(((likeliest == 0) & (teacher == 0)).sum())
    return {
        "cells": float(len(wanted)),
        "spearman": float(np.nanmean(correlations)),
        "loss": float(-(wanted * log_probabilities).sum(axis=1).mean()),
        "loss_floor": float(-(wanted * np.log(np.maximum(wanted, 1e-12))).sum(axis=1).mean()),
        "label_mass": float(mass.mean()),
        "label_mass_least": float(mass.min()),
        "negative_recall": both / max(int((teacher == 0).sum()), 1),
        "negative_precision": both / max(int((likeliest == 0).sum()), 1),
        "negative_share": float((likeliest == 0).mean()),
        "labels_used": float(len(np.unique(likeliest))),
        "error": float(np.abs(shares @ scale - wanted @ scale).mean()),
    }


def rank_correlation(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Spearman's, ties at their mean rank; NaN when one side is constant."""
    ranks = [_mean_ranks(np.asarray(side, dtype=np.float64)) for side in (left, right)]
    if min(rank.std() for rank in ranks) == 0:
        return float("nan")
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], dtype=np.float64)
