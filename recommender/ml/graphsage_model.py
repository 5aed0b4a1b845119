"""GraphSAGE (Hamilton et al. 2017) over users, items, brands and categories, in PyTorch Geometric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import SAGEConv

from recommender.ml.graph_features import FirstLayer
from recommender.ml.graph_messages import LayerMessages
from recommender.ml.towers import principal_components


class ByteDropout(nn.Module):
    """nn.Dropout whose masks are random bytes, eight from each 64-bit draw; the chance is rounded to 1 / 256.

    50,000 nodes × 64: 2 ms a layer, where uniform floats took 17 and Bernoulli draws 40.
    """

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.threshold = round(chance * 256)

    def forward(self, values: Tensor) -> Tensor:
        if not self.training or not self.threshold:
            return values
        draws = torch.empty((values.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = draws.view(torch.uint8)[: values.numel()].view(values.shape) >= self.threshold
        return values * kept * (256 / (256 - self.threshold))


class GraphSAGELayer(nn.Module):
    """One round of messages, the sum of a convolution per edge type, with a residual connection.

    The matrices are row-normalised, so SAGEConv's sum is a weighted mean, computed as a CSR product. In the first
    layer items hear from nobody but similar items: users and groups have nothing to say yet.
    """

    def __init__(
        self, size: int, *, half_lives: int, groups: Sequence[str], dropout: float, first: bool, last: bool
    ) -> None:
        super().__init__()
        self.similar = SAGEConv((size, size), size, aggr="sum")
        self.history = nn.ModuleList(
            SAGEConv((size, size), size, aggr="sum", root_weight=index == 0, bias=index == 0)
            for index in range(half_lives)
        )
        self.interacts = None if first else SAGEConv((size, size), size, aggr="sum", root_weight=False, bias=False)
        self.groups = nn.ModuleDict({} if first else {name: nn.Linear(size, size, bias=False) for name in groups})
        self.dropout = ByteDropout(dropout)
        self.last = last

    @property
    def histories(self) -> Sequence[SAGEConv]:
        return cast(Sequence[SAGEConv], self.history)

    def forward(
        self,
        users: Tensor,
        items: Tensor,
        groups: Mapping[str, Tensor],
        group_of_item: Mapping[str, Tensor],
        messages: LayerMessages,
        warm: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """users (U, d), items (I, d) → the (U', d), (I', d) that the messages' rows are about.

        groups: per brand, category, … (groups, d); group_of_item: (I,) its number, -1 for none.
        warm: (I,) float32, 0 for items that are to hear from no user.
        """
        own_users = users[: messages.history[0].shape[0]]
        own_items = items[: messages.similar.shape[0]]
        heard = self.similar((items, own_items), messages.similar)
        from_users = cast(SAGEConv, self.interacts)((users, own_items), messages.interacts)
        heard = heard + (from_users if warm is None else from_users * warm[: len(own_items), None])
        for name, linear in self.groups.items():
            # Of items only the message is gathered: groups are few.
            message = F.pad(linear(groups[name]), (0, 0, 0, 1))
            number = group_of_item[name][: len(own_items)]
            heard = heard + message.index_select(0, torch.where(number < 0, len(message) - 1, number))
        history = sum(
            convolution((items, own_users), matrix)
            for convolution, matrix in zip(self.histories, messages.history, strict=True)
        )
        return self.update(history, own_users), self.update(heard, own_items)

    def user_from_means(self, means: Tensor, user: Tensor) -> Tensor:
        """The user half of `forward` for means (B, half-lives, d) that are already taken."""
        received = sum(convolution.lin_l(means[:, index]) for index, convolution in enumerate(self.histories))
        return self.update(received + self.histories[0].lin_r(user), user)

    def item_from_means(self, mean: Tensor, item: Tensor, users: Tensor | None, groups: Sequence[Tensor]) -> Tensor:
        """The item half of `forward` for means (N, d) of neighbours and of users, and each group's vectors (N, d)."""
        heard = self.similar.lin_l(mean) + self.similar.lin_r(item)
        if users is not None and self.interacts is not None:
            heard = heard + self.interacts.lin_l(users)
        for linear, group in zip(self.groups.values(), groups, strict=bool(self.groups)):
            heard = heard + linear(group)
        return self.update(heard, item)

    def update(self, received: Tensor, own: Tensor) -> Tensor:
        return own + received if self.last else self.dropout(own + F.relu(received))


class GraphSAGE(nn.Module):
    """Vectors of users and items whose inner product is the logit of "takes next".

    content: (n_items, D) float32, zero rows where an item has none; D may be 0. An item starts from a projection
    of `content_components` principal components of its content, and with `identity` an ID embedding on top; a user
    from a projection of what it stated, (1 + F) features of which the first says that it is synthetic; a brand or
    category, named in `groups` with their numbers, is the mean of its items. Vectors are d-dimensional directions (the
    user's carries the learned temperature) and one more column: 1 for users, a bias for items.

    A mean over users says who took an item and not how many: what was taken adds to its vector by a learned
    multiple of its popularity. Without that, models without ID embeddings ranked by taste alone.
    """

    centre: Tensor
    basis: Tensor

    def __init__(
        self,
        content: Tensor,
        *,
        user_features: int,
        groups: Mapping[str, int],
        embedding_size: int,
        content_components: int,
        identity: bool,
        layers: int,
        half_lives: int,
        dropout: float,
        temperature: float,
    ) -> None:
        super().__init__()
        centre, basis = principal_components(content[content.any(dim=1)], content_components)
        self.register_buffer("centre", centre)
        self.register_buffer("basis", basis)
        self.projection = nn.Parameter(torch.randn(basis.shape[1], embedding_size) * 0.3 / math.sqrt(embedding_size))
        self.user_projection = nn.Parameter(torch.zeros(user_features, embedding_size))
        self.identity = nn.Embedding(len(content), embedding_size) if identity else None
        if self.identity is not None:
            nn.init.normal_(self.identity.weight, std=0.1)
        self.group_layers = nn.ModuleDict({name: nn.Linear(embedding_size, embedding_size) for name in groups})
        self.group_identity = nn.ParameterDict(
            {name: torch.zeros(count, embedding_size) for name, count in groups.items()} if identity else {}
        )
        self._layers = nn.ModuleList(
            GraphSAGELayer(
                embedding_size,
                half_lives=half_lives,
                groups=tuple(groups),
                dropout=dropout,
                first=index == 0,
                last=index == layers - 1,
            )
            for index in range(layers)
        )
        self.bias = nn.Linear(embedding_size, 1)
        self.popularity = nn.Parameter(torch.zeros(embedding_size + 1))
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / temperature)))

    @property
    def layers(self) -> Sequence[GraphSAGELayer]:
        return cast(Sequence[GraphSAGELayer], self._layers)

    def features(self, content: Tensor) -> Tensor:
        """(N, D) content → the (N, C) components that are projected; zeros where an item has none."""
        return ((content - self.centre) @ self.basis) * content.any(dim=1, keepdim=True)

    def forward(
        self,
        first: FirstLayer,
        messages: Sequence[LayerMessages],
        *,
        popularity: Tensor,
        named: Tensor | None = None,
        warm: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """User vectors (U, d + 1), item vectors (I, d + 1), and what the latter's nodes say in each layer:
        items (I, layers × d), users (U, (layers − 1) × d), for which the first layer is silence.

        messages: of the second layer and on. popularity: (at least I,), see `log_popularity`. named: (I',) float32, 0
        for items that go without their ID embedding. warm: (I,) float32, 0 for items that are to hear from no user.
        """
        said_by_items, said_by_users = [], []
        users, items, start = self._first(first, named)
        said_by_items.append(start)
        groups = self.group_vectors(first.groups)
        for layer, layer_messages in zip(self.layers[1:], messages, strict=True):
            said_by_items.append(items)
            said_by_users.append(users)
            users, items = layer(users, items, groups, first.group_of_item, layer_messages, warm)
        return (
            self.user_vectors(users),
            self.item_vectors(items, popularity[: len(items), None]),
            torch.cat([said[: len(items)] for said in said_by_items], dim=1),
            torch.cat([users[:, :0], *(said[: len(users)] for said in said_by_users)], dim=1),
        )

    def _first(self, first: FirstLayer, named: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Users and items after the first layer, and what items started with.

        The layer's weights are multiplied with the projection before the features are: one product instead of two.
        """
        layer, components = self.layers[0], len(self.projection)
        similar, history = layer.similar, layer.histories
        own_items = first.items[:, :components] @ self.projection
        of_means = len(history) * components
        own_users = first.users[:, of_means:] @ self.user_projection
        heard_by_items = F.linear(
            first.items,
            torch.cat([similar.lin_r.weight @ self.projection.T, similar.lin_l.weight @ self.projection.T], dim=1),
            similar.lin_l.bias,
        )
        folded = [convolution.lin_l.weight @ self.projection.T for convolution in history]
        folded.append(history[0].lin_r.weight @ self.user_projection.T)
        heard_by_users = F.linear(first.users, torch.cat(folded, dim=1), history[0].lin_l.bias)
        if self.identity is not None and first.ids is not None and first.matrices is not None:
            names = self.identity(first.ids)
            if named is not None:
                names = names * named[:, None]
            own_items = own_items + names[: len(own_items)]
            heard_by_items = heard_by_items + F.linear(names[: len(own_items)], similar.lin_r.weight)
            heard_by_items = heard_by_items + F.linear(first.matrices.similar @ names, similar.lin_l.weight)
            for convolution, matrix in zip(history, first.matrices.history, strict=True):
                heard_by_users = heard_by_users + F.linear(matrix @ names, convolution.lin_l.weight)
        return layer.update(heard_by_users, own_users), layer.update(heard_by_items, own_items), own_items

    def group_vectors(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """(groups, C) mean features of the items of each brand, category, … → (groups, d), the same in every layer."""
        vectors = {}
        for name, features in means.items():
            start = features @ self.projection
            if name in self.group_identity:
                start = start + self.group_identity[name]
            vectors[name] = F.relu(self.group_layers[name](start))
        return vectors

    def user_vectors(self, users: Tensor) -> Tensor:
        """(U, d) of the last layer → (U, d + 1)."""
        direction = F.normalize(users, dim=-1) * self.log_scale.clamp(max=math.log(100.0)).exp()
        return torch.cat([direction, torch.ones_like(users[:, :1])], dim=1)

    def item_vectors(self, items: Tensor, popularity: Tensor) -> Tensor:
        """(I, d) of the last layer and (I, 1) popularity → (I, d + 1)."""
        direction = F.normalize(items + popularity * self.popularity[:-1], dim=-1)
        return torch.cat([direction, self.bias(items) + popularity * self.popularity[-1:]], dim=1)


def log_popularity(weight: Tensor) -> Tensor:
    """What the summed weight (I,) of an item's interactions counts for."""
    return torch.log1p(weight.clamp_min(0))
