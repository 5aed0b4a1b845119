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
from recommender.ml.losses import full_softmax_loss
from recommender.ml.progress import EpochCallback
from recommender.ml.sequences import SequenceBatch, SequenceBatches
from recommender.ml.towers import ItemTower, UserTower
from recommender.ml.training import fit_epochs, seed_everything
from recommender.ml.two_tower_export import export_two_tower


@dataclass(frozen=True)
class TwoTowerConfig:
    """How the towers are built and trained; the defaults suit shops of hundreds to some thousand items.

    For a hundred thousand events and more: two blocks, batch_size 1500, learning_rate 2e-3, 30 epochs.
    """

    embedding_size: int = 64
    """d, of both towers."""

    content_components: int = 128
    """Principal components of the content that the item tower reads, at most."""

    length: int = 50
    """Latest items of a history that are read."""

    blocks: int = 1
    """Blocks of the user tower."""

    heads: int = 2
    """Attention heads per block."""

    kernel: int = 8
    """Latest positions the convolution sees."""

    convolution_share: float = 0.7
    """Share of the convolution in the mix with attention."""

    dropout: float = 0.5
    """Chance that a hidden unit of the user tower is dropped."""

    attention_dropout: float = 0.3
    """Chance that an attention weight is dropped."""

    id_dropout: float = 0.3
    """Chance that an item with content loses its ID embedding for a step."""

    temperature: float = 0.07
    """Of the softmax at the start; it is learned."""

    epochs: int = 25
    """Passes over all interactions."""

    learning_rate: float = 3e-3
    """AdamW's at its peak, after a linear warm-up; it decays to 0 along a cosine."""

    warmup_steps: int = 100
    """Steps of that warm-up, at most a tenth of all."""

    batch_size: int = 400
    """Items, not sequences, per step: small worlds need many steps."""

    reg: float = 0.0
    """Weight decay."""

    seed: int = 0
    """Everything random follows from it."""

    def __post_init__(self) -> None:
        for name in (
            "embedding_size",
            "content_components",
            "length",
            "blocks",
            "heads",
            "kernel",
            "epochs",
            "batch_size",
        ):
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
        self.item_tower = ItemTower(
            content,
            config.embedding_size,
            content_components=config.content_components,
            id_dropout=config.id_dropout,
        )
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
        return full_softmax_loss(users[counted], vectors, items[counted], weight[counted])


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
