"""The user–item graph that GraphSAGE passes messages on.

Two node types and three edge types, in PyTorch Geometric's source → destination order:

- `(user, interacts, item)` and its reverse `(item, rev_interacts, user)`: the interactions, both directions.
- `(item, similar, item)`: exact nearest neighbours by content, neighbour → item. This is what places an item
  that nobody has touched yet.

Users carry no features of their own: a user is its history, so a new user needs no retraining.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from recommender.ml.dataset import FloatArray, IntArray, Interactions
from recommender.ml.graphsage_scorer import recency_weight

USER, ITEM = "user", "item"
INTERACTS = (USER, "interacts", ITEM)
REVERSE_INTERACTS = (ITEM, "rev_interacts", USER)
SIMILAR = (ITEM, "similar", ITEM)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # once per process torch warns that CSR tensors are in beta
    torch.sparse_csr_tensor([0], [], [], (0, 0), check_invariants=False)


def content_neighbours(content: FloatArray, count: int, *, block: int = 2048) -> IntArray:
    """The exact `count` nearest items of each item by cosine similarity of content, nearest first.

    content: (N, D) float32, L2-normalised; an all-zero row is an item without content and gets no neighbour.
    Returns (N, min(count, N - 1)) int64, padded with -1 where an item has fewer. Ties go to the lower index.
    """
    if content.ndim != 2:
        raise ValueError(f"content: expected (N, D), received shape {content.shape!r}")
    n_items = len(content)
    count = max(0, min(count, n_items - 1))
    neighbours = np.full((n_items, count), -1, dtype=np.int64)
    known = np.linalg.norm(content, axis=1) > 0
    if count == 0:
        return neighbours
    for start in range(0, n_items, block):
        rows = np.arange(start, min(start + block, n_items))
        similarity = content[rows] @ content.T
        similarity[:, ~known] = -np.inf
        similarity[np.arange(len(rows)), rows] = -np.inf
        similarity[~known[rows]] = -np.inf
        best = np.sort(np.argpartition(-similarity, count - 1, axis=1)[:, :count], axis=1)
        score = np.take_along_axis(similarity, best, axis=1)
        order = np.argsort(-score, axis=1, kind="stable")
        best, score = np.take_along_axis(best, order, axis=1), np.take_along_axis(score, order, axis=1)
        neighbours[rows] = np.where(np.isfinite(score), best, -1)
    return neighbours


def build_graph(interactions: Interactions, *, neighbours: IntArray) -> HeteroData:
    """The graph of all `interactions`, whose edge e is interaction e in both directions.

    interactions: one event per (user, item), see `Interactions.deduplicated`; a user's edges are then a range
    in time order, and holding back an edge holds back everything that this user did with this item.
    neighbours: (n_items, k) int64 as `content_neighbours` returns it, -1 for none.
    `data["item"].content`: (n_items, D) float32; `data[INTERACTS].weight`: (E,) float32.
    Raises ValueError naming a repeated (user, item), or the shape of `neighbours` if it does not fit.
    """
    if len(neighbours) != interactions.n_items:
        raise ValueError(f"neighbours: expected {interactions.n_items} rows, received shape {neighbours.shape!r}")
    pairs, count = np.unique(interactions.user * interactions.n_items + interactions.item, return_counts=True)
    if (count > 1).any():
        user_index, item_index = divmod(int(pairs[count.argmax()]), interactions.n_items)
        raise ValueError(f"interactions: received user {user_index} with item {item_index} {count.max()} times")
    user = torch.from_numpy(np.ascontiguousarray(interactions.user, dtype=np.int64))
    item = torch.from_numpy(np.ascontiguousarray(interactions.item, dtype=np.int64))
    destination, rank = np.nonzero(neighbours >= 0)

    data = HeteroData()
    data[USER].num_nodes = interactions.n_users
    data[ITEM].num_nodes = interactions.n_items
    data[ITEM].content = torch.from_numpy(np.ascontiguousarray(interactions.content, dtype=np.float32))
    data[INTERACTS].edge_index = torch.stack([user, item])
    data[INTERACTS].weight = torch.from_numpy(np.ascontiguousarray(interactions.weight, dtype=np.float32))
    data[REVERSE_INTERACTS].edge_index = torch.stack([item, user])
    data[SIMILAR].edge_index = torch.from_numpy(np.stack([neighbours[destination, rank], destination]).astype(np.int64))
    return data


@dataclass(frozen=True, eq=False)
class LayerMessages:
    """What one layer aggregates, as row-normalised CSR matrices (destinations, sources).

    similar: items ← their content neighbours. interacts: items ← users, weighted by the interaction.
    history: users ← items, one matrix for each half-life of recency.
    """

    similar: Tensor
    interacts: Tensor
    history: tuple[Tensor, ...]


def batch_messages(batch: HeteroData, *, layers: int, half_lives: Sequence[float]) -> list[LayerMessages]:
    """The matrices of each layer for a sampled batch: layer l needs only the first `layers` − l hops.

    Rows and columns count the batch's local nodes, of which the first hops come first.
    """
    edges = {edge_type: batch[edge_type].edge_index for edge_type in (SIMILAR, INTERACTS, REVERSE_INTERACTS)}
    weight = {
        SIMILAR: [torch.ones(edges[SIMILAR].shape[1])],
        INTERACTS: [batch[INTERACTS].weight],
        REVERSE_INTERACTS: _recency_weights(edges[REVERSE_INTERACTS][1], batch[USER].num_nodes, half_lives),
    }
    messages = []
    for layer in range(layers):
        hops = layers - layer
        matrices = {}
        for edge_type, (source, destination) in edges.items():
            count = sum(batch[edge_type].num_sampled_edges[:hops])
            size = (
                sum(batch[edge_type[2]].num_sampled_nodes[:hops]),
                sum(batch[edge_type[0]].num_sampled_nodes[: hops + 1]),
            )
            matrices[edge_type] = tuple(
                weighted_mean_matrix(destination[:count], source[:count], values[:count], size)
                for values in weight[edge_type]
            )
        messages.append(LayerMessages(matrices[SIMILAR][0], matrices[INTERACTS][0], matrices[REVERSE_INTERACTS]))
    return messages


def whole_graph_messages(data: HeteroData, *, half_lives: Sequence[float], history_length: int) -> LayerMessages:
    """The matrices of every layer when nothing is sampled; users read their last `history_length` items."""
    n_users, n_items = data[USER].num_nodes, data[ITEM].num_nodes
    neighbour, similar_to = data[SIMILAR].edge_index
    user, item = data[INTERACTS].edge_index
    by_item = torch.argsort(item, stable=True)
    recent = _rank_from_end(user, n_users) < history_length
    return LayerMessages(
        similar=weighted_mean_matrix(similar_to, neighbour, torch.ones(len(neighbour)), (n_items, n_items)),
        interacts=weighted_mean_matrix(
            item[by_item], user[by_item], data[INTERACTS].weight[by_item], (n_items, n_users)
        ),
        history=tuple(
            weighted_mean_matrix(user[recent], item[recent], values, (n_users, n_items))
            for values in _recency_weights(user[recent], n_users, half_lives)
        ),
    )


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


def _rank_from_end(ascending: Tensor, n_segments: int) -> Tensor:
    """(E,) int64: 0 for the last element of each run of equal ids, 1 for the one before, …"""
    return segment_starts(ascending, n_segments)[ascending + 1] - 1 - torch.arange(len(ascending))


def _recency_weights(user: Tensor, n_users: int, half_lives: Sequence[float]) -> list[Tensor]:
    """One (E,) float32 weight per half-life, for edges sorted by (user, time)."""
    rank = _rank_from_end(user, n_users)
    return [recency_weight(rank, half_life).float() for half_life in half_lives]
