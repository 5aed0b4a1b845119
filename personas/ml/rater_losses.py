"""What a rater is trained to make small."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def soft_label_loss(log_probabilities: Tensor, label_ids: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy against the teacher's whole distribution, over the whole vocabulary: () from (N, V).

    label_ids: (N, 11) int64, the token of each point of the scale in the label order of the row; wanted: (N, 11),
    rows sum to 1. Least when the labels have all the probability, in the teacher's shares (soft targets: Hinton et
    al. 2015).
    """
    return -(log_probabilities.gather(1, label_ids) * wanted).sum(dim=1).mean()


def next_token_loss(logits: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy of each next token: () from logits (N, L, V), ids (N, L); weights (N, L) of the tokens predicted.

    weights[:, 0] counts for nothing, because nothing predicts a first token.
    """
    chosen = weights[:, 1:].bool()
    return functional.cross_entropy(logits[:, :-1][chosen].float(), ids[:, 1:][chosen])


def sequence_log_probability(logits: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
    """Log-probability of the tokens with weight 1 given all before them: (N,)."""
    found = torch.log_softmax(logits[:, :-1].float(), dim=-1).gather(2, ids[:, 1:, None]).squeeze(2)
    return (found * weights[:, 1:]).sum(dim=1)


def dpo_loss(
    preferred: Tensor, rejected: Tensor, reference_preferred: Tensor, reference_rejected: Tensor, *, beta: float
) -> Tensor:
    """Direct preference optimisation, Rafailov et al. 2023, eq. 7: () from four (N,) log-probabilities of answers.

    beta: how dear it is to leave the reference; larger stays closer.
    """
    margin = (preferred - reference_preferred) - (rejected - reference_rejected)
    return -functional.logsigmoid(beta * margin).mean()
