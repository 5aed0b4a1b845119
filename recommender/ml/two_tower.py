"""Trains the two-tower model: a sequential user tower against an item tower of content and identity."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from recommender.ml.checkpoint import Checkpoint
from recommender.ml.dataset import Interactions
from recommender.ml.losses import weighted_softmax_cross_entropy
from recommender.ml.progress import EpochCallback
from recommender.ml.sequences import SequenceBatch, SequenceBatches
from recommender.ml.towers import ItemTower, UserTower
from recommender.ml.training import fit_epochs, seed_everything
from recommender.ml.two_tower_export import export_two_tower


@dataclass(frozen=True)
class TwoTowerConfig:
    """embedding_size: d, of both towers. length: latest items of a history that are read.
    blocks, heads, kernel, convolution_share: shape of the user tower.
    dropout, attention_dropout, id_dropout: chances; id_dropout is per item and step.
    temperature: of the softmax at the start; it is learned.
    epochs, learning_rate, warmup_steps: Adam, linear warm-up, cosine decay to 0.
    batch_size: items per batch. reg: weight decay (AdamW). seed: everything random.
    """

    embedding_size: int = 64
    length: int = 50
    blocks: int = 2
    heads: int = 2
    kernel: int = 8
    convolution_share: float = 0.7
    dropout: float = 0.5
    attention_dropout: float = 0.3
    id_dropout: float = 0.3
    temperature: float = 0.07
    epochs: int = 30
    learning_rate: float = 2e-3
    warmup_steps: int = 100
    batch_size: int = 1500
    reg: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("embedding_size", "length", "blocks", "heads", "kernel", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least 1")
        if self.embedding_size % self.heads:
            raise ValueError(f"heads: received {self.heads!r}, expected a divisor of {self.embedding_size}")
        for name in ("dropout", "attention_dropout", "id_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected 0 up to below 1")


class TwoTower(nn.Module):
    """Both towers; the item vectors a history is read from are the ones it is scored against."""

    def __init__(self, content: Tensor, config: TwoTowerConfig) -> None:
        super().__init__()
        self.item_tower = ItemTower(content, config.embedding_size, id_dropout=config.id_dropout)
        self.user_tower = UserTower(
            config.embedding_size,
            blocks=config.blocks,
            heads=config.heads,
            length=config.length,
            kernel=config.kernel,
            convolution_share=config.convolution_share,
            dropout=config.dropout,
            attention_dropout=config.attention_dropout,
            temperature=config.temperature,
        )

    def loss(self, batch: SequenceBatch) -> Tensor:
        """Next-item cross-entropy at every position, the first item predicted from the start vector."""
        items, weight = torch.from_numpy(batch.items), torch.from_numpy(batch.weight)
        vectors = self.item_tower()
        users = self.user_tower(vectors[items[:, :-1]])
        counted = weight > 0
        return weighted_softmax_cross_entropy(users[counted] @ vectors.T, items[counted], weight[counted])


def train_two_tower(
    interactions: Interactions,
    config: TwoTowerConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Trains, then writes the artifact that TwoTowerScorer serves.

    Raises ValueError if no event has a positive weight.
    """
    if not (interactions.weight > 0).any():
        raise ValueError(f"interactions: received {len(interactions.item)} events, none with positive weight")
    with torch.random.fork_rng(devices=[]):
        seed_everything(config.seed, 0)
        model = TwoTower(torch.from_numpy(interactions.content), config)
    batches = SequenceBatches(interactions, length=config.length, batch_size=config.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.reg, foreach=True)

    def train_epoch(epoch: int, rng: np.random.Generator) -> float:
        model.train()
        total = 0.0
        for step, batch in enumerate(batches.epoch(rng)):
            learning_rate = config.learning_rate * _schedule(
                (epoch - 1) * batches.steps + step, config.epochs * batches.steps, config.warmup_steps
            )
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.zero_grad(set_to_none=True)
            loss = model.loss(batch)
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
        fingerprint={"kind": "two_tower", "content": list(interactions.content.shape), **asdict(config)},
    )
    export_two_tower(model, config, directory=directory)


def _schedule(step: int, steps: int, warmup_steps: int) -> float:
    """Share of the peak learning rate: up in a line, down in a cosine."""
    warmup = min(warmup_steps, max(steps // 10, 1))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))
