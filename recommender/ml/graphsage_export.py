"""Writes a trained GraphSAGE as what the web serves: vectors and two ONNX graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData

from recommender.ml.artifact import write_config, write_tensors
from recommender.ml.graph import ITEM, USER, whole_graph_messages
from recommender.ml.graphsage_model import GraphSAGE
from recommender.ml.onnx_export import export_onnx


class ServedUserTower(nn.Module):
    """Representations (B, L, layers × d) of a history and weights (B, half-lives, L) → user vectors (B, d + 1)."""

    def __init__(self, model: GraphSAGE) -> None:
        super().__init__()
        self.model = model

    def forward(self, representations: Tensor, weights: Tensor) -> Tensor:
        means = (weights @ representations).chunk(len(self.model.layers), dim=2)
        user = torch.zeros_like(means[0][:, 0])
        for layer, mean in zip(self.model.layers, means, strict=True):
            user = layer.user_from_means(mean, user)
        return self.model.user_vectors(user)


class ServedItemTower(nn.Module):
    """A new item's content (N, D), its neighbours' representations (N, k, layers × d), weights (N, 1, k)
    → its vector and its own representation side by side, (N, d + 1 + layers × d).

    Weights that do not sum to 1 leave the rest to the item itself: without neighbours, the nearest is its own
    content. Zeros instead, which training hardly ever shows, put a quarter of new items on the wrong side.
    """

    def __init__(self, model: GraphSAGE) -> None:
        super().__init__()
        self.model = model

    def forward(self, content: Tensor, representations: Tensor, weights: Tensor) -> Tensor:
        means = (weights @ representations).squeeze(1).chunk(len(self.model.layers), dim=1)
        alone = 1 - weights.sum(dim=2)
        item = self.model.item_features(content)
        received = []
        for layer, mean in zip(self.model.layers, means, strict=True):
            received.append(item)
            item = layer.item_from_means(mean + alone * item, item)
        return torch.cat([self.model.item_vectors(item), *received], dim=1)


def embed_whole_graph(
    model: GraphSAGE, data: HeteroData, *, half_lives: tuple[float, ...], history_length: int
) -> tuple[Tensor, Tensor, Tensor]:
    """User vectors, item vectors and item representations of the whole graph, nothing sampled."""
    messages = whole_graph_messages(data, half_lives=half_lives, history_length=history_length)
    model.eval()
    with torch.no_grad():
        return model(
            data[ITEM].content,
            torch.arange(data[ITEM].num_nodes),
            data[USER].num_nodes,
            [messages] * len(model.layers),
        )


def export_graphsage(model: GraphSAGE, data: HeteroData, config: dict[str, Any], *, directory: Path) -> None:
    """Writes item_vectors, item_representations, user_tower.onnx, item_tower.onnx (with content), config.json."""
    half_lives = tuple(config["half_lives"])
    _, item_vectors, representations = embed_whole_graph(
        model, data, half_lives=half_lives, history_length=config["history_length"]
    )
    n_items, width = representations.shape
    dimensions = data[ITEM].content.shape[1]
    write_tensors(directory, "item_vectors", {"item_vectors": item_vectors.numpy()})
    write_tensors(directory, "item_representations", {"item_representations": representations.numpy()})
    export_onnx(
        ServedUserTower(model),
        {"representations": torch.zeros(2, 3, width), "weights": torch.zeros(2, len(half_lives), 3)},
        output="user_vectors",
        dynamic_axes={
            "representations": {0: "batch", 1: "length"},
            "weights": {0: "batch", 2: "length"},
            "user_vectors": {0: "batch"},
        },
        path=directory / "user_tower.onnx",
    )
    if dimensions:
        export_onnx(
            ServedItemTower(model),
            {
                "content": torch.zeros(2, dimensions),
                "representations": torch.zeros(2, 3, width),
                "weights": torch.zeros(2, 1, 3),
            },
            output="items",
            dynamic_axes={
                "content": {0: "items"},
                "representations": {0: "items", 1: "neighbours"},
                "weights": {0: "items", 2: "neighbours"},
                "items": {0: "items"},
            },
            path=directory / "item_tower.onnx",
        )
    write_config(directory, kind="graphsage", n_items=n_items, content_dimensions=dimensions, **config)
