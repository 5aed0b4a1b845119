"""Trains softmax matrix factorisation: few numbers for each shopper's taste, learned as far as they can be known.

A multinomial logit over the whole catalogue with Gaussian priors whose means come from content, and a variational
posterior over every shopper's taste (Liang et al. 2018 without the encoder; priors from features as in Agarwal and Chen
2009). Averaging over what a taste may be, instead of trusting one estimate from a dozen events, is what makes it learn
from little.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from recommender.ml.artifact import write_config, write_tensors
from recommender.ml.dataset import FloatArray, Interactions
from recommender.ml.progress import EpochCallback
from recommender.ml.softmax_mf_model import Precisions, SoftmaxMF
from recommender.ml.softmax_mf_scorer import SHOPPERS_AT_ONCE
from recommender.ml.training import fit_epochs, seed_everything
from recommender.ml.visit_interest import fitted, transitions

if TYPE_CHECKING:
    from recommender.ml.checkpoint import Checkpoint

MAX_ITEMS = 30_000
"""Every step scores the full catalogue for its shoppers, and so does every request, some five times."""

LEAST_STEPS = 3
"""Of an epoch, among few shoppers too."""


@dataclass(frozen=True)
class SoftmaxMFConfig:
    """How softmax matrix factorisation is built and trained; the precisions are those of Gaussian priors."""

    factors: int = 8
    """K, numbers that make a shopper's taste."""

    content_components: int = 128
    """Whitened principal components of the content that are read, at most; 0: content is not read."""

    stated_components: int = 64
    """The same of what shoppers stated."""

    unstated_components: int = 8
    """Directions of what statements tell that are inferred for shoppers who stated nothing, at most."""

    taste_precision: float = 2.0
    """Of a shopper's taste around 0."""

    item_precision: float = 2.0
    """Of an item's own part of its taste vector."""

    content_precision: float = 1.0
    """Of the weights that read an item's taste vector from its content."""

    stated_item_precision: float = 3.0
    """Of an item's own part in what statements tell."""

    stated_content_precision: float = 1.0
    """Of the weights between content and statements."""

    bias_precision: float = 0.1
    """Of the log-popularity of an item."""

    epochs: int = 80
    """Passes over all shoppers."""

    batch_size: int = 512
    """Shoppers per step; fewer in small shops, so that an epoch has three steps."""

    learning_rate: float = 0.05
    """Adam's, for the first half; then it falls to 0 in a line."""

    seed: int = 0
    """Of everything that is drawn."""

    def __post_init__(self) -> None:
        for name in ("factors", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least 1")
        for name in ("content_components", "stated_components"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least 0")
        if self.factors > 32:
            raise ValueError(f"factors: received {self.factors!r}, expected at most 32: taste is inferred in K³ time")
        if not 0 <= self.unstated_components <= 32 - self.factors:
            raise ValueError(
                f"unstated_components: received {self.unstated_components!r}, expected 0 to {32 - self.factors}"
            )
        for name in ("learning_rate", *(f"{part}_precision" for part in Precisions._fields)):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected above 0")

    @property
    def precisions(self) -> Precisions:
        return Precisions(*(getattr(self, f"{part}_precision") for part in Precisions._fields))


def train_softmax_mf(
    interactions: Interactions,
    config: SoftmaxMFConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Writes factors.safetensors, what SoftmaxMFScorer reads.

    A shopper's event counts 1, whatever its kind; a persona's opinion its weight.
    Raises ValueError if there are more than MAX_ITEMS items, or nothing with a positive weight.
    """
    if interactions.n_items > MAX_ITEMS:
        raise ValueError(f"n_items: received {interactions.n_items}, softmax MF takes at most {MAX_ITEMS}")
    positive = interactions.weight > 0
    if not positive.any():
        raise ValueError(f"interactions: received {len(positive)} events, none with positive weight")
    events = interactions.take(positive).deduplicated()
    weight = np.where(events.synthetic, events.weight, np.float32(1))
    users = np.unique(events.user)
    content = whitening(events.content, config.content_components)
    stated = whitening(np.unique(events.user_features, axis=0), config.stated_components)
    said = project(events.user_features, *stated)
    with torch.random.fork_rng(devices=[]):
        seed_everything(config.seed, 0)
        model = SoftmaxMF(
            torch.from_numpy(project(events.content, *content)), torch.from_numpy(said), factors=config.factors
        )
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, foreach=True)
    steps = max(-(-len(users) // config.batch_size), min(LEAST_STEPS, len(users)))
    offsets = events.offsets

    def targets(batch: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        count = offsets[batch + 1] - offsets[batch]
        place = np.repeat(np.arange(len(batch)), count)
        chosen = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count) + offsets[batch][place]
        return torch.from_numpy(place), torch.from_numpy(events.item[chosen]), torch.from_numpy(weight[chosen])

    def train_epoch(epoch: int, rng: np.random.Generator) -> float:
        total = 0.0
        for step, batch in enumerate(np.array_split(rng.permutation(users), steps)):
            done = ((epoch - 1) * steps + step) / (config.epochs * steps)
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * min(1.0, 2 * (1 - done))
            optimizer.zero_grad(set_to_none=True)
            loss = model.loss(torch.from_numpy(batch), targets(batch), config.precisions, share=len(batch) / len(users))
            loss.backward()  # type: ignore[no-untyped-call]
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
        fingerprint={
            "config": asdict(config),
            "n_users": events.n_users,
            "n_items": events.n_items,
            "events": len(events.item),
            "content": list(content[1].shape),
            "stated": list(stated[1].shape),
        },
    )
    _write(model, events, config, content, stated, directory)


def whitening(rows: FloatArray, components: int) -> tuple[FloatArray, FloatArray]:
    """(D,) centre and (D, min(components, rank)) basis: principal components of the rows that are not zero, each with
    the same variance, together of length 1 on average.
    """
    known = rows[rows.any(axis=1)].astype(np.float64)
    if len(known) < 2:
        return np.zeros(rows.shape[1], np.float32), np.zeros((rows.shape[1], 0), np.float32)
    centre = known.mean(axis=0)
    _, spread, directions = np.linalg.svd(known - centre, full_matrices=False)
    kept = min(components, int((spread > 1e-4 * spread[0]).sum()))
    # An eigenvector's sign is arbitrary; a resumed training needs the same.
    directions = directions[:kept]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    basis = (directions * np.sign(largest)).T * np.sqrt(len(known) / max(kept, 1)) / spread[:kept]
    return centre.astype(np.float32), basis.astype(np.float32)


def project(rows: FloatArray, centre: FloatArray, basis: FloatArray) -> FloatArray:
    """(N, components) float32; rows of zeros stay zero."""
    return ((rows - centre) @ basis * rows.any(axis=1, keepdims=True)).astype(np.float32)


def _write(
    model: SoftmaxMF,
    events: Interactions,
    config: SoftmaxMFConfig,
    content: tuple[FloatArray, FloatArray],
    stated: tuple[FloatArray, FloatArray],
    directory: Path,
) -> None:
    with torch.no_grad():
        tables = model.tables()
        interest = _interest(model, tables, events)
        taste, of_stated = (table.numpy() for table in tables)
        content_tables = [model.content_taste.numpy(), model.content_stated.numpy()]
    # Statements have length 1 on average: of their q whitened numbers each has the variance 1 / q.
    likely = of_stated / np.sqrt(max(of_stated.shape[1], 1))
    _, spread, directions = np.linalg.svd(likely, full_matrices=False)
    kept = directions[: min(config.unstated_components, int((spread > 1e-6).sum()))]
    to_unstated = (kept / np.sqrt(max(of_stated.shape[1], 1))).T.astype(np.float32)
    groups = {name: group for name, group in events.groups.items() if name in interest}
    tensors = {
        "bias": model.bias.detach().numpy(),
        "taste": taste,
        "stated": of_stated,
        "unstated": of_stated @ to_unstated,
        "precision": np.concatenate(
            [np.full(config.factors, config.taste_precision), np.ones(to_unstated.shape[1])]
        ).astype(np.float32),
        "statement_centre": stated[0],
        "statement_basis": stated[1],
        "content_centre": content[0],
        "content_basis": content[1],
        "content_tables": np.concatenate([*content_tables, content_tables[1] @ to_unstated], axis=1),
        **{f"group.{name}": group for name, group in groups.items()},
        **{f"interest.{name}": interest[name] for name in groups},
    }
    write_tensors(directory, "factors", tensors)
    write_config(directory, kind="softmax_mf", n_items=events.n_items, groups=list(groups), **asdict(config))


def _interest(model: SoftmaxMF, tables: tuple[Tensor, Tensor], events: Interactions) -> dict[str, FloatArray]:
    """The log-odds of visit_interest by group name, beyond what taste explains; none without human transitions."""
    taste, of_stated = tables
    human = np.unique(events.user[~events.synthetic])
    seen: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(human), SHOPPERS_AT_ONCE):
        users = human[start : start + SHOPPERS_AT_ONCE]
        logits = model.bias + model.mean[users] @ taste.T + model.stated[users] @ of_stated.T
        chances = logits.softmax(dim=1).numpy()
        for name, group in events.groups.items():
            seen.setdefault(name, []).append(transitions(events, chances, users, group))
    return {name: fitted(np.concatenate(found)) for name, found in seen.items()}
