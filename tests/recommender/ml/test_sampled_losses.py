"""Losses against shared negatives, equal to plain formulas in value and gradient."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from recommender.ml.sampled_losses import ROWS_AT_ONCE, sampled_ranking_loss


def naive(loss: str, users: Tensor, positives: Tensor, negatives: Tensor, chance: Tensor, seen: set, weight: Tensor):  # type: ignore[no-untyped-def]
    total = users.new_zeros(())
    for row in range(len(users)):
        own = users[row] @ positives[row]
        others = [column for column in range(len(negatives)) if (row, column) not in seen]
        logits = negatives[others] @ users[row]
        share = 1 / chance[others]
        if loss == "softmax":
            value = (own.exp() + (share * logits.exp()).sum()).log() - own
        elif loss == "bpr":
            value = -(share * F.logsigmoid(own - logits)).sum() / share.sum()
        else:
            value = -F.logsigmoid(own) - (share * F.logsigmoid(-logits)).sum() / share.sum()
        total = total + weight[row] * value
    return total / weight.sum()


@pytest.mark.parametrize("loss", ["softmax", "bpr", "bce"])
def test_value_and_gradients_equal_a_loop_over_rows(loss: str) -> None:
    rng = np.random.default_rng(0)
    rows = ROWS_AT_ONCE + 5  # more than one block
    inputs = [
        torch.from_numpy(rng.standard_normal(shape).astype(np.float32)).requires_grad_()
        for shape in ((rows, 4), (rows, 4), (9, 4))
    ]
    chance, weight = torch.from_numpy(rng.uniform(0.1, 1, 9)).float(), torch.from_numpy(rng.random(rows)).float()
    seen = {(row, int(rng.integers(9))) for row in range(0, rows, 2)}
    excluded = tuple(torch.tensor(sorted(seen)).T)
    fused = sampled_ranking_loss(
        loss,
        *inputs,
        log_inclusion=chance.log(),
        excluded=excluded,
        weight=weight,  # type: ignore[arg-type]
    )
    expected = naive(loss, *inputs, chance, seen, weight)
    assert fused.item() == pytest.approx(expected.item(), rel=1e-5)
    for found, right in zip(torch.autograd.grad(fused, inputs), torch.autograd.grad(expected, inputs), strict=True):
        assert torch.allclose(found, right, atol=1e-6)


def test_an_unknown_loss_is_refused() -> None:
    one = torch.ones(1, 2)
    nothing = torch.zeros(0, dtype=torch.int64)
    with pytest.raises(ValueError, match="loss: received 'hinge', expected one of softmax, bpr, bce"):
        sampled_ranking_loss(
            "hinge",
            one,
            one,
            one,
            log_inclusion=torch.zeros(1),
            excluded=(nothing, nothing),
            weight=torch.ones(1),  # type: ignore[arg-type]
        )
