"""Training batches of GraphSAGE: interactions to predict, their sampled neighbourhoods, and the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from recommender.ml.distributed import diverge, own_share, shared_steps
from recommender.ml.graph import INTERACTS, ITEM
from recommender.ml.graph_features import FeatureMeans, batch_messages
from recommender.ml.graph_sampler import InteractionSampler, SampledGraph
from recommender.ml.graphsage_model import GraphSAGE, log_popularity
from recommender.ml.sampled_losses import sampled_ranking_loss

if TYPE_CHECKING:
    from recommender.ml.graphsage import GraphSAGEConfig


class SupervisionBatches:
    """The supervision edges of each epoch with their sampled neighbourhoods, and the loss of a batch.

    A model without ID embeddings knows its first layer's messages (`FeatureMeans`): the last hop is not sampled.
    message_edges: (E,) bool, the interactions that messages may run along; None: all.
    """

    def __init__(
        self, data: HeteroData, model: GraphSAGE, config: GraphSAGEConfig, *, message_edges: Tensor | None = None
    ) -> None:
        self.config = config
        self.user, self.item = data[INTERACTS].edge_index
        self.weight = data[INTERACTS].weight
        self.supervised = torch.nonzero(self.weight > 0).squeeze(1)
        self.batch_size = batch_size_for(len(self.supervised), config.batch_size)
        self.generator = torch.Generator()
        self.layers = len(config.fan_out)
        hops = self.layers if model.identity is not None else max(self.layers - 1, 1)
        self.sampler = InteractionSampler(
            data,
            fan_out=config.fan_out[:hops],
            audience_hops=self.layers - 1,
            history_length=config.history_length,
            negatives=config.negatives,
            generator=self.generator,
            message_edges=message_edges,
        )
        self.taken = torch.zeros(data[ITEM].num_nodes).index_add_(0, self.item, self.weight)
        self.has_content = data[ITEM].content.any(dim=1)
        self.means = FeatureMeans(
            data,
            model.features(data[ITEM].content),
            half_lives=config.half_lives,
            history_length=config.history_length,
            message_edges=message_edges,
        )
        self.log_inclusion = self._log_inclusion(data[ITEM].num_nodes)

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return shared_steps(-(-len(self.supervised) // self.batch_size))

    def epoch(self, rng: np.random.Generator) -> Iterator[SampledGraph]:
        """Batches in an order, and with neighbourhoods and negatives, that follow from `rng` alone."""
        self.generator.manual_seed(int(rng.integers(2**63)))
        keys = torch.randint(2**31, (_ROUNDS,), generator=self.generator).tolist()
        diverge(self.generator)
        for start in own_share(range(0, len(self.supervised), self.batch_size)):
            places = torch.arange(start, min(start + self.batch_size, len(self.supervised)))
            edges = self.supervised[shuffled(places, len(self.supervised), keys)]
            yield self.sampler.sample(edges, self.user[edges], self.item[edges])

    def loss(self, model: GraphSAGE, batch: SampledGraph) -> Tensor:
        """The configured loss of each supervision edge's item against the batch's negatives.

        What the user took at other times is no negative: ranking leaves it out as well.
        """
        ids = batch.node[ITEM]
        has_content = self.has_content[ids]
        cold = has_content & (self._random(len(ids)) < self.config.cold_share)
        warm, named = (~cold).float(), None
        if model.identity is not None:
            named = (~(cold | (has_content & (self._random(len(ids)) < self.config.id_dropout)))).float()
        matrices, messages = batch_messages(
            batch,
            layers=self.layers,
            half_lives=self.config.half_lives,
            weight=self.weight,
            first=model.identity is not None,
        )
        first = self.means.of(batch, layers=self.layers, matrices=matrices)
        scored = batch.nodes_within(ITEM, 1)
        taken = self.taken[ids[:scored]].index_add(0, batch.target, self.weight[batch.supervision], alpha=-1)
        users, items, _, _ = model(
            first, messages, popularity=log_popularity(taken) * warm[:scored], named=named, warm=warm
        )
        seeds = users[: len(batch.target)]
        negatives = ids[: batch.negatives]
        return sampled_ranking_loss(
            self.config.loss,
            seeds,
            items.index_select(0, batch.target),
            items[: batch.negatives],
            log_inclusion=self.log_inclusion[negatives],
            excluded=self.sampler.seen_candidates(self.user[batch.supervision], negatives),
            weight=self.weight[batch.supervision],
        )

    def _log_inclusion(self, n_items: int) -> Tensor:
        """(n_items,) log of the chance that an item is among a batch's negatives."""
        if self.config.negatives >= n_items:
            return torch.zeros(n_items)
        share = torch.bincount(self.item, minlength=n_items).double() / len(self.item)
        by_popularity = self.config.negatives // 2
        missed = (1 - 1 / n_items) ** (self.config.negatives - by_popularity) * (1 - share) ** by_popularity
        return torch.log1p(-missed).float()

    def _random(self, size: int) -> Tensor:
        return torch.rand(size, generator=self.generator)


_ROUNDS = 4


def shuffled(places: Tensor, size: int, keys: Sequence[int]) -> Tensor:
    """The numbers at `places` of a random order of 0 … size − 1 that is never held: memory does not grow with `size`.

    A Feistel network (Luby and Rackoff 1988) permutes the numbers below the next power of 4; those that leave the range
    walk on until they are back. keys: one per round, at least 4.
    """
    half = max(1, (max(size - 1, 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    numbers, outside = places.clone(), torch.arange(len(places))
    while len(outside):
        left, right = numbers[outside] >> half, numbers[outside] & mask
        for key in keys:
            mixed = (right + key) * 0x9E3779B1
            mixed = (mixed ^ (mixed >> 15)) * 0x85EBCA6B
            left, right = right, left ^ ((mixed ^ (mixed >> 13)) & mask)
        numbers[outside] = (left << half) | right
        outside = outside[numbers[outside] >= size]
    return numbers


def batch_size_for(edges: int, largest: int) -> int:
    """At most `largest`; a 256th of the edges, but 512 or a 32nd of them, the smaller, if that is more."""
    return min(largest, max(edges // 256, min(512, max(32, edges // 32))))
