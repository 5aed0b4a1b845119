"""Linear graph convolution over items (He et al. 2020, LightGCN), with users made from their histories."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recommender.ml.interaction_graph import Smoothing

MAX_SCALE = math.log(100.0)


class Tables(NamedTuple):
    """representations: (n_items, d), summed over a history they are a user; item_vectors: (n_items, d), the scored."""

    representations: Tensor
    item_vectors: Tensor


class LightGCN(nn.Module):
    """Embeddings of items alone; a user has no embedding, so a new one is served like everybody else.

    e^(l) = (R̃ᵀR̃)^l embedding for l = 1 … layers, two of LightGCN's layers at a time. Layer 0 is left out: what only
    one item knows is memorised, not learned (Recall@20 on a dense part of Beauty .152 without it, .135 with it).
    The content projection is added to every layer, 0 too, so that items without a user can be placed.
    A user is the normalised sum of the history's representations Σ_l a_l e^(l), each divided by (1 + degree)^β; the
    score is the inner product with the normalised Σ_l b_l e^(l), times a learned temperature. a, b, β are learned.
    """

    degree: Tensor
    content: Tensor

    def __init__(self, embeddings: Tensor, degree: Tensor, content: Tensor, *, layers: int) -> None:
        """embeddings: (n_items, d) to start from; degree: (n_items,); content: (n_items, D), D may be 0."""
        super().__init__()
        self.embeddings = nn.Parameter(embeddings)
        self.history_weights = nn.Parameter(torch.full((layers + 1,), 1.0))
        self.item_weights = nn.Parameter(torch.full((layers + 1,), 1.0))
        self.degree_exponent = nn.Parameter(torch.tensor(0.5))
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.register_buffer("degree", degree, persistent=False)
        self.register_buffer("content", content, persistent=False)
        if content.shape[1]:
            self.projection = nn.Parameter(torch.zeros(content.shape[1], embeddings.shape[1]))

    def tables(self, smoothing: Smoothing, unknown: Tensor | None = None) -> Tables:
        """What the graph makes of the embeddings. unknown: (n_items,) bool, items to be placed by content alone."""
        own = self.content @ self.projection if self.content.shape[1] else torch.zeros_like(self.embeddings)
        layer: Tensor = self.embeddings
        if unknown is not None:
            layer = layer.masked_fill(unknown[:, None], 0.0)
        layer = layer + own
        history: Tensor = self.history_weights[0] * own
        items: Tensor = self.item_weights[0] * own
        for before, after in zip(self.history_weights[1:], self.item_weights[1:], strict=True):
            layer = smoothing(layer)
            if unknown is not None:
                layer = layer.masked_fill(unknown[:, None], 0.0)
            history, items = history + before * layer, items + after * layer
        return Tables(history * self.damping()[:, None], F.normalize(items, dim=1))

    def damping(self) -> Tensor:
        """(n_items,): what an item of a history counts for, less the more popular it is."""
        return (1 + self.degree) ** -self.degree_exponent

    def users(self, representations: Tensor, items: Tensor, offsets: Tensor) -> Tensor:
        """(B, d), of length 1 / temperature; items: the histories one after another, starting at offsets (B,)."""
        summed = F.embedding_bag(items, representations, offsets, mode="sum")
        return F.normalize(summed, dim=1) * self.log_scale.clamp(max=MAX_SCALE).exp()
