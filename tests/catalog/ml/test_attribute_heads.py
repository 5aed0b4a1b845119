"""The classifiers that train beside a CLIP, against a hand computation."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from catalog.ml.attribute_heads import ClipWithHeads, attribute_head_loss


def test_known_values_count_by_the_weight_of_their_attribute() -> None:
    torch.manual_seed(0)
    heads = ClipWithHeads(torch.nn.Identity(), dimensions=3, values=[2, 4]).heads
    features, codes = torch.randn(3, 3), torch.tensor([[0, 3], [1, -1], [-1, -1]])
    first = functional.cross_entropy(heads[0](features[:2]), torch.tensor([0, 1]), label_smoothing=0.1)
    second = functional.cross_entropy(heads[1](features[:1]), torch.tensor([3]), label_smoothing=0.1)
    loss = attribute_head_loss(heads, features, codes, torch.tensor([1.0, 3.0]))
    assert loss.item() == pytest.approx(((first + 3 * second) / 4).item(), abs=1e-6)


def test_nothing_known_or_nothing_weighed_is_a_loss_of_zero() -> None:
    heads = ClipWithHeads(torch.nn.Identity(), dimensions=3, values=[2]).heads
    unknown = torch.full((4, 1), -1)
    assert attribute_head_loss(heads, torch.randn(4, 3), unknown, torch.ones(1)).item() == 0.0
    assert attribute_head_loss(heads, torch.randn(4, 3), unknown + 1, torch.zeros(1)).item() == 0.0
