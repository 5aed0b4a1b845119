"""Trains DropoutNet (Volkovs, Yu and Poutanen 2017): latent factors and content, where latents may be missing.

The peer for products nobody has taken yet. Factors come from a weighted matrix factorisation; a user and an item
network learn to reproduce their inner products while whole latents are dropped from their inputs.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from recommender.ml.artifact import write_config, write_tensors
from recommender.ml.checkpoint import Checkpoint
from recommender.ml.dataset import IntArray, Interactions
from recommender.ml.factorisation import content_scale, factorise, mean_rows, scaled_content
from recommender.ml.onnx_export import export_onnx
from recommender.ml.progress import EpochCallback
from recommender.ml.training import fit_epochs, seed_everything


@dataclass(frozen=True)
class DropoutNetConfig:
    """How the factors are made and the networks trained; the defaults suit shops of hundreds to some thousand items."""

    embedding_size: int = 64
    """d, of both networks' outputs."""

    latent_size: int = 32
    """Dimensions of the factorisation."""

    latent_reg: float = 5.0
    """Ridge of the factorisation."""

    confidence: float = 8.0
    """What an event of weight 1 counts for in the factorisation beside a cell without one."""

    sweeps: int = 12
    """Alternating half-steps of the factorisation, for users and for items."""

    hidden_size: int = 128
    """Units of each network's hidden layers."""

    layers: int = 1
    """Hidden layers of each network."""

    item_dropout: float = 0.9
    """Chance that an item with content loses its latents for a step."""

    user_dropout: float = 0.3
    """Chance that a user loses theirs; one in ten of those is somebody of whom nothing is known."""

    dropout: float = 0.1
    """Chance that a hidden unit is dropped."""

    epochs: int = 20
    """Passes over all users."""

    learning_rate: float = 2e-3
    """AdamW's at the start; it decays to 0 along a cosine."""

    batch_size: int = 128
    """Users per step."""

    items_per_step: int = 2048
    """Uniformly drawn items that the users of a step are scored with; at least as many as items: all of them."""

    reg: float = 1e-4
    """Weight decay."""

    seed: int = 0
    """Everything random follows from it."""

    def __post_init__(self) -> None:
        for name in (
            "embedding_size", "latent_size", "sweeps", "hidden_size", "layers", "epochs", "batch_size",
            "items_per_step",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least 1")
        for name in ("item_dropout", "user_dropout", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected 0 up to below 1")
        for name in ("latent_reg", "confidence", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected more than 0")


class Network(nn.Module):
    """[latents, content] → d numbers through tanh layers; what is missing is zero."""

    def __init__(self, latent_size: int, content_size: int, config: DropoutNetConfig) -> None:
        super().__init__()
        sizes = [latent_size + content_size, *[config.hidden_size] * config.layers]
        modules: list[nn.Module] = []
        for size, following in pairwise(sizes):
            modules += [nn.Linear(size, following), nn.Tanh(), nn.Dropout(config.dropout)]
        self.stack = nn.Sequential(*modules, nn.Linear(sizes[-1], config.embedding_size))

    def forward(self, latents: Tensor, content: Tensor) -> Tensor:
        """(N, latent_size), (N, C) → (N, d)."""
        return self.stack(torch.cat([latents, content], dim=1))  # type: ignore[no-any-return]


class DropoutNet(nn.Module):
    """Both networks over fixed inputs.

    user_latents (U, k), item_latents (I, k), user_content (U, C) and item_content (I, C): float32.
    """

    def __init__(self, latent_size: int, content_size: int, config: DropoutNetConfig) -> None:
        super().__init__()
        self.config = config
        self.user_network = Network(latent_size, content_size, config)
        self.item_network = Network(latent_size, content_size, config)

    def loss(self, target: Tensor, users: tuple[Tensor, Tensor], items: tuple[Tensor, Tensor]) -> Tensor:
        """Mean squared distance of the networks' inner products from the factors', eq. 2 of the paper.

        target: (B, N) inner products, of variance 1. users, items: their latents and content.
        """
        user_latents, user_content = users
        item_latents, item_content = items
        replaceable = item_content.abs().sum(dim=1, keepdim=True) > 0
        dropped = (torch.rand(len(item_latents), 1) < self.config.item_dropout) & replaceable
        chance = torch.rand(len(user_latents), 1)
        unknown, strangers = chance < self.config.user_dropout, chance < self.config.user_dropout / 10
        found = self.user_network(user_latents * ~unknown, user_content * ~strangers) @ (
            self.item_network(item_latents * ~dropped, item_content).T
        )
        return (found - target).square().mean()


def train_dropoutnet(
    interactions: Interactions,
    config: DropoutNetConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Trains, then writes the artifact that DropoutNetScorer serves.

    Raises ValueError if no event has a positive weight.
    """
    if not (interactions.weight > 0).any():
        raise ValueError(f"interactions: received {len(interactions.item)} events, none with positive weight")
    known = interactions.deduplicated()
    known = known.take(known.weight > 0)
    rng = np.random.default_rng([config.seed, 0])
    user_factors, item_factors = factorise(
        known,
        size=config.latent_size,
        confidence=config.confidence,
        reg=config.latent_reg,
        sweeps=config.sweeps,
        rng=rng,
    )
    centre, spread = content_scale(known.content)
    features = scaled_content(known.content, centre, spread)
    content = mean_rows(known.histories(), features)
    active = np.flatnonzero(np.diff(known.offsets))
    # Both sides to variance 1: the networks' inputs then have one size, and so has the target.
    user_scale = float(user_factors[active].std()) or 1.0
    item_scale = float(item_factors.std()) or 1.0
    users = torch.from_numpy((user_factors / user_scale).astype(np.float32)), torch.from_numpy(content)
    items = torch.from_numpy((item_factors / item_scale).astype(np.float32)), torch.from_numpy(features)
    target_scale = float((users[0][active] @ items[0].T).std()) or 1.0
    with torch.random.fork_rng(devices=[]):
        seed_everything(config.seed, 0)
        model = DropoutNet(config.latent_size, features.shape[1], config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.reg, foreach=True)
    steps = math.ceil(len(active) / config.batch_size)

    def train_epoch(epoch: int, rng: np.random.Generator) -> float:
        model.train()
        total = 0.0
        for step, batch in enumerate(np.array_split(rng.permutation(active), steps), start=(epoch - 1) * steps):
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * 0.5 * (1 + math.cos(math.pi * step / (config.epochs * steps)))
            drawn = _draw_items(rng, known.n_items, config.items_per_step)
            target = (users[0][batch] @ items[0][drawn].T) / target_scale
            optimizer.zero_grad(set_to_none=True)
            loss = model.loss(target, (users[0][batch], users[1][batch]), (items[0][drawn], items[1][drawn]))
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / steps

    fit_epochs(
        model=model,
        optimizer=optimizer,
        epochs=config.epochs,
        seed=config.seed,
        train_epoch=train_epoch,
        progress=progress,
        checkpoint=checkpoint,
        fingerprint={"kind": "dropoutnet", "content": list(known.content.shape), **asdict(config)},
    )
    model.eval()
    with torch.no_grad():
        item_vectors = model.item_network(*items).numpy()
    write_tensors(
        directory,
        "items",
        {
            "vectors": item_vectors,
            "latents": item_factors.astype(np.float32),
            "features": features,
            "centre": centre,
            "spread": np.array([spread], np.float32),
        },
    )
    for name, network in (("user_network", model.user_network), ("item_network", model.item_network)):
        export_onnx(
            network,
            {"latents": torch.zeros(2, config.latent_size), "content": torch.zeros(2, features.shape[1])},
            output="vectors",
            dynamic_axes={axis: {0: "batch"} for axis in ("latents", "content", "vectors")},
            path=directory / f"{name}.onnx",
        )
    write_config(
        directory,
        kind="dropoutnet",
        n_items=known.n_items,
        user_scale=user_scale,
        mean_weight=float(known.weight.mean()),
        **asdict(config),
    )


def _draw_items(rng: np.random.Generator, n_items: int, count: int) -> IntArray:
    return np.arange(n_items) if count >= n_items else np.sort(rng.choice(n_items, size=count, replace=False))
