"""Losses that rank: over the full catalogue, over sampled items, and over pairs."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

ROWS_AT_ONCE = 64
"""64 rows × 12,000 items are 3 MB and stay in the cache: 119 ms for 1,500 rows at d = 64 on one core, forward and
backward, where the whole matrix at once took 285."""


def weighted_softmax_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Scalar: mean over positions of −log softmax(logits)[target], weighted.

    logits: (N, C); target: (N,) int64; weight: (N,) ≥ 0; the loss is 0 where all are 0.
    """
    losses = F.cross_entropy(logits, target, reduction="none")
    return (losses * weight).sum() / weight.sum().clamp_min(1e-12)


def full_softmax_loss(users: Tensor, items: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """`weighted_softmax_cross_entropy(users @ items.T, target, weight)` without ever holding all logits.

    users: (N, d); items: (C, d), the whole catalogue: cheap up to some 30,000 items, and free of the bias of
    sampled negatives. The gradients are made along with the loss, a few rows at a time.
    """
    return _FullSoftmaxLoss.apply(users, items, target, weight)  # type: ignore[no-any-return, no-untyped-call]


def sampled_softmax_loss(
    users: Tensor, candidates: Tensor, target: Tensor, weight: Tensor, log_inclusion: Tensor
) -> Tensor:
    """An estimate of `full_softmax_loss` from M of the items.

    users: (N, d); candidates: (M, d) vectors of the drawn items, each row's target among them; target: (N,) int64
    places among the candidates; log_inclusion: (M,), log of the chance that a candidate was drawn.
    Another item's share of the denominator is divided by that chance (Horvitz and Thompson 1952); a row's own target
    is no negative and counts as it is. With all items drawn this is the full loss.
    """
    logits = users @ candidates.T - log_inclusion
    own = target[:, None]
    logits = logits.scatter_add(1, own, log_inclusion[own])
    return weighted_softmax_cross_entropy(logits, target, weight)


class _FullSoftmaxLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, users: Tensor, items: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        share = weight / weight.sum().clamp_min(1e-12)
        of_users, of_items = torch.empty_like(users), torch.zeros_like(items)
        loss = users.new_zeros(())
        for start in range(0, len(users), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            logits = users[rows] @ items.T
            own = logits.gather(1, target[rows, None])
            highest = logits.amax(dim=1, keepdim=True)
            exponentials = logits.sub_(highest).exp_()
            total = exponentials.sum(dim=1, keepdim=True)
            loss += (share[rows, None] * (total.log() + highest - own)).sum()
            slope = exponentials.mul_(share[rows, None] / total)
            slope.scatter_add_(1, target[rows, None], -share[rows, None])
            of_users[rows] = slope @ items
            of_items.addmm_(slope.T, users[rows])
        ctx.save_for_backward(of_users, of_items)
        return loss

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:  # type: ignore[override]
        of_users, of_items = ctx.saved_tensors
        return gradient * of_users, gradient * of_items, None, None
