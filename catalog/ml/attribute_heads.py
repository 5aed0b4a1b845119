"""Classifiers beside a CLIP while it trains: every attribute's every value is asked for in every step.

Prompts ask for what the text tower has the time to say; heads cost next to nothing and never take turns. They are not
part of the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

LABEL_SMOOTHING = 0.1


class ClipWithHeads(nn.Module):
    """clip: the model itself; heads: one linear classifier an attribute, on its picture vectors as they come."""

    def __init__(self, clip: nn.Module, *, dimensions: int, values: Sequence[int]) -> None:
        super().__init__()
        self.clip: Any = clip
        self.heads = nn.ModuleList(nn.Linear(dimensions, count) for count in values)


def attribute_head_loss(
    heads: nn.ModuleList, image_features: torch.Tensor, codes: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy of each attribute's head with smoothed labels, averaged by `weights`.

    image_features: (B, D), not normalised; codes: (B, A) int64, -1 where unknown; weights: (A,), ≥ 0.
    """
    total = image_features.new_zeros(())
    for head, code, weight in zip(heads, codes.T, weights, strict=True):
        known = code >= 0
        if known.any():
            logits = head(image_features[known])
            total = total + weight * functional.cross_entropy(logits, code[known], label_smoothing=LABEL_SMOOTHING)
    return total / weights.sum().clamp(min=1e-9)
