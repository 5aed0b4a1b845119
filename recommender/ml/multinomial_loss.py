"""Softmax over the whole catalogue with several targets per row (Liang et al. 2018, multinomial likelihood)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

ROWS_AT_ONCE = 64
"""Logits of so many rows are held at a time, as in `losses.full_softmax_loss`."""


def multinomial_loss(
    users: Tensor, items: Tensor, targets: tuple[Tensor, Tensor, Tensor], excluded: tuple[Tensor, Tensor]
) -> Tensor:
    """Scalar: −Σ weight · log softmax(users[row] @ items.T)[item] over all targets, over the summed weight.

    users: (N, d); items: (C, d), the whole catalogue. targets: (rows, items, weights) of T targets, rows ascending.
    excluded: (rows, items), rows ascending: what is no candidate, disjoint from the targets.
    One softmax serves all targets of a row, so an epoch costs users × items, not interactions × items. The gradients
    are made along with the loss, a few rows at a time.
    """
    return _MultinomialLoss.apply(users, items, *targets, *excluded)  # type: ignore[no-any-return, no-untyped-call]


class _MultinomialLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        users: Tensor,
        items: Tensor,
        row: Tensor,
        item: Tensor,
        weight: Tensor,
        excluded_row: Tensor,
        excluded_item: Tensor,
    ) -> Tensor:
        share = weight / weight.sum().clamp_min(1e-12)
        of_row = torch.zeros(len(users), dtype=users.dtype).index_add_(0, row, share)
        of_users, of_items = torch.empty_like(users), torch.zeros_like(items)
        loss = users.new_zeros(())
        starts = torch.arange(0, len(users) + ROWS_AT_ONCE, ROWS_AT_ONCE)
        bounds = torch.searchsorted(row, starts).tolist()
        excluded_bounds = torch.searchsorted(excluded_row, starts).tolist()
        for index, start in enumerate(range(0, len(users), ROWS_AT_ONCE)):
            rows = slice(start, start + ROWS_AT_ONCE)
            own = slice(bounds[index], bounds[index + 1])
            hidden = slice(excluded_bounds[index], excluded_bounds[index + 1])
            logits = users[rows] @ items.T
            logits[excluded_row[hidden] - start, excluded_item[hidden]] = -torch.inf
            place = (row[own] - start, item[own])
            loss -= (share[own] * logits[place]).sum()
            highest = logits.amax(dim=1, keepdim=True)
            slope = logits.sub_(highest).exp_()
            total = slope.sum(dim=1, keepdim=True)
            loss += (of_row[rows, None] * (total.log() + highest)).sum()
            slope.mul_(of_row[rows, None] / total)
            slope.index_put_(place, -share[own], accumulate=True)
            of_users[rows] = slope @ items
            of_items.addmm_(slope.T, users[rows])
        ctx.save_for_backward(of_users, of_items)
        return loss

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        of_users, of_items = ctx.saved_tensors
        return gradient * of_users, gradient * of_items, None, None, None, None, None
