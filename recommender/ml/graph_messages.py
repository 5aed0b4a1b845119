"""Weighted means over edges, as row-normalised CSR matrices: what each layer of GraphSAGE aggregates with."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from recommender.ml.graph import INTERACTS, ITEM, SIMILAR, USER
from recommender.ml.graphsage_scorer import recency_weight

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # once per process torch warns that CSR tensors are in beta
    torch.sparse_csr_tensor([0], [], [], (0, 0), check_invariants=False)


@dataclass(frozen=True, eq=False)
class LayerMessages:
    """What one layer aggregates, as row-normalised CSR matrices (destinations, sources).

    similar: items ← their content neighbours. interacts: items ← users, weighted by the interaction; None in the
    first layer, where users have not heard from their items yet.
    history: users ← items, one matrix for each half-life of recency.
    """

    similar: Tensor
    interacts: Tensor | None
    history: tuple[Tensor, ...]


def whole_graph_messages(
    data: HeteroData, *, half_lives: Sequence[float], history_length: int, audience: int
) -> LayerMessages:
    """The matrices of every layer when nothing is sampled.

    Users read their last `history_length` items, items the last `audience` users who took them.
    """
    n_users, n_items = data[USER].num_nodes, data[ITEM].num_nodes
    neighbour, similar_to = data[SIMILAR].edge_index
    user, item = data[INTERACTS].edge_index
    recent = rank_from_end(user, n_users) < history_length
    by_item = edges_by_item(data)
    by_item = by_item[rank_from_end(item[by_item], n_items) < audience]
    return LayerMessages(
        similar=weighted_mean_matrix(similar_to, neighbour, torch.ones(len(neighbour)), (n_items, n_items)),
        interacts=weighted_mean_matrix(
            item[by_item], user[by_item], data[INTERACTS].weight[by_item], (n_items, n_users)
        ),
        history=tuple(
            weighted_mean_matrix(user[recent], item[recent], values, (n_users, n_items))
            for values in recency_weights(user[recent], n_users, half_lives)
        ),
    )


def edges_by_item(data: HeteroData) -> Tensor:
    """(E,) int64: the interactions sorted by (item, time); equal times stay in the order of users."""
    by_time = torch.argsort(data[INTERACTS].time, stable=True)
    return by_time[torch.argsort(data[INTERACTS].edge_index[1][by_time], stable=True)]


def weighted_mean_matrix(destination: Tensor, source: Tensor, weight: Tensor, size: tuple[int, int]) -> Tensor:
    """A (destinations, sources) CSR matrix whose product with features is their weighted mean per destination.

    destination: (E,) ascending; source: (E,); weight: (E,) ≥ 0. A destination without weight gets zeros.
    CSR products took 11 ms forward + backward at 150k edges × 64 where gather and scatter took 87.
    """
    total = torch.zeros(size[0]).index_add_(0, destination, weight).clamp_min(torch.finfo(torch.float32).tiny)
    return torch.sparse_csr_tensor(
        segment_starts(destination, size[0]), source, weight / total[destination], size, check_invariants=False
    )


def segment_starts(ascending: Tensor, n_segments: int) -> Tensor:
    """(n_segments + 1,) int64 offsets of each id's run in the ascending ids (E,)."""
    counts = torch.bincount(ascending, minlength=n_segments)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def rank_from_end(ascending: Tensor, n_segments: int) -> Tensor:
    """(E,) int64: 0 for the last element of each run of equal ids, 1 for the one before, …"""
    return segment_starts(ascending, n_segments)[ascending + 1] - 1 - torch.arange(len(ascending))


def recency_weights(user: Tensor, n_users: int, half_lives: Sequence[float]) -> list[Tensor]:
    """One (E,) float32 weight per half-life, for edges sorted by (user, time)."""
    rank = rank_from_end(user, n_users)
    return [recency_weight(rank, half_life).float() for half_life in half_lives]
