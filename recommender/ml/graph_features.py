"""What GraphSAGE's first layer hears: means of fixed features, taken once and not again for every batch.

The first layer aggregates what nodes start with. Of content and of what users stated nothing is learned before the
projection, and a projection of a mean is the mean of projections: so the means of every node are a table, and training
looks them up. Only histories that a batch's supervision edges are taken out of are averaged anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from recommender.ml.graph import INTERACTS, ITEM, REVERSE_INTERACTS, SIMILAR, USER, group_names, group_of_items
from recommender.ml.graph_messages import (
    LayerMessages,
    rank_from_end,
    recency_weights,
    weighted_mean_matrix,
)
from recommender.ml.graph_sampler import EdgeType, SampledGraph


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """What the first layer computes I items and U users from.

    items: (I, 2 × C) float32, features of each item and their mean over its content neighbours.
    users: (U, half-lives × C + 1 + F), mean features of the history by each half-life, whether the user is
        synthetic, and what it stated.
    groups: per brand, category, … (groups, C) mean features of its items; group_of_item: (I,) int64, -1 for none.
    ids: (I',) items whose ID embeddings `matrices` average, the I items first; None in a model without them.
    """

    items: Tensor
    users: Tensor
    groups: dict[str, Tensor]
    group_of_item: dict[str, Tensor]
    ids: Tensor | None = None
    matrices: LayerMessages | None = None


class FeatureMeans:
    """The tables of one graph.

    features: (n_items, C) float32, zero rows where an item has no content. Histories are the last
    `history_length` items of `message_edges`, (E,) bool; None: all.
    """

    def __init__(
        self,
        data: HeteroData,
        features: Tensor,
        *,
        half_lives: Sequence[float],
        history_length: int,
        message_edges: Tensor | None = None,
    ) -> None:
        n_users, n_items = data[USER].num_nodes, data[ITEM].num_nodes
        self.half_lives = tuple(half_lives)
        self.features = features
        neighbour, similar_to = data[SIMILAR].edge_index
        similar = weighted_mean_matrix(similar_to, neighbour, torch.ones(len(neighbour)), (n_items, n_items))
        self.items = torch.cat([features, similar @ features], dim=1)
        item, user = data[REVERSE_INTERACTS].edge_index
        if message_edges is not None:
            item, user = item[message_edges], user[message_edges]
        recent = rank_from_end(user, n_users) < history_length
        means = self.history_means(user[recent], item[recent], n_users)
        self.users = torch.cat([means, data[USER].features], dim=1)
        self.group_of_item = {name: group_of_items(data, name) for name in group_names(data)}
        self.groups = {}
        for name, number in self.group_of_item.items():
            members = torch.argsort(number, stable=True)[int((number < 0).sum()) :]
            size = (data[name].num_nodes, n_items)
            matrix = weighted_mean_matrix(number[members], members, torch.ones(len(members)), size)
            self.groups[name] = matrix @ features

    def history_means(self, owner: Tensor, item: Tensor, owners: int) -> Tensor:
        """(owners, half-lives × C) means of items by recency; owner: (E,) ascending, item: (E,) oldest → newest."""
        size = (owners, len(self.features))
        return torch.cat(
            [
                weighted_mean_matrix(owner, item, weight, size) @ self.features
                for weight in recency_weights(owner, owners, self.half_lives)
            ],
            dim=1,
        )

    def whole_graph(self, messages: LayerMessages | None = None) -> FirstLayer:
        """The first layer of every node; `messages` for a model with ID embeddings."""
        ids = None if messages is None else torch.arange(len(self.items))
        return FirstLayer(self.items, self.users, self.groups, self.group_of_item, ids, messages)

    def of(self, sampled: SampledGraph, *, layers: int, matrices: LayerMessages | None = None) -> FirstLayer:
        """The first layer of a batch's nodes within `layers` hops: seeds know only what came before."""
        ids = sampled.node[ITEM]
        items = ids[: sampled.nodes_within(ITEM, layers)]
        users = self.users[sampled.node[USER][: sampled.nodes_within(USER, layers)]]
        seeds = len(sampled.supervision)
        of_seeds = sampled.count_edges[REVERSE_INTERACTS][0]
        row, column = sampled.row[REVERSE_INTERACTS][:of_seeds], sampled.column[REVERSE_INTERACTS][:of_seeds]
        within = sampled.reread < len(users)
        reread, kept = sampled.reread[within], within[sampled.reread_owner]
        owner = torch.cat([column, sampled.reread_owner[kept] + seeds])
        means = self.history_means(owner, torch.cat([ids[row], sampled.reread_item[kept]]), seeds + len(reread))
        users[:seeds, : means.shape[1]] = means[:seeds]
        users[reread, : means.shape[1]] = means[seeds:]
        return FirstLayer(
            items=self.items[items],
            users=users,
            groups=self.groups,
            group_of_item={name: number[items] for name, number in self.group_of_item.items()},
            ids=None if matrices is None else ids,
            matrices=matrices,
        )


def batch_messages(
    sampled: SampledGraph, *, layers: int, half_lives: Sequence[float], weight: Tensor, first: bool
) -> tuple[LayerMessages | None, list[LayerMessages]]:
    """The matrices of the first layer (None unless `first`) and of each later one, for a sampled batch.

    weight: (E,) float32 of the graph's interactions. Layer l needs only the first `layers` − l hops of edges. Rows and
    columns count the batch's local nodes, of which the first hops come first.
    """
    edge_weight: dict[EdgeType, list[Tensor]] = {
        SIMILAR: [torch.ones(len(sampled.edge[SIMILAR]))],
        REVERSE_INTERACTS: recency_weights(sampled.column[REVERSE_INTERACTS], len(sampled.node[USER]), half_lives),
    }
    messages: list[LayerMessages] = []
    for layer in range(0 if first else 1, layers):
        hops = layers - layer
        weights = edge_weight | ({} if layer == 0 else {INTERACTS: [weight[sampled.edge[INTERACTS]]]})
        matrices = {}
        for edge_type, values in weights.items():
            count = sum(sampled.count_edges[edge_type][:hops])
            size = (sampled.nodes_within(edge_type[2], hops), sampled.nodes_within(edge_type[0], hops + 1))
            matrices[edge_type] = tuple(
                weighted_mean_matrix(sampled.column[edge_type][:count], sampled.row[edge_type][:count], v[:count], size)
                for v in values
            )
        interacts = matrices[INTERACTS][0] if layer else None
        messages.append(LayerMessages(matrices[SIMILAR][0], interacts, matrices[REVERSE_INTERACTS]))
    return (messages[0], messages[1:]) if first else (None, messages)
