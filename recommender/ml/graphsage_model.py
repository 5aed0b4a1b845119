"""GraphSAGE (Hamilton et al. 2017) over users and items, in PyTorch Geometric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import SAGEConv

from recommender.ml.graph import LayerMessages


class GraphSAGELayer(nn.Module):
    """One round of messages, the sum of a convolution per edge type, with a residual connection.

    The matrices are row-normalised, so SAGEConv's sum is a weighted mean, computed as a CSR product.
    """

    def __init__(self, size: int, *, half_lives: int, dropout: float, last: bool) -> None:
        super().__init__()
        self.similar = SAGEConv((size, size), size, aggr="sum")
        self.interacts = SAGEConv((size, size), size, aggr="sum", root_weight=False, bias=False)
        self.history = nn.ModuleList(
            SAGEConv((size, size), size, aggr="sum", root_weight=index == 0, bias=index == 0)
            for index in range(half_lives)
        )
        self.dropout = nn.Dropout(dropout)
        self.last = last

    def forward(self, users: Tensor, items: Tensor, messages: LayerMessages, warm: Tensor) -> tuple[Tensor, Tensor]:
        """users (U, d), items (I, d) → the (U', d), (I', d) that the messages' rows are about.

        warm: (I,) float32, 0 for items that are to hear from no user.
        """
        own_users = users[: messages.history[0].shape[0]]
        own_items = items[: messages.similar.shape[0]]
        similar = self.similar((items, own_items), messages.similar)
        interacts = self.interacts((users, own_items), messages.interacts)
        history = sum(
            convolution((items, own_users), matrix)
            for convolution, matrix in zip(self.history, messages.history, strict=True)
        )
        return (
            self._update(history, own_users),
            self._update(similar + interacts * warm[: len(own_items), None], own_items),
        )

    def user_from_means(self, means: Tensor, user: Tensor) -> Tensor:
        """The user half of `forward` for means (B, half-lives, d) that are already taken."""
        convolutions = cast(Sequence[SAGEConv], self.history)
        received = sum(convolution.lin_l(means[:, index]) for index, convolution in enumerate(convolutions))
        return self._update(received + convolutions[0].lin_r(user), user)

    def item_from_means(self, mean: Tensor, item: Tensor) -> Tensor:
        """The item half of `forward` for an item with content neighbours (N, d) and no users."""
        return self._update(self.similar.lin_l(mean) + self.similar.lin_r(item), item)

    def _update(self, received: Tensor, own: Tensor) -> Tensor:
        return own + received if self.last else self.dropout(own + F.relu(received))


class GraphSAGE(nn.Module):
    """Vectors of users and items whose inner product is the logit of "takes next".

    content: (n_items, D) float32, zero rows where an item has none; D may be 0. An item starts from a projection
    of its content plus an ID embedding; a user starts from nothing. Vectors are d-dimensional directions (the
    user's carries the learned temperature) and one more column: 1 for users, a bias for items.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self, content: Tensor, *, embedding_size: int, layers: int, half_lives: int, dropout: float, temperature: float
    ) -> None:
        super().__init__()
        known = content.abs().sum(dim=1) > 0
        # Content vectors of one encoder lie in a narrow cone: what they share says nothing about taste.
        centre = content[known].mean(dim=0) if known.any() else content.new_zeros(content.shape[1])
        spread = (content[known] - centre).norm(dim=1).mean() if known.any() else content.new_ones(())
        self.register_buffer("centre", centre)
        self.register_buffer("spread", spread.clamp_min(1e-6))
        self.projection = nn.Parameter(torch.randn(content.shape[1], embedding_size) * 0.3 / math.sqrt(embedding_size))
        self.identity = nn.Embedding(len(content), embedding_size)
        nn.init.normal_(self.identity.weight, std=0.1)
        self._layers = nn.ModuleList(
            GraphSAGELayer(embedding_size, half_lives=half_lives, dropout=dropout, last=index == layers - 1)
            for index in range(layers)
        )
        self.bias = nn.Linear(embedding_size, 1)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / temperature)))

    @property
    def layers(self) -> Sequence[GraphSAGELayer]:
        return cast(Sequence[GraphSAGELayer], self._layers)

    def item_features(self, content: Tensor) -> Tensor:
        """(N, D) content → (N, d), without ID embeddings; zeros where an item has no content."""
        known = content.abs().sum(dim=1, keepdim=True) > 0
        return ((content - self.centre) / self.spread) @ self.projection * known

    def forward(
        self,
        content: Tensor,
        ids: Tensor,
        n_users: int,
        messages: Sequence[LayerMessages],
        *,
        nameless: Tensor | None = None,
        cold: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """User vectors (U, d + 1), item vectors (I, d + 1) and what users received from items, (I', layers × d).

        content: (N, D) and ids: (N,) of the items the first layer reads. nameless, cold: (N,) bool, items that go
        without their ID embedding, and items that hear from no user.
        """
        named = torch.ones(len(ids)) if nameless is None else (~nameless).float()
        warm = torch.ones(len(ids)) if cold is None else (~cold).float()
        items = self.item_features(content) + self.identity(ids) * named[:, None]
        users = items.new_zeros(n_users, items.shape[1])
        received = []
        for layer, layer_messages in zip(self.layers, messages, strict=True):
            received.append(items)
            users, items = layer(users, items, layer_messages, warm)
        representations = torch.cat([features[: len(items)] for features in received], dim=1)
        return self.user_vectors(users), self.item_vectors(items), representations

    def user_vectors(self, users: Tensor) -> Tensor:
        """(U, d) of the last layer → (U, d + 1)."""
        direction = F.normalize(users, dim=-1) * self.log_scale.clamp(max=math.log(100.0)).exp()
        return torch.cat([direction, torch.ones_like(users[:, :1])], dim=1)

    def item_vectors(self, items: Tensor) -> Tensor:
        """(I, d) of the last layer → (I, d + 1)."""
        return torch.cat([F.normalize(items, dim=-1), self.bias(items)], dim=1)
