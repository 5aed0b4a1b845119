"""Trains LightGCN: every step hides some items of some users from the graph and predicts them from the rest."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from recommender.ml.artifact import write_config, write_tensors
from recommender.ml.dataset import FloatArray, IntArray, Interactions
from recommender.ml.interaction_graph import InteractionGraph
from recommender.ml.interaction_matrix import popularity_share, user_item_matrix
from recommender.ml.lightgcn_model import LightGCN
from recommender.ml.multinomial_loss import multinomial_loss
from recommender.ml.progress import EpochCallback
from recommender.ml.training import fit_epochs, seed_everything

if TYPE_CHECKING:
    from recommender.ml.checkpoint import Checkpoint


@dataclass(frozen=True)
class LightGCNConfig:
    """How LightGCN is built and trained."""

    embedding_size: int = 64
    """d, of users and items."""

    layers: int = 1
    """Hops from item to item through common users, two of the paper's layers each. A second added nothing on Beauty
    divided by chance (validation NDCG@20 .0638, .0643 with one), for half as much time again."""

    epochs: int = 40
    """Passes over all users with at least two items."""

    batch_size: int = 512
    """Users per step."""

    learning_rate: float = 5e-3
    """Peak; cosine decay to 0 over all epochs."""

    reg: float = 0.0
    """Weight decay of the embeddings, decoupled from the gradient (AdamW)."""

    held_share: float = 0.8
    """Share of a user's items that a step hides and predicts, at least one. The more are hidden, the less is memorised:
    on Beauty Recall@20 was .128, .131, .139 and .137 with .4, .6, .8 and .9."""

    user_balance: float = 0.5
    """Each of a user's n hidden items counts n ** −user_balance: 0 every item alike, 1 every user alike."""

    item_dropout: float = 0.1
    """Chance that an item is placed by its content alone for a step, so that new items can be; 0 without content."""

    seed: int = 0
    """Of everything that is drawn."""

    def __post_init__(self) -> None:
        for name in ("embedding_size", "layers", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least 1")
        for name in ("reg", "user_balance"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: received {getattr(self, name)!r}, expected at least 0")
        if not 0 < self.held_share < 1:
            raise ValueError(f"held_share: received {self.held_share!r}, expected above 0 and below 1")
        if not 0 <= self.item_dropout < 1:
            raise ValueError(f"item_dropout: received {self.item_dropout!r}, expected from 0 and below 1")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate: received {self.learning_rate!r}, expected above 0")


def train_lightgcn(
    interactions: Interactions,
    config: LightGCNConfig,
    *,
    directory: Path,
    progress: EpochCallback,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Writes item_vectors.safetensors: representations and item_vectors (n_items, d), what new items need, popularity.

    Multinomial likelihood over the whole catalogue, without what the user's history shows, on cosines with a learned
    temperature (cf. Wu et al. 2022 on the softmax loss of LightGCN). Raises ValueError if no user has two items.
    """
    taken = user_item_matrix(interactions)
    graph = InteractionGraph(taken)
    seeds = np.flatnonzero(np.diff(taken.indptr) >= 2)
    if not len(seeds):
        raise ValueError(f"interactions: none of {interactions.n_users} users has two items, received nothing to learn")
    model = make_lightgcn(taken, interactions.content, config)
    optimizer = torch.optim.AdamW(
        [
            {"params": [model.embeddings], "weight_decay": config.reg},
            {"params": [p for name, p in model.named_parameters() if name != "embeddings"], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
    )
    steps = math.ceil(len(seeds) / config.batch_size)

    def train_epoch(epoch: int, rng: np.random.Generator) -> float:
        total = 0.0
        for step, users in enumerate(np.array_split(rng.permutation(seeds), steps)):
            done = ((epoch - 1) * steps + step) / (config.epochs * steps)
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
            loss = step_loss(model, graph, np.sort(users), config, rng)
            optimizer.zero_grad()
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
            "n_users": interactions.n_users,
            "n_items": interactions.n_items,
            "events": graph.edges,
            "content": interactions.content.shape[1],
        },
    )
    _write(model, graph, interactions, config, directory)


def make_lightgcn(taken: sparse.csr_array, content: FloatArray, config: LightGCNConfig) -> LightGCN:
    """The model before training; its start is drawn from the seed alone."""
    rng = seed_everything(config.seed, 0)
    n_items, size = taken.shape[1], config.embedding_size
    start = rng.standard_normal((n_items, size)).astype(np.float32) / math.sqrt(size)
    degree = torch.from_numpy(np.asarray(taken.sum(axis=0), np.float32))
    return LightGCN(torch.from_numpy(start), degree, torch.from_numpy(content), layers=config.layers)


class HiddenEdges(NamedTuple):
    """A step's edges, of its users one after another: (E',) edges, users' places in the batch, hidden or not."""

    edge: Tensor
    place: Tensor
    hidden: Tensor


def hide_edges(graph: InteractionGraph, users: IntArray, share: float, rng: np.random.Generator) -> HiddenEdges:
    """Hides `share` of each user's edges, at least one, and keeps at least one.

    users: (B,) ascending, with two edges or more each.
    """
    offsets = graph.offsets.numpy()
    counts = offsets[users + 1] - offsets[users]
    place = np.repeat(np.arange(len(users)), counts)
    starts = np.cumsum(counts) - counts
    edge = np.arange(len(place)) - starts[place] + offsets[users][place]
    order = np.lexsort((rng.random(len(place)), place))
    rank: NDArray[np.int64] = np.empty(len(place), np.int64)
    rank[order] = np.arange(len(place)) - starts[place]
    hidden = rank < np.clip(np.rint(share * counts), 1, counts - 1)[place]
    return HiddenEdges(torch.from_numpy(edge), torch.from_numpy(place), torch.from_numpy(hidden))


def step_loss(
    model: LightGCN, graph: InteractionGraph, users: IntArray, config: LightGCNConfig, rng: np.random.Generator
) -> Tensor:
    """Scalar. What is predicted carries no message, neither to the user nor between items."""
    edges = hide_edges(graph, users, config.held_share, rng)
    kept = torch.ones(graph.edges, dtype=torch.bool)
    kept[edges.edge[edges.hidden]] = False
    unknown = None
    if model.content.shape[1] and config.item_dropout:
        unknown = torch.from_numpy(rng.random(graph.shape[1]) < config.item_dropout)
    tables = model.tables(graph.smoothing(kept), unknown)
    item = graph.column[edges.edge]
    shown, hidden = ~edges.hidden, edges.hidden
    starts = torch.searchsorted(edges.place[shown], torch.arange(len(users)))
    vectors = model.users(tables.representations, item[shown], starts)
    count = torch.bincount(edges.place[hidden], minlength=len(users)).to(torch.float32)
    weight = graph.weight[edges.edge[hidden]] * count[edges.place[hidden]] ** -config.user_balance
    return multinomial_loss(
        vectors,
        tables.item_vectors,
        (edges.place[hidden], item[hidden], weight),
        (edges.place[shown], item[shown]),
    )


def _write(
    model: LightGCN, graph: InteractionGraph, interactions: Interactions, config: LightGCNConfig, directory: Path
) -> None:
    with torch.no_grad():
        tables = model.tables(graph.smoothing())
        # Of new items only the layer before the graph is there.
        projection = model.projection if interactions.content.shape[1] else torch.zeros(0, config.embedding_size)
        damping = model.damping()[model.degree > 0].median()
        # An item without users and content has no place: it gets average scores.
        vectors = tables.item_vectors
        placed = vectors.any(dim=1)
        vectors = torch.where(placed[:, None], vectors, vectors[placed].mean(dim=0))
        tensors = {
            "representations": tables.representations,
            "item_vectors": vectors * model.log_scale.clamp(max=math.log(100.0)).exp(),
            "history_projection": projection * model.history_weights[0] * damping,
            "item_projection": projection * model.item_weights[0],
        }
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    write_tensors(directory, "item_vectors", {**arrays, "popularity": popularity_share(interactions)})
    write_config(directory, kind="lightgcn", n_items=interactions.n_items, **asdict(config))
