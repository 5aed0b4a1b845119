"""Trains GraphSAGE: users are their histories, items hear from similar items and from the users who took them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import HeteroData

from recommender.ml.checkpoint import Checkpoint
from recommender.ml.dataset import Interactions
from recommender.ml.distributed import leads
from recommender.ml.graph import ITEM, USER, build_graph, group_names
from recommender.ml.graph_batches import SupervisionBatches
from recommender.ml.graph_neighbours import content_neighbours
from recommender.ml.graph_sparsify import kept_content_neighbours, message_edges
from recommender.ml.graphsage_export import export_graphsage
from recommender.ml.graphsage_model import GraphSAGE
from recommender.ml.progress import EpochCallback
from recommender.ml.sampled_losses import RANKING_LOSSES, RankingLoss
from recommender.ml.training import fit_epochs, seed_everything
from recommender.ml.warm_start import WarmStart, write_weights


@dataclass(frozen=True)
class GraphSAGEConfig:
    """How GraphSAGE is built and trained; the defaults suit shops of hundreds to some ten thousand items."""

    embedding_size: int = 64
    """d, of users and items in every layer."""

    content_components: int = 64
    """Principal components of the content that an item starts from, at most."""

    identity: bool = False
    """Whether items with content have an ID embedding too; where no item has content, all have one.

    Without, new items lack nothing that known ones have, and a step takes less than half the time. NDCG@10 in two
    planted worlds: .347 without against .348 with, 120 items; .400 against .424, 60 items."""

    fan_out: tuple[int, ...] = (10, 5)
    """Neighbours sampled per item and edge type in training, one entry per hop; as many layers."""

    neighbours: int = 10
    """Content neighbours of each item in the graph."""

    keep_edges: float = 1.0
    """Share of the interactions that messages run along in training (`graph_sparsify.message_edges`); all are
    predicted, each from the whole of its user's history before it."""

    history_length: int = 50
    """Latest items of a history that a user node hears from."""

    audience: int = 100
    """Latest users that an item hears from once it is trained."""

    half_lives: tuple[float, ...] = (20.0, 1.0)
    """Items after which the weight of a history item halves, one convolution for each: taste and mood."""

    dropout: float = 0.3
    """Chance that a hidden unit is dropped in training."""

    id_dropout: float = 0.2
    """Chance that an item with content loses its ID embedding for a step."""

    cold_share: float = 0.1
    """Chance that it loses its users as well, so that items nobody has touched yet are learned too."""

    loss: RankingLoss = "softmax"
    """How an interaction's item is set against the negatives: sampled softmax, pairwise (BPR) or pointwise (BCE)."""

    negatives: int = 1024
    """Items drawn for every batch to score against, half uniformly and half by popularity; as many as items: all."""

    temperature: float = 0.07
    """Of the logits at the start; it is learned."""

    epochs: int = 20
    """Passes over all interactions."""

    learning_rate: float = 3e-3
    """AdamW's at the start; it decays to 0 along a cosine."""

    batch_size: int = 4096
    """Interactions predicted per step in large worlds: at most a 256th of all, but 512 if that is less than a 32nd.

    A small world needs many steps, and a batch's edges are missing from its messages."""

    reg: float = 1e-5
    """Weight decay."""

    seed: int = 0
    """Everything random follows from it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fan_out", tuple(self.fan_out))  # JSON brings lists
        object.__setattr__(self, "half_lives", tuple(self.half_lives))
        for name in (
            "embedding_size",
            "content_components",
            "history_length",
            "audience",
            "negatives",
            "epochs",
            "batch_size",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least 1")
        for name in ("dropout", "id_dropout", "cold_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected 0 up to below 1")
        if not 0 < self.keep_edges <= 1:
            raise ValueError(f"keep_edges: received {self.keep_edges!r}, expected above 0 up to 1")
        if self.neighbours < 0:
            raise ValueError(f"neighbours: received {self.neighbours!r}, expected at least 0")
        for name in ("temperature", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected more than 0")
        if self.loss not in RANKING_LOSSES:
            raise ValueError(f"loss: received {self.loss!r}, expected one of {', '.join(RANKING_LOSSES)}")
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
    warm_start: WarmStart | None = None,
) -> None:
    """Trains, then writes the artifact that GraphSAGEScorer serves.

    Raises ValueError if no event has a positive weight.
    """
    if not (interactions.weight > 0).any():
        raise ValueError(f"interactions: received {len(interactions.item)} events, none with positive weight")
    known = _shuffle_synthetic(interactions.deduplicated(), seed=config.seed)
    neighbours = content_neighbours(known.content, kept_content_neighbours(config.neighbours, config.keep_edges))
    data = build_graph(known, neighbours=neighbours)
    with torch.random.fork_rng(devices=[]):
        seed_everything(config.seed, 0)
        model = make_graphsage(data, config)
    if warm_start is not None:
        _with_readable_statements(warm_start, model).apply(model)
    batches = SupervisionBatches(
        data, model, config, message_edges=torch.from_numpy(message_edges(known, config.keep_edges))
    )
    optimizer = make_optimizer(model, config)

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
    if not leads():
        return
    export_graphsage(model, data, asdict(config), directory=directory)
    write_weights(directory, model, by_item=("identity.weight",) if model.identity is not None else ())


def _with_readable_statements(warm_start: WarmStart, model: GraphSAGE) -> WarmStart:
    """The same weights, but new ones for statements where those have another size: nobody had stated anything yet."""
    stored, own = warm_start.shared.get("user_projection"), model.user_projection.detach().numpy()
    if stored is None or stored.shape == own.shape or stored.shape[1:] != own.shape[1:]:
        return warm_start
    fitted = np.concatenate([stored[:1], own[1:]])  # the first row tells who is synthetic
    return replace(warm_start, shared={**warm_start.shared, "user_projection": fitted})


def make_graphsage(data: HeteroData, config: GraphSAGEConfig) -> GraphSAGE:
    """An untrained model for the graph; its weights come from torch's global generator."""
    content = data[ITEM].content
    return GraphSAGE(
        content,
        user_features=data[USER].features.shape[1],
        groups={name: data[name].num_nodes for name in group_names(data)},
        embedding_size=config.embedding_size,
        content_components=config.content_components,
        identity=config.identity or not content.any(),
        layers=len(config.fan_out),
        half_lives=len(config.half_lives),
        dropout=config.dropout,
        temperature=config.temperature,
    )


def make_optimizer(model: GraphSAGE, config: GraphSAGEConfig) -> torch.optim.Optimizer:
    """AdamW over all parameters."""
    return torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.reg, foreach=True)


def _shuffle_synthetic(interactions: Interactions, *, seed: int) -> Interactions:
    """The same events with each synthetic user's in random order: their order carries no meaning."""
    events = np.flatnonzero(interactions.synthetic)
    rank = np.random.default_rng(seed).random(len(events))
    order = np.arange(len(interactions.item))
    order[events] = events[np.lexsort((rank, interactions.user[events]))]
    return replace(interactions, item=interactions.item[order], weight=interactions.weight[order])
