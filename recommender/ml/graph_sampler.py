"""Neighbourhood sampling for GraphSAGE, as a PyTorch Geometric sampler without compiled extensions.

PyTorch Geometric's own samplers need pyg-lib or torch-sparse; this one is vectorised torch over CSC. Training calls
`InteractionSampler.sample`; PyTorch Geometric's loaders can drive it as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.sampler import BaseSampler, EdgeSamplerInput, HeteroSamplerOutput, NodeSamplerInput

from recommender.ml.graph import INTERACTS, ITEM, REVERSE_INTERACTS, SIMILAR, USER
from recommender.ml.graph_messages import edges_by_item, segment_starts

EDGE_TYPES = (SIMILAR, INTERACTS, REVERSE_INTERACTS)
EdgeType = tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class SampledGraph:
    """A batch's neighbourhood, nodes numbered locally in the order they were met, hop after hop.

    supervision: (B,) positions of the predicted interactions; local user b is the seed of supervision edge b.
    target: (B,) local item of each. negatives: the first so many items are what every seed is scored against.
    node, count_nodes: per node type, graph numbers and how many each hop met (hop 0: seeds, and items scored).
    row, column, edge, count_edges: per edge type, local source and destination, position in the graph, and how many
        each hop brought; destinations ascend, so a layer drops the tail it does not need.
    reread: (R,) local users beyond the seeds with a supervision edge in this batch, and (reread_owner,
        reread_item): their items without it, owner counting in `reread`. Their history is not what it is otherwise.
    """

    supervision: Tensor
    target: Tensor
    negatives: int
    node: dict[str, Tensor]
    count_nodes: dict[str, list[int]]
    row: dict[EdgeType, Tensor]
    column: dict[EdgeType, Tensor]
    edge: dict[EdgeType, Tensor]
    count_edges: dict[EdgeType, list[int]]
    reread: Tensor
    reread_owner: Tensor
    reread_item: Tensor

    def nodes_within(self, node_type: str, hops: int) -> int:
        """How many nodes of a type were met in hops 0 … hops − 1."""
        return sum(self.count_nodes[node_type][:hops])


class InteractionSampler(BaseSampler):
    """Samples the neighbourhoods that predict the batch's interactions (its supervision edges).

    Seeds are one user node per supervision edge, holding only what that user did *before* it, the batch's
    items, and shared negatives: `negatives` draws, half of them uniform and half by popularity (all items once
    `negatives` ≥ their number). The supervision edges are in nobody's messages: a user's own seed stops before its
    edge, and every other sampled neighbourhood leaves the batch's edges out, in both directions.

    A user's neighbours are its most recent items; an item takes all its neighbours up to k, else k picks.
    Edges come out sorted by destination, hop after hop, so they are a CSR matrix as they are.

    fan_out: neighbours per item and edge type, for each hop. history_length: items per seed user.
    audience_hops: at so many hops items reach the users who took them, by default at all but the last: users have
        nothing to say before they heard from their items.
    message_edges: (E,) bool, the interactions that messages may run along; None: all. Every interaction can be
        supervision, and a seed's own history is whole: it is what is asked about.
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
        audience_hops: int | None = None,
        message_edges: Tensor | None = None,
    ) -> None:
        if not fan_out or min(fan_out) < 1:
            raise ValueError(f"fan_out: expected at least one hop of at least 1, received {tuple(fan_out)!r}")
        if history_length < 1:
            raise ValueError(f"history_length: expected at least 1, received {history_length!r}")
        self.fan_out = tuple(fan_out)
        self.audience_hops = len(self.fan_out) - 1 if audience_hops is None else audience_hops
        self.history_length = history_length
        self.negatives = negatives
        self.generator = generator
        self.n_users, self.n_items = data[USER].num_nodes, data[ITEM].num_nodes

        # Kept edges in 4 bytes a number: the graph is what grows, and what gathers read.
        user, item = data[INTERACTS].edge_index
        self._taken, self._taken_start = item.int(), segment_starts(user, self.n_users)
        by_item = edges_by_item(data)
        self._kept: Tensor | None = None
        self._items_of_user, self._user_start = self._taken, self._taken_start
        if message_edges is not None and not message_edges.all():
            self._kept = message_edges
            self._before = message_edges.cumsum(0).int() - message_edges.int()
            user, item, by_item = user[message_edges], item[message_edges], by_item[message_edges[by_item]]
            self._original = torch.nonzero(message_edges).squeeze(1).int()
            by_item = self._before[by_item].long()
            self._items_of_user, self._user_start = item.int(), segment_starts(user, self.n_users)
        self._edge_of_item_slot = by_item.int()
        self._users_of_item = user[by_item].int()
        self._item_start = segment_starts(item, self.n_items)
        similar, destination = data[SIMILAR].edge_index
        self._similar, self._similar_start = similar.int(), segment_starts(destination, self.n_items)

        # Scratch reused by every batch and put back after it: clearing 1M entries would cost more than sampling.
        self._held_out = torch.zeros(len(user), dtype=torch.bool)
        self._local = {USER: torch.full((self.n_users,), -1), ITEM: torch.full((self.n_items,), -1)}
        self._met = {name: torch.zeros(len(local), dtype=torch.bool) for name, local in self._local.items()}

    @property
    def edge_permutation(self) -> None:
        """None: `edge` already holds the positions in the graph's `edge_index`."""
        return None

    def sample(self, supervision: Tensor, users: Tensor, items: Tensor) -> SampledGraph:
        """The neighbourhood of the interactions at positions `supervision` (B,), of `users` (B,) with `items` (B,)."""
        negatives = self._draw_negatives()
        local = self._local[ITEM]
        local[negatives] = torch.arange(len(negatives))
        others = self._discover(ITEM, items, len(negatives))
        target = local[items]
        held_out = supervision
        if self._kept is not None:
            held_out = self._before[supervision[self._kept[supervision]]].long()
        self._held_out[held_out] = True
        self._met[USER][users] = True
        try:
            return self._expand(supervision, users, torch.cat([negatives, others]), len(negatives), target)
        finally:
            self._held_out[held_out] = False
            self._met[USER][users] = False

    def sample_from_edges(self, index: EdgeSamplerInput, neg_sampling: None = None) -> HeteroSamplerOutput:
        """`sample` for PyTorch Geometric's LinkLoader; `index.input_id` are positions in the graph.

        `metadata[1]`: (2, B) local user and local item of each supervision edge.
        """
        if neg_sampling is not None:
            raise ValueError(f"neg_sampling: received {neg_sampling!r}, this sampler draws its own negatives")
        sampled = self.sample(index.input_id, index.row, index.col)
        label_index = torch.stack([torch.arange(len(sampled.target)), sampled.target])
        return _to_output(sampled, (sampled.supervision, label_index, None, None))

    def sample_items(self, items: Tensor) -> SampledGraph:
        """The neighbourhoods of distinct items, nothing held out: to embed items in parts."""
        nobody = items[:0]
        self._local[ITEM][items] = torch.arange(len(items))
        return self._expand(nobody, nobody, items, 0, nobody)

    def sample_from_nodes(self, index: NodeSamplerInput) -> HeteroSamplerOutput:
        """`sample_items` for PyTorch Geometric's NodeLoader."""
        if index.input_type != ITEM:
            raise ValueError(f"input_type: expected {ITEM!r}, received {index.input_type!r}")
        return _to_output(self.sample_items(index.node), (index.input_id, index.time))

    def seen_candidates(self, users: Tensor, candidates: Tensor, *, block: int = 1024) -> tuple[Tensor, Tensor]:
        """Rows, ascending, and columns of the (users, candidates) matrix where the user has taken the item.

        users: (B,), candidates: (C,) distinct items. A user's other items are no negatives. `block` users at a time,
        so that memory follows the candidates and not the length of histories.
        """
        local = self._local[ITEM]
        local[candidates] = torch.arange(len(candidates))
        rows, columns = [users[:0]], [users[:0]]
        for first in range(0, len(users), block):
            some = users[first : first + block]
            row, edge = spread(self._taken_start[some], self._taken_start[some + 1] - self._taken_start[some])
            column = local[self._taken[edge]]
            hit = torch.nonzero(column >= 0).squeeze(1)
            rows.append(row[hit] + first)
            columns.append(column[hit])
        local[candidates] = -1
        return torch.cat(rows), torch.cat(columns)

    def _draw_negatives(self) -> Tensor:
        """Distinct items, ascending. Uniform draws alone would hardly meet what most seeds compete with."""
        if self.negatives >= self.n_items:
            return torch.arange(self.n_items)
        uniform = torch.randint(self.n_items, (self.negatives - self.negatives // 2,), generator=self.generator)
        edge = torch.randint(len(self._taken), (self.negatives // 2,), generator=self.generator)
        met = self._met[ITEM]
        met[uniform] = True
        met[self._taken[edge].long()] = True
        drawn = torch.nonzero(met).squeeze(1)
        met[drawn] = False
        return drawn

    def _expand(
        self, supervision: Tensor, users: Tensor, items: Tensor, negatives: int, target: Tensor
    ) -> SampledGraph:
        nodes = {USER: [users], ITEM: [items]}
        rows: dict[EdgeType, list[Tensor]] = {edge_type: [] for edge_type in EDGE_TYPES}
        columns = {edge_type: list(parts) for edge_type, parts in rows.items()}
        edges = {edge_type: list(parts) for edge_type, parts in rows.items()}

        for hop, k in enumerate(self.fan_out):
            new = {USER: nodes[USER][hop], ITEM: nodes[ITEM][hop]}
            first = {name: sum(map(len, nodes[name][:hop])) for name in nodes}
            sampled = {
                SIMILAR: self._similar_items(new[ITEM], k),
                INTERACTS: self._interacted_users(new[ITEM] if hop < self.audience_hops else new[ITEM][:0], k),
                REVERSE_INTERACTS: (
                    self._earlier_items(users, self.history_length, supervision)
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

        node = {name: torch.cat(parts) for name, parts in nodes.items()}
        others = node[USER][len(users) :]
        reread = torch.nonzero(self._met[USER][others]).squeeze(1)
        owner, reread_item, _ = self._recent_items(others[reread], self.history_length)
        self._local[USER][others] = -1
        self._local[ITEM][node[ITEM]] = -1
        return SampledGraph(
            supervision=supervision,
            target=target,
            negatives=negatives,
            node=node,
            count_nodes={name: [len(part) for part in parts] for name, parts in nodes.items()},
            row={edge_type: torch.cat(parts) for edge_type, parts in rows.items()},
            column={edge_type: torch.cat(parts) for edge_type, parts in columns.items()},
            edge={edge_type: torch.cat(parts) for edge_type, parts in edges.items()},
            count_edges={edge_type: [len(part) for part in parts] for edge_type, parts in rows.items()},
            reread=reread + len(users),
            reread_owner=owner,
            reread_item=reread_item.long(),
        )

    def _discover(self, name: str, reached: Tensor, first: int) -> Tensor:
        """Numbers the nodes not seen before from `first` on, and returns them, ascending.

        Marking and reading the marks back took a tenth of what sorting the reached took.
        """
        local, met = self._local[name], torch.zeros_like(self._met[name])
        met[reached[local[reached] < 0].long()] = True
        new = torch.nonzero(met).squeeze(1)
        local[new] = torch.arange(first, first + len(new))
        return new

    def _similar_items(self, items: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        start = self._similar_start[items]
        owner, slot = self._pick(start, self._similar_start[items + 1] - start, k)
        return owner, self._similar[slot], slot

    def _interacted_users(self, items: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        start = self._item_start[items]
        owner, slot = self._pick(start, self._item_start[items + 1] - start, k)
        edge = self._edge_of_item_slot[slot].long()
        kept = torch.nonzero(~self._held_out[edge]).squeeze(1)
        return owner[kept], self._users_of_item[slot[kept]], self._positions(edge[kept])

    def _recent_items(self, users: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """The last k items of each user along the kept edges, without the batch's supervision."""
        end = self._user_start[users + 1]
        degree = (end - self._user_start[users]).clamp(max=k)
        owner, edge = spread(end - degree, degree)
        kept = torch.nonzero(~self._held_out[edge]).squeeze(1)
        owner, edge = owner[kept], edge[kept]
        return owner, self._items_of_user[edge], self._positions(edge)

    def _earlier_items(self, users: Tensor, k: int, before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The last k items of each user before the interactions at positions `before` (B,)."""
        degree = (before - self._taken_start[users]).clamp(max=k)
        owner, edge = spread(before - degree, degree)
        return owner, self._taken[edge], edge

    def _positions(self, kept_edge: Tensor) -> Tensor:
        """Positions in the graph of edges that are numbered among the kept ones."""
        return kept_edge if self._kept is None else self._original[kept_edge].long()

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
    return owner, torch.arange(len(owner)) + (start - first)[owner]


def _to_output(sampled: SampledGraph, metadata: tuple) -> HeteroSamplerOutput:
    return HeteroSamplerOutput(
        node=sampled.node,
        row=sampled.row,
        col=sampled.column,
        edge=sampled.edge,
        num_sampled_nodes=sampled.count_nodes,
        num_sampled_edges=sampled.count_edges,
        metadata=metadata,
    )
