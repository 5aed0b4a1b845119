"""Trains the two-tower model: a sequential user tower against an item tower of content and identity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from recommender.ml.checkpoint import Checkpoint
from recommender.ml.dataset import Interactions
from recommender.ml.distributed import leads
from recommender.ml.losses import full_softmax_loss, sampled_softmax_loss
from recommender.ml.negatives import Candidates, SharedNegatives
from recommender.ml.progress import EpochCallback
from recommender.ml.sequences import SequenceBatch, SequenceBatches
from recommender.ml.towers import ItemTower, StatedTower, UserTower
from recommender.ml.training import fit_epochs, seed_everything
from recommender.ml.two_tower_export import export_two_tower
from recommender.ml.warm_start import WarmStart, write_weights

FULL_SOFTMAX_ITEMS = 30_000
"""Up to here every step scores the full catalogue: at d = 64 that is cheaper than what sampling loses."""

SAMPLED_NEGATIVES = 2048
"""Negatives of a step above that size, unless the configuration says otherwise."""


@dataclass(frozen=True)
class TwoTowerConfig:
    """How the towers are built and trained; the defaults suit shops of hundreds to some thousand items.

    For a hundred thousand events and more: two blocks, batch_size 1500, learning_rate 2e-3, 30 epochs.
    """

    members: int = 1
    """Pairs of towers that are trained side by side and served as one of members × d dimensions, whose inner product is
    the mean of their logits. On Amazon Beauty two rank better than one twice as wide (validation NDCG@10 .0777 and
    .0754; one .0745), for twice the time."""

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

    feature_dropout: float = 0.3
    """Chance that a shopper loses for a step what they stated: a history has to be able to stand alone."""

    similarity: str = "cosine"
    """"cosine", or "dot": the inner product plus a bias for each item, served as one more dimension."""

    negatives: int = 0
    """Uniform negatives that all users of a step share; 0: the full catalogue up to FULL_SOFTMAX_ITEMS items, above
    it SAMPLED_NEGATIVES. As many as there are items: the full catalogue at any size, by the slower way."""

    temperature: float = 0.07
    """Of the softmax at the start; it is learned. With similarity "dot" it starts at 1 instead."""

    epochs: int = 25
    """Passes over all interactions."""

    learning_rate: float = 6e-3
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
            "members",
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
        if self.negatives < 0:
            raise ValueError(f"negatives: received {self.negatives!r}, expected at least 0")
        if self.similarity not in ("cosine", "dot"):
            raise ValueError(f"similarity: received {self.similarity!r}, expected 'cosine' or 'dot'")
        for name in ("dropout", "attention_dropout", "id_dropout", "feature_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected 0 up to below 1")


class TwoTower(nn.Module):
    """Both towers; the item vectors a history is read from are the ones it is scored against."""

    def __init__(self, content: Tensor, config: TwoTowerConfig, *, statements: Tensor | None = None) -> None:
        """content: (n_items, D); statements: (U, F), what shoppers stated, without zero rows; None: nothing is."""
        super().__init__()
        biased = config.similarity == "dot"
        self.item_tower = ItemTower(
            content,
            config.embedding_size,
            content_components=config.content_components,
            id_dropout=config.id_dropout,
            biased=biased,
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
            temperature=1.0 if biased else config.temperature,
            biased=biased,
        )
        self.stated_tower = StatedTower(
            torch.zeros(0, 0) if statements is None else statements,
            config.embedding_size,
            components=config.content_components,
        )
        self.feature_dropout = config.feature_dropout

    def loss(self, batch: SequenceBatch, candidates: Candidates | None = None) -> Tensor:
        """Next-item cross-entropy at every position, the first item predicted from the start vector.

        candidates: what to score against, with every target among them; None: the full catalogue.
        """
        items, weight = torch.from_numpy(batch.items), torch.from_numpy(batch.weight)
        counted = weight > 0
        if candidates is None:
            vectors = self.item_tower()
            users = self._users(vectors[items[:, :-1]], batch)
            return full_softmax_loss(users[counted], vectors, items[counted], weight[counted])
        needed = np.union1d(batch.items, candidates.items)
        vectors = self.item_tower(torch.from_numpy(needed))
        places = torch.from_numpy(np.searchsorted(needed, batch.items))
        users = self._users(vectors[places[:, :-1]], batch)
        return sampled_softmax_loss(
            users[counted],
            vectors[torch.from_numpy(np.searchsorted(needed, candidates.items))],
            torch.from_numpy(np.searchsorted(candidates.items, batch.items[counted.numpy()])),
            weight[counted],
            torch.from_numpy(candidates.log_inclusion),
        )

    @property
    def pairs(self) -> dict[str, TwoTower]:
        """Itself, as TwoTowerEnsemble.pairs: by what the names of its weights begin with."""
        return {"": self}

    def _users(self, history: Tensor, batch: SequenceBatch) -> Tensor:
        """(B, L, d) user vectors before each item of the batch."""
        events = stated = None
        if batch.kind is not None and batch.gap is not None:
            codes = np.stack([batch.kind[:, :-1], batch.gap[:, :-1]], axis=-1)
            events = torch.from_numpy(codes)
        if batch.features is not None:
            stated = self.stated_tower(torch.from_numpy(batch.features), self.item_tower)
            if self.training and self.feature_dropout:
                stated = stated * (torch.rand(len(stated), 1) >= self.feature_dropout)
        return self.user_tower(history, events, stated)


class TwoTowerEnsemble(nn.Module):
    """Pairs of towers that differ by their start and by what dropout drops (Hansen and Salamon 1990)."""

    def __init__(self, members: Sequence[TwoTower]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.pairs = {f"members.{number}.": pair for number, pair in enumerate(members)}

    def loss(self, batch: SequenceBatch, candidates: Candidates | None = None) -> Tensor:
        """The mean of the members' losses: each learns as if it were alone."""
        return torch.stack([pair.loss(batch, candidates) for pair in self.pairs.values()]).mean()


def train_two_tower(
    interactions: Interactions,
    config: TwoTowerConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
    warm_start: WarmStart | None = None,
) -> None:
    """Trains, from the weights of an earlier model on if given, then writes the artifact that TwoTowerScorer serves.

    Raises ValueError if no event has a positive weight.
    """
    if not (interactions.weight > 0).any():
        raise ValueError(f"interactions: received {len(interactions.item)} events, none with positive weight")
    with torch.random.fork_rng(devices=[]):
        seed_everything(config.seed, 0)
        model = _make(interactions, config)
    if warm_start is not None:
        _with_readable_statements(warm_start, model).apply(model)
        for pair in model.pairs.values():
            pair.item_tower.read(torch.from_numpy(interactions.content))
    batches = SequenceBatches(interactions, length=config.length, batch_size=config.batch_size)
    negatives = _negatives(interactions, config)
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
            loss = model.loss(batch, negatives.draw(batch.items[batch.weight > 0], rng) if negatives else None)
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
        fingerprint={
            "kind": "two_tower",
            "content": list(interactions.content.shape),
            "features": list(interactions.user_features.shape),
            **asdict(config),
        },
    )
    if not leads():
        return
    write_weights(directory, model, by_item=tuple(f"{prefix}item_tower.identity" for prefix in model.pairs))
    export_two_tower(list(model.pairs.values()), config, directory=directory)


def _make(interactions: Interactions, config: TwoTowerConfig) -> TwoTower | TwoTowerEnsemble:
    content, statements = torch.from_numpy(interactions.content), _statements(interactions)
    pairs = [TwoTower(content, config, statements=statements) for _ in range(config.members)]
    return pairs[0] if len(pairs) == 1 else TwoTowerEnsemble(pairs)


def _statements(interactions: Interactions) -> Tensor:
    """(U, F): each distinct thing that shoppers with events stated, once."""
    features = interactions.user_features[np.unique(interactions.user)]
    stated = features[features.any(axis=1)]
    return torch.from_numpy(np.unique(stated, axis=0) if len(stated) else stated)


def _with_readable_statements(warm_start: WarmStart, model: TwoTower | TwoTowerEnsemble) -> WarmStart:
    """The same weights, but new ones for statements where those have another size: nobody had stated anything yet."""
    shared = dict(warm_start.shared)
    for prefix, pair in model.pairs.items():
        state = {f"{prefix}stated_tower.{name}": tensor for name, tensor in pair.stated_tower.state_dict().items()}
        if not all(name in shared and shared[name].shape == state[name].shape for name in state):
            shared |= {name: tensor.numpy() for name, tensor in state.items()}
    return replace(warm_start, shared=shared)


def _negatives(interactions: Interactions, config: TwoTowerConfig) -> SharedNegatives | None:
    """Where to draw from; None while the full catalogue is scored."""
    automatic = SAMPLED_NEGATIVES if interactions.n_items > FULL_SOFTMAX_ITEMS else 0
    negatives = config.negatives or automatic
    if not negatives:
        return None
    targets = interactions.item[interactions.weight > 0]
    return SharedNegatives(targets, n_items=interactions.n_items, negatives=negatives)


def _schedule(step: int, steps: int, warmup_steps: int) -> float:
    """Share of the peak learning rate: up in a line, down in a cosine."""
    warmup = min(warmup_steps, max(steps // 10, 1))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))
