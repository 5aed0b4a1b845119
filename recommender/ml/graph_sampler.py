"""Neighbourhood sampling for GraphSAGE, as a PyTorch Geometric sampler without compiled extensions.

PyTorch Geometric's own samplers need pyg-lib or torch-sparse; this one is vectorised torch over CSC and is
driven by `torch_geometric.loader.LinkLoader`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.sampler import BaseSampler, EdgeSamplerInput, HeteroSamplerOutput, NodeSamplerInput

from recommender.ml.graph import INTERACTS, ITEM, REVERSE_INTERACTS, SIMILAR, USER, segment_starts


class InteractionSampler(BaseSampler):
    """Samples the neighbourhoods that predict the batch's interactions (its supervision edges).

    Seeds are one user node per supervision edge, holding only what that user did *before* it, and the batch's
    items together with `negatives` uniformly drawn ones (all items once `negatives` ≥ their number). The
    supervision edges are in nobody's messages: a user's own seed stops before its edge, and every other sampled
    neighbourhood leaves the batch's edges out, in both directions.

    A user's neighbours are its most recent items; an item takes all its neighbours up to k, else k picks.
    Edges come out sorted by destination, hop after hop, so they are a CSR matrix as they are and a layer can
    drop the tail it does not need (`num_sampled_nodes`, `num_sampled_edges`).

    fan_out: neighbours per item and edge type, for each hop. history_length: items per seed user.
    generator: all randomness of the sampler; the caller seeds it.
    """

    def __init__(
        self,
        data: HeteroData,
        *,
        fan_out: Sequence[int],
        history_length: int,
        negatives: int,
        generator: torch.Generator,
    ) -> None:
        if not fan_out or min(fan_out) < 1:
            raise ValueError(f"fan_out: expected at least one hop of at least 1, received {tuple(fan_out)!r}")
        if history_length < 1:
            raise ValueError(f"history_length: expected at least 1, received {history_length!r}")
        self.fan_out = tuple(fan_out)
        self.history_length = history_length
        self.negatives = negatives
        self.generator = generator
        self.n_users, self.n_items = data[USER].num_nodes, data[ITEM].num_nodes

        user, item = data[INTERACTS].edge_index
        self._items_of_user = item
        self._user_start = segment_starts(user, self.n_users)
        self._edge_of_item_slot = torch.argsort(item, stable=True)
        self._users_of_item = user[self._edge_of_item_slot]
        self._item_start = segment_starts(item, self.n_items)
        self._similar, destination = data[SIMILAR].edge_index
        self._similar_start = segment_starts(destination, self.n_items)

        # Scratch reused by every batch and put back after it: clearing 1M entries would cost more than sampling.
        self._held_out = torch.zeros(len(user), dtype=torch.bool)
        self._local = {USER: torch.full((self.n_users,), -1), ITEM: torch.full((self.n_items,), -1)}

    @property
    def edge_permutation(self) -> None:
        """None: `edge` already holds the positions in the graph's `edge_index`."""
        return None

    def sample_from_edges(self, index: EdgeSamplerInput, neg_sampling: None = None) -> HeteroSamplerOutput:
        """The subgraph of a batch; `index.input_id` (B,) are the supervision edges' positions in the graph.

        Local user b is the seed of supervision edge b; local items below `num_sampled_nodes["item"][0]` are the
        candidates. `metadata[1]`: (2, B) local user and local item of each supervision edge.
        """
        if neg_sampling is not None:
            raise ValueError(f"neg_sampling: received {neg_sampling!r}, this sampler draws its own negatives")
        supervision = index.input_id
        candidates, target = torch.unique(torch.cat([index.col, self._draw_negatives()]), return_inverse=True)
        self._held_out[supervision] = True
        try:
            return self._expand(supervision, index.row, candidates, target[: len(supervision)])
        finally:
            self._held_out[supervision] = False

    def sample_from_nodes(self, index: NodeSamplerInput) -> HeteroSamplerOutput:
        """The neighbourhoods of distinct items, nothing held out: to embed items in parts with a `NodeLoader`."""
        if index.input_type != ITEM:
            raise ValueError(f"input_type: expected {ITEM!r}, received {index.input_type!r}")
        nobody = index.node[:0]
        out = self._expand(nobody, nobody, index.node, nobody)
        out.metadata = (index.input_id, index.time)
        return out

    def seen_candidates(self, users: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and columns of the (users, candidates) matrix where the user has interacted with the item.

        users: (B,), candidates: (C,) distinct items. A user's other items are no negatives.
        """
        local = self._local[ITEM]
        local[candidates] = torch.arange(len(candidates))
        start = self._user_start[users]
        row, edge = spread(start, self._user_start[users + 1] - start)
        column = local[self._items_of_user[edge]]
        local[candidates] = -1
        return row[column >= 0], column[column >= 0]

    def _draw_negatives(self) -> Tensor:
        if self.negatives >= self.n_items:
            return torch.arange(self.n_items)
        return torch.randint(self.n_items, (self.negatives,), generator=self.generator)

    def _expand(self, supervision: Tensor, users: Tensor, items: Tensor, target: Tensor) -> HeteroSamplerOutput:
        nodes = {USER: [users], ITEM: [items]}
        self._local[ITEM][items] = torch.arange(len(items))
        rows: dict[tuple[str, str, str], list[Tensor]] = {SIMILAR: [], INTERACTS: [], REVERSE_INTERACTS: []}
        columns = {edge_type: list(parts) for edge_type, parts in rows.items()}
        edges = {edge_type: list(parts) for edge_type, parts in rows.items()}

        for hop, k in enumerate(self.fan_out):
            new = {USER: nodes[USER][hop], ITEM: nodes[ITEM][hop]}
            first = {name: sum(map(len, nodes[name][:hop])) for name in nodes}
            sampled = {
                SIMILAR: self._similar_items(new[ITEM], k),
                INTERACTS: self._interacted_users(new[ITEM], k, last_hop=hop == len(self.fan_out) - 1),
                REVERSE_INTERACTS: (
                    self._recent_items(users, self.history_length, before=supervision)
                    if hop == 0
                    else self._recent_items(new[USER], k)
                ),
            }
            for name in nodes:
                reached = torch.cat([s[1] for edge_type, s in sampled.items() if edge_type[0] == name])
                nodes[name].append(self._discover(name, reached, sum(map(len, nodes[name]))))
            for edge_type, (owner, neighbour, edge) in sampled.items():
                rows[edge_type].append(self._local[edge_type[0]][neighbour])
                columns[edge_type].append(owner + first[edge_type[2]])
                edges[edge_type].append(edge)

        self._local[USER][torch.cat(nodes[USER][1:])] = -1
        self._local[ITEM][torch.cat(nodes[ITEM])] = -1
        return HeteroSamplerOutput(
            node={name: torch.cat(parts) for name, parts in nodes.items()},
            row={edge_type: torch.cat(parts) for edge_type, parts in rows.items()},
            col={edge_type: torch.cat(parts) for edge_type, parts in columns.items()},
            edge={edge_type: torch.cat(parts) for edge_type, parts in edges.items()},
            num_sampled_nodes={name: [len(part) for part in parts] for name, parts in nodes.items()},
            num_sampled_edges={edge_type: [len(part) for part in parts] for edge_type, parts in rows.items()},
            metadata=(supervision, torch.stack([torch.arange(len(users)), target]), None, None),
        )

    def _discover(self, name: str, reached: Tensor, first: int) -> Tensor:
        """Numbers the nodes not seen before from `first` on, and returns them."""
        local = self._local[name]
        new = torch.unique(reached[local[reached] < 0])
        local[new] = torch.arange(first, first + len(new))
        return new

    def _similar_items(self, items: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        start = self._similar_start[items]
        owner, slot = self._pick(start, self._similar_start[items + 1] - start, k)
        return owner, self._similar[slot], slot

    def _interacted_users(self, items: Tensor, k: int, *, last_hop: bool) -> tuple[Tensor, Tensor, Tensor]:
        if last_hop:  # users have no features of their own: before they heard from their items they say nothing
            empty = items[:0]
            return empty, empty, empty
        start = self._item_start[items]
        owner, slot = self._pick(start, self._item_start[items + 1] - start, k)
        edge = self._edge_of_item_slot[slot]
        kept = ~self._held_out[edge]
        return owner[kept], self._users_of_item[slot[kept]], edge[kept]

    def _recent_items(self, users: Tensor, k: int, before: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The last k items of each user; `before` (B,) cuts each user's history off at that edge."""
        stop = self._user_start[users + 1] if before is None else before
        degree = (stop - self._user_start[users]).clamp(max=k)
        owner, edge = spread(stop - degree, degree)
        if before is None:
            kept = ~self._held_out[edge]
            owner, edge = owner[kept], edge[kept]
        return owner, self._items_of_user[edge], edge

    def _pick(self, start: Tensor, degree: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """All slots of each segment if it has at most k, else k distinct ones, each with probability k / degree.

        Systematic sampling: one random offset per segment, then every (degree / k)-th slot.
        """
        count = degree.clamp(max=k)
        owner, rank = spread(torch.zeros_like(count), count)
        offset = torch.rand(len(start), generator=self.generator, dtype=torch.float64)
        step = degree.double() / count.clamp(min=1)
        drawn = ((rank + offset[owner]) * step[owner]).long()
        slot = torch.where((degree <= k)[owner], rank, drawn)
        return owner, start[owner] + torch.minimum(slot, degree[owner] - 1)


def spread(start: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Segment number and value of start[s], start[s] + 1, …: count[s] values for each segment s, in order."""
    owner = torch.repeat_interleave(torch.arange(len(count)), count)
    first = count.cumsum(0) - count
    return owner, torch.arange(len(owner)) - first[owner] + start[owner]
