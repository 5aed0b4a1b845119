"""Losses of a positive item against negatives that a whole batch shares, weighted for how they were drawn.

Logits of a few rows at a time: 4,096 seeds × 900 negatives would be several passes over 15 MB otherwise. The gradients
are made along with the loss.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

RankingLoss = Literal["softmax", "bpr", "bce"]
RANKING_LOSSES: tuple[RankingLoss, ...] = ("softmax", "bpr", "bce")

ROWS_AT_ONCE = 256
"""256 rows × 900 negatives are 1 MB and stay in the cache."""


def sampled_ranking_loss(
    loss: RankingLoss,
    users: Tensor,
    positives: Tensor,
    negatives: Tensor,
    *,
    log_inclusion: Tensor,
    excluded: tuple[Tensor, Tensor],
    weight: Tensor,
) -> Tensor:
    """Scalar: the mean loss over B positives, weighted; logits are inner products.

    users, positives: (B, d). negatives: (C, d). log_inclusion: (C,) log of each negative's chance of being among
    them: what it adds is divided by that (Horvitz and Thompson 1952), so that the sum estimates the sum over all items
    without bias. excluded: ascending rows and their columns of the (B, C) logits that are no negatives. weight: (B,).

    softmax: cross-entropy of the positive among itself and all items (sampled softmax with logQ correction,
        Bengio and Senécal 2008).
    bpr: −log σ(positive − negative), the mean over negatives (Rendle et al. 2009, eq. 5).
    bce: −log σ(positive), and the mean of −log σ(−negative) over negatives.
    """
    if loss not in RANKING_LOSSES:
        raise ValueError(f"loss: received {loss!r}, expected one of {', '.join(RANKING_LOSSES)}")
    row, column = (part.contiguous() for part in excluded)
    return _SampledRankingLoss.apply(  # type: ignore[no-any-return, no-untyped-call]
        loss, users, positives, negatives, -log_inclusion, row, column, weight
    )


class _SampledRankingLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        kind: RankingLoss,
        users: Tensor,
        positives: Tensor,
        negatives: Tensor,
        offset: Tensor,
        row: Tensor,
        column: Tensor,
        weight: Tensor,
    ) -> Tensor:
        slope_of = {"softmax": _softmax, "bpr": _bpr, "bce": _bce}[kind]
        share = weight / weight.sum().clamp_min(1e-12)
        positive = (users * positives).sum(dim=1)
        of_users, of_negatives = torch.empty_like(users), torch.zeros_like(negatives)
        of_positive = torch.empty_like(positive)
        total = users.new_zeros(())
        firsts = range(0, len(users), ROWS_AT_ONCE)
        bounds = torch.searchsorted(row, torch.tensor([*firsts, len(users)])).tolist()
        for index, first in enumerate(firsts):
            rows = slice(first, first + ROWS_AT_ONCE)
            hits = slice(bounds[index], bounds[index + 1])
            logits = users[rows] @ negatives.T
            losses, slope, own_slope = slope_of(positive[rows, None], logits, offset, (row[hits] - first, column[hits]))
            total += (losses * share[rows, None]).sum()
            slope.mul_(share[rows, None])
            of_positive[rows] = (own_slope * share[rows, None]).squeeze(1)
            of_users[rows] = slope @ negatives
            of_negatives.addmm_(slope.T, users[rows])
        of_users += of_positive[:, None] * positives
        ctx.save_for_backward(of_users, of_positive[:, None] * users, of_negatives)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        of_users, of_positives, of_negatives = (gradient * part for part in ctx.saved_tensors)
        return None, of_users, of_positives, of_negatives, None, None, None, None


Slopes = tuple[Tensor, Tensor, Tensor]
"""(R, 1) losses, (R, C) their derivatives by the negatives' logits, (R, 1) by the positive's."""


def _softmax(positive: Tensor, logits: Tensor, offset: Tensor, excluded: tuple[Tensor, Tensor]) -> Slopes:
    logits += offset
    logits[excluded] = -torch.inf
    highest = torch.maximum(logits.amax(dim=1, keepdim=True) if logits.shape[1] else positive, positive)
    exponentials = logits.sub_(highest).exp_()
    own = (positive - highest).exp()
    total = exponentials.sum(dim=1, keepdim=True) + own
    return total.log() + highest - positive, exponentials.div_(total), own / total - 1


def _mean_weights(logits: Tensor, offset: Tensor, excluded: tuple[Tensor, Tensor]) -> Tensor:
    weights = offset.exp().expand_as(logits).clone()
    weights[excluded] = 0
    return weights.div_(weights.sum(dim=1, keepdim=True).clamp_min(1e-12))


def _bpr(positive: Tensor, logits: Tensor, offset: Tensor, excluded: tuple[Tensor, Tensor]) -> Slopes:
    weights = _mean_weights(logits, offset, excluded)
    behind = logits - positive
    slope = weights * torch.sigmoid(behind)
    return (weights * F.softplus(behind)).sum(dim=1, keepdim=True), slope, -slope.sum(dim=1, keepdim=True)


def _bce(positive: Tensor, logits: Tensor, offset: Tensor, excluded: tuple[Tensor, Tensor]) -> Slopes:
    weights = _mean_weights(logits, offset, excluded)
    losses = F.softplus(-positive) + (weights * F.softplus(logits)).sum(dim=1, keepdim=True)
    return losses, weights * torch.sigmoid(logits), -torch.sigmoid(-positive)
