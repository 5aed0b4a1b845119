"""The graph that GraphSAGE passes messages on: shoppers, items, and what items share.

Node types: `user` (visitors and personas), `item`, and one per name in `Interactions.groups` (`brand`, `category`).
Edge types, in PyTorch Geometric's source → destination order:

- `(user, interacts, item)` and its reverse `(item, rev_interacts, user)`: the interactions, both directions.
- `(item, similar, item)`: exact nearest neighbours by content, neighbour → item. This is what places an item
  that nobody has touched yet.
- `(item, belongs_to, brand)` and its reverse `(brand, holds, item)`, likewise for every other group.

A user is its history and what it stated, so a new user needs no retraining.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from recommender.ml.dataset import IntArray, Interactions

USER, ITEM = "user", "item"
INTERACTS = (USER, "interacts", ITEM)
REVERSE_INTERACTS = (ITEM, "rev_interacts", USER)
SIMILAR = (ITEM, "similar", ITEM)


def belongs_to(group: str) -> tuple[str, str, str]:
    """The edge type from items to the brand, category, … they are of."""
    return (ITEM, "belongs_to", group)


def holds(group: str) -> tuple[str, str, str]:
    """The reverse of `belongs_to`."""
    return (group, "holds", ITEM)


def group_names(data: HeteroData) -> list[str]:
    """The node types that are neither users nor items, in the order they were built."""
    return [name for name in data.node_types if name not in (USER, ITEM)]


def group_of_items(data: HeteroData, group: str) -> Tensor:
    """(n_items,) int64 number of each item's brand, category, …; -1 for none."""
    numbers = torch.full((data[ITEM].num_nodes,), -1)
    item, number = data[belongs_to(group)].edge_index
    numbers[item] = number
    return numbers


def build_graph(interactions: Interactions, *, neighbours: IntArray) -> HeteroData:
    """The graph of all `interactions`, whose edge e is interaction e in both directions.

    interactions: one event per (user, item), see `Interactions.deduplicated`; a user's edges are then a range
    in time order, and holding back an edge holds back everything that this user did with this item.
    neighbours: (n_items, k) int64 as `content_neighbours` returns it, -1 for none.
    `data["item"].content`: (n_items, D) float32; `data["user"].features`: (n_users, 1 + F) float32, whether the
    user is synthetic, then what it stated; `data[INTERACTS].weight`: (E,) float32; `.time`: (E,) float64.
    Raises ValueError naming a repeated (user, item), the shape of `neighbours` if it does not fit, or a group that
    is called like a node type of its own.
    """
    if len(neighbours) != interactions.n_items:
        raise ValueError(f"neighbours: expected {interactions.n_items} rows, received shape {neighbours.shape!r}")
    taken = {USER, ITEM} & set(interactions.groups)
    if taken:
        raise ValueError(f"groups: received {taken.pop()!r}, which is a node type of its own")
    pairs, count = np.unique(interactions.user * interactions.n_items + interactions.item, return_counts=True)
    if (count > 1).any():
        user_index, item_index = divmod(int(pairs[count.argmax()]), interactions.n_items)
        raise ValueError(f"interactions: received user {user_index} with item {item_index} {count.max()} times")
    user = torch.from_numpy(np.ascontiguousarray(interactions.user, dtype=np.int64))
    item = torch.from_numpy(np.ascontiguousarray(interactions.item, dtype=np.int64))
    destination, rank = np.nonzero(neighbours >= 0)

    data = HeteroData()
    data[USER].num_nodes = interactions.n_users
    data[USER].features = torch.from_numpy(
        np.column_stack([interactions.synthetic_users(), interactions.user_features]).astype(np.float32)
    )
    data[ITEM].num_nodes = interactions.n_items
    data[ITEM].content = torch.from_numpy(np.ascontiguousarray(interactions.content, dtype=np.float32))
    data[INTERACTS].edge_index = torch.stack([user, item])
    data[INTERACTS].weight = torch.from_numpy(np.ascontiguousarray(interactions.weight, dtype=np.float32))
    data[INTERACTS].time = torch.from_numpy(np.ascontiguousarray(interactions.time))
    data[REVERSE_INTERACTS].edge_index = data[INTERACTS].edge_index.flip(0)
    data[SIMILAR].edge_index = torch.from_numpy(np.stack([neighbours[destination, rank], destination]).astype(np.int64))
    for name, group in interactions.groups.items():
        data[name].num_nodes = int(group.max(initial=-1)) + 1
        member = np.flatnonzero(group >= 0)
        data[belongs_to(name)].edge_index = torch.from_numpy(np.stack([member, group[member]]))
        data[holds(name)].edge_index = data[belongs_to(name)].edge_index.flip(0)
    return data
