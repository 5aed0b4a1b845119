"""Writes a trained GraphSAGE as what the web serves: vectors, and the layers as two ONNX graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData

from recommender.ml.artifact import write_config, write_tensors
from recommender.ml.graph import INTERACTS, ITEM, USER
from recommender.ml.graph_features import FeatureMeans
from recommender.ml.graph_messages import whole_graph_messages
from recommender.ml.graphsage_model import GraphSAGE, log_popularity
from recommender.ml.onnx_export import export_onnx


class ServedUserTower(nn.Module):
    """What the items of a history say (B, L, layers × d), weights (B, half-lives, L) and what the users are and stated
    (B, 1 + F) → user vectors and what the users say in turn, side by side: (B, d + 1 + (layers − 1) × d).
    """

    def __init__(self, model: GraphSAGE) -> None:
        super().__init__()
        self.model = model

    def forward(self, said: Tensor, weights: Tensor, features: Tensor) -> Tensor:
        means = (weights @ said).chunk(len(self.model.layers), dim=2)
        user = features @ self.model.user_projection
        says = []
        for layer, mean in zip(self.model.layers, means, strict=True):
            user = layer.user_from_means(mean, user)
            says.append(user)
        return torch.cat([self.model.user_vectors(user), *says[:-1]], dim=1)


class ServedItemTower(nn.Module):
    """What an item starts with (N, d), what its neighbours say (N, k, layers × d) with weights (N, 1, k) and, in models
    of several layers, what the users who took it say (N, m, (layers − 1) × d) with weights (N, 1, m); then a vector
    (N, d) for its brand, its category, … → its vector and what it says itself, (N, d + 1 + layers × d).

    popularity: (N, 1), see `log_popularity`. alone: (N, 1), 1 for items that hear themselves for want of neighbours:
    new ones that resemble nothing. Zeros instead, which training hardly ever shows, put a quarter of new items on the
    wrong side.
    """

    def __init__(self, model: GraphSAGE) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, start: Tensor, said: Tensor, weights: Tensor, alone: Tensor, popularity: Tensor, *rest: Tensor
    ) -> Tensor:
        layers = self.model.layers
        means = (weights @ said).squeeze(1).chunk(len(layers), dim=1)
        of_users: list[Tensor | None] = [None] * len(layers)
        groups = rest[2:]
        if len(layers) > 1:
            said_by_users, user_weights = rest[:2]
            of_users[1:] = (user_weights @ said_by_users).squeeze(1).chunk(len(layers) - 1, dim=1)
        item, says = start, []
        for layer, mean, users in zip(layers, means, of_users, strict=True):
            says.append(item)
            item = layer.item_from_means(mean + alone * item, item, users, groups)
        return torch.cat([self.model.item_vectors(item, popularity), *says], dim=1)


def embed_whole_graph(
    model: GraphSAGE, data: HeteroData, *, half_lives: tuple[float, ...], history_length: int, audience: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """User vectors, item vectors, and what items and users say in each layer; of the whole graph, nothing sampled."""
    messages = whole_graph_messages(data, half_lives=half_lives, history_length=history_length, audience=audience)
    model.eval()
    with torch.no_grad():
        means = FeatureMeans(
            data, model.features(data[ITEM].content), half_lives=half_lives, history_length=history_length
        )
        first = means.whole_graph(None if model.identity is None else messages)
        taken = torch.zeros(data[ITEM].num_nodes)
        taken.index_add_(0, data[INTERACTS].edge_index[1], data[INTERACTS].weight)
        return model(first, [messages] * (len(model.layers) - 1), popularity=log_popularity(taken))


def export_graphsage(model: GraphSAGE, data: HeteroData, config: dict[str, Any], *, directory: Path) -> None:
    """Writes the tensors, user_tower.onnx, item_tower.onnx and config.json that GraphSAGEScorer reads."""
    options = {name: config[name] for name in ("history_length", "audience")}
    half_lives = tuple(config["half_lives"])
    _, item_vectors, said, _ = embed_whole_graph(model, data, half_lives=half_lives, **options)
    content = data[ITEM].content
    write_tensors(directory, "item_vectors", {"item_vectors": item_vectors.numpy()})
    write_tensors(directory, "item_representations", {"item_representations": said.numpy()})
    with torch.no_grad():
        projection = model.basis @ model.projection
        write_tensors(
            directory, "content_projection", {"centre": model.centre.numpy(), "projection": projection.numpy()}
        )
        means = FeatureMeans(data, model.features(content), half_lives=half_lives, history_length=1)
        groups = {name: vectors.numpy() for name, vectors in model.group_vectors(means.groups).items()}
    write_tensors(directory, "group_vectors", groups)
    # Half precision finds the same neighbours, in half the space.
    write_tensors(directory, "content", {"content": content.numpy().astype(np.float16)})
    _export_towers(model, data[USER].features.shape[1], half_lives=len(half_lives), directory=directory)
    write_config(
        directory,
        kind="graphsage",
        n_items=len(content),
        content_dimensions=content.shape[1],
        user_dimensions=data[USER].features.shape[1] - 1,
        groups=list(groups),
        **config,
    )


def _export_towers(model: GraphSAGE, user_features: int, *, half_lives: int, directory: Path) -> None:
    size, layers = model.user_projection.shape[1], len(model.layers)
    export_onnx(
        ServedUserTower(model),
        {
            "said": torch.zeros(2, 3, layers * size),
            "weights": torch.zeros(2, half_lives, 3),
            "features": torch.zeros(2, user_features),
        },
        output="users",
        dynamic_axes={
            "said": {0: "batch", 1: "length"},
            "weights": {0: "batch", 2: "length"},
            "features": {0: "batch"},
            "users": {0: "batch"},
        },
        path=directory / "user_tower.onnx",
    )
    inputs = {
        "start": torch.zeros(2, size),
        "said": torch.zeros(2, 3, layers * size),
        "weights": torch.zeros(2, 1, 3),
        "alone": torch.zeros(2, 1),
        "popularity": torch.zeros(2, 1),
    }
    axes = {"said": {0: "items", 1: "neighbours"}, "weights": {0: "items", 2: "neighbours"}}
    if layers > 1:
        inputs |= {"said_by_users": torch.zeros(2, 4, (layers - 1) * size), "user_weights": torch.zeros(2, 1, 4)}
        axes |= {"said_by_users": {0: "items", 1: "users"}, "user_weights": {0: "items", 2: "users"}}
        inputs |= {f"group_{name}": torch.zeros(2, size) for name in model.group_layers}
    axes = {name: axes.get(name, {0: "items"}) for name in [*inputs, "items"]}
    export_onnx(ServedItemTower(model), inputs, output="items", dynamic_axes=axes, path=directory / "item_tower.onnx")
