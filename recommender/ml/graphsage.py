"""Trains GraphSAGE: users are their histories, items hear from similar items and from the users who took them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.loader import LinkLoader

from recommender.ml.checkpoint import Checkpoint
from recommender.ml.dataset import Interactions
from recommender.ml.graph import INTERACTS, ITEM, USER, batch_messages, build_graph, content_neighbours
from recommender.ml.graph_sampler import InteractionSampler
from recommender.ml.graphsage_export import export_graphsage
from recommender.ml.graphsage_model import GraphSAGE
from recommender.ml.losses import weighted_softmax_cross_entropy
from recommender.ml.progress import EpochCallback
from recommender.ml.training import fit_epochs, seed_everything


@dataclass(frozen=True)
class GraphSAGEConfig:
    """How GraphSAGE is built and trained; the defaults suit shops of hundreds to some ten thousand items."""

    embedding_size: int = 64
    """d, of users and items in every layer."""

    fan_out: tuple[int, ...] = (10, 5)
    """Neighbours sampled per item and edge type in training, one entry per hop; as many layers."""

    neighbours: int = 10
    """Content neighbours of each item in the graph."""

    history_length: int = 50
    """Latest items of a history that a user node hears from."""

    half_lives: tuple[float, ...] = (20.0, 1.0)
    """Items after which the weight of a history item halves, one convolution for each: taste and mood."""

    dropout: float = 0.3
    """Chance that a hidden unit is dropped in training."""

    id_dropout: float = 0.2
    """Chance that an item with content loses its ID embedding for a step."""

    cold_share: float = 0.1
    """Chance that it loses its users as well, so that items nobody has touched yet are learned too."""

    negatives: int = 1024
    """Uniformly drawn items that every batch is scored against; at least as many as items: all of them."""

    temperature: float = 0.07
    """Of the softmax at the start; it is learned."""

    epochs: int = 20
    """Passes over all interactions."""

    learning_rate: float = 3e-3
    """AdamW's at the start; it decays to 0 along a cosine."""

    batch_size: int = 512
    """Interactions predicted per step, at most a 32nd of all: a batch's edges are missing from its messages."""

    reg: float = 1e-5
    """Weight decay."""

    seed: int = 0
    """Everything random follows from it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fan_out", tuple(self.fan_out))  # JSON brings lists
        object.__setattr__(self, "half_lives", tuple(self.half_lives))
        for name in ("embedding_size", "history_length", "negatives", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least 1")
        for name in ("dropout", "id_dropout", "cold_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected 0 up to below 1")
        if self.neighbours < 0:
            raise ValueError(f"neighbours: received {self.neighbours!r}, expected at least 0")
        for name in ("temperature", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected more than 0")
        if not self.fan_out or min(self.fan_out) < 1:
            raise ValueError(f"fan_out: received {self.fan_out!r}, expected at least one hop of at least 1")
        if not self.half_lives or min(self.half_lives) <= 0:
            raise ValueError(f"half_lives: received {self.half_lives!r}, expected at least one above 0")


def train_graphsage(
    interactions: Interactions,
    config: GraphSAGEConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Trains, then writes the artifact that GraphSAGEScorer serves.

    Raises ValueError if no event has a positive weight.
    """
    if not (interactions.weight > 0).any():
        raise ValueError(f"interactions: received {len(interactions.item)} events, none with positive weight")
    known = _shuffle_synthetic(interactions.deduplicated(), seed=config.seed)
    data = build_graph(known, neighbours=content_neighbours(known.content, config.neighbours))
    with torch.random.fork_rng(devices=[]):
        seed_everything(config.seed, 0)
        model = GraphSAGE(
            data[ITEM].content,
            embedding_size=config.embedding_size,
            layers=len(config.fan_out),
            half_lives=len(config.half_lives),
            dropout=config.dropout,
            temperature=config.temperature,
        )
    batches = SupervisionBatches(data, config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.reg, foreach=True)

    def train_epoch(epoch: int, rng: np.random.Generator) -> float:
        model.train()
        total = 0.0
        for step, batch in enumerate(batches.epoch(rng), start=(epoch - 1) * batches.steps):
            decay = 0.5 * (1 + math.cos(math.pi * step / (config.epochs * batches.steps)))
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * decay
            optimizer.zero_grad(set_to_none=True)
            loss = batches.loss(model, batch)
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / batches.steps

    fit_epochs(
        model=model,
        optimizer=optimizer,
        epochs=config.epochs,
        seed=config.seed,
        train_epoch=train_epoch,
        progress=progress,
        checkpoint=checkpoint,
        fingerprint={"kind": "graphsage", "edges": len(known.item), "content": list(known.content.shape)}
        | {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()},
    )
    export_graphsage(model, data, asdict(config), directory=directory)


class SupervisionBatches:
    """The supervision edges of each epoch with their sampled neighbourhoods, and the loss of a batch."""

    def __init__(self, data: HeteroData, config: GraphSAGEConfig) -> None:
        self.config = config
        self.weight = data[INTERACTS].weight
        supervised = torch.nonzero(self.weight > 0).squeeze(1)
        self.batch_size = min(config.batch_size, max(32, len(supervised) // 32))
        self.generator = torch.Generator()
        self.sampler = InteractionSampler(
            data,
            fan_out=config.fan_out,
            history_length=config.history_length,
            negatives=config.negatives,
            generator=self.generator,
        )
        self.loader = LinkLoader(
            data,
            self.sampler,
            edge_label_index=(INTERACTS, data[INTERACTS].edge_index[:, supervised]),
            input_id=supervised,
            batch_size=self.batch_size,
            shuffle=True,
            generator=self.generator,
        )
        self.log_inclusion = self._log_inclusion(data[INTERACTS].edge_index[1, supervised], data[ITEM].num_nodes)

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return len(self.loader)

    def epoch(self, rng: np.random.Generator) -> Iterator[HeteroData]:
        """Batches in an order, and with neighbourhoods and negatives, that follow from `rng` alone."""
        self.generator.manual_seed(int(rng.integers(2**63)))
        return iter(self.loader)

    def loss(self, model: GraphSAGE, batch: HeteroData) -> Tensor:
        """Softmax cross-entropy of each supervision edge's item among the batch's candidate items.

        A candidate's share of the denominator is divided by its chance of being one (Horvitz and Thompson 1952),
        which makes the sum an unbiased estimate of the sum over all items. What the user took at other times is
        no negative: ranking leaves it out as well.
        """
        ids = batch[ITEM].n_id
        has_content = (batch[ITEM].content != 0).any(dim=1)
        cold = has_content & (self._random(len(ids)) < self.config.cold_share)
        nameless = cold | (has_content & (self._random(len(ids)) < self.config.id_dropout))
        messages = batch_messages(batch, layers=len(self.config.fan_out), half_lives=self.config.half_lives)
        users, items, _ = model(batch[ITEM].content, ids, batch[USER].num_nodes, messages, cold=cold, nameless=nameless)
        supervision = batch[INTERACTS].input_id
        target = batch[INTERACTS].edge_label_index[1]
        candidates = ids[: len(items)]

        offset = -self.log_inclusion[candidates].expand(len(supervision), -1).clone()
        row, column = self.sampler.seen_candidates(batch[USER].n_id[: len(supervision)], candidates)
        offset[row, column] = -torch.inf
        offset[torch.arange(len(target)), target] = 0.0
        return weighted_softmax_cross_entropy(users @ items.T + offset, target, self.weight[supervision])

    def _log_inclusion(self, positives: Tensor, n_items: int) -> Tensor:
        """(n_items,) log of the chance that an item is in a batch's candidates, as a negative or a positive."""
        if self.config.negatives >= n_items:
            return torch.zeros(n_items)
        share = torch.bincount(positives, minlength=n_items).double() / len(positives)
        missed = (1 - 1 / n_items) ** self.config.negatives * (1 - share) ** self.batch_size
        return torch.log1p(-missed).float()

    def _random(self, size: int) -> Tensor:
        return torch.rand(size, generator=self.generator)


def _shuffle_synthetic(interactions: Interactions, *, seed: int) -> Interactions:
    """The same events with each synthetic user's in random order: their order carries no meaning."""
    events = np.flatnonzero(interactions.synthetic)
    rank = np.random.default_rng(seed).random(len(events))
    order = np.arange(len(interactions.item))
    order[events] = events[np.lexsort((rank, interactions.user[events]))]
    return replace(interactions, item=interactions.item[order], weight=interactions.weight[order])
