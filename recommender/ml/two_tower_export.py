"""Writes a trained two-tower model as what the web serves: vectors and two ONNX graphs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from recommender.ml.artifact import write_config, write_tensors
from recommender.ml.onnx_export import export_onnx
from recommender.ml.towers import ItemTower

if TYPE_CHECKING:
    from recommender.ml.two_tower import TwoTower, TwoTowerConfig


class ServedUserTower(nn.Module):
    """Histories → (B, d) user vectors after the last item.

    item_vectors: (B, L, d), padded on the right; mask: (B, L) float, 1 at items; events: (B, L, 2) int64, see
    UserTower; features: (B, F), absent where the model knows none.
    """

    def __init__(self, model: TwoTower) -> None:
        super().__init__()
        self.user_tower, self.stated_tower, self.item_tower = model.user_tower, model.stated_tower, model.item_tower

    def forward(self, item_vectors: Tensor, mask: Tensor, events: Tensor, features: Tensor | None = None) -> Tensor:
        stated = None if features is None else self.stated_tower(features, self.item_tower)
        states = self.user_tower(item_vectors, events, stated)
        last = mask.sum(dim=1).long()[:, None, None].expand(-1, 1, states.shape[-1])
        return states.gather(1, last).squeeze(1)


class ServedItemTower(nn.Module):
    """(N, D) content → (N, d) item vectors of products the model was not trained on."""

    def __init__(self, tower: ItemTower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, content: Tensor) -> Tensor:
        return self.tower.from_content(content)


def export_two_tower(model: TwoTower, config: TwoTowerConfig, *, directory: Path) -> None:
    """Writes item_vectors.safetensors, user_tower.onnx, item_tower.onnx (where there is content), config.json.

    item_vectors: (n_items, d) float32, L2-normalised, or with a bias as last dimension (similarity "dot"); a user
    vector carries the temperature, so scores are plain inner products.
    """
    model.eval()
    with torch.no_grad():
        item_vectors = model.item_tower()
    write_tensors(directory, "item_vectors", {"item_vectors": item_vectors.numpy()})
    embedding_size = item_vectors.shape[1]
    statement_size = model.stated_tower.basis.shape[0]
    inputs = {
        "item_vectors": torch.zeros(2, 3, embedding_size),
        "mask": torch.ones(2, 3),
        "events": torch.ones(2, 3, 2, dtype=torch.int64),
    }
    axes = {name: {0: "batch", 1: "length"} for name in inputs} | {"user_vectors": {0: "batch"}}
    if statement_size:
        inputs["features"] = torch.ones(2, statement_size)
        axes["features"] = {0: "batch"}
    export_onnx(
        ServedUserTower(model),
        inputs,
        output="user_vectors",
        dynamic_axes=axes,
        path=directory / "user_tower.onnx",
    )
    dimensions = model.item_tower.basis.shape[0]
    if dimensions:
        export_onnx(
            ServedItemTower(model.item_tower),
            {"content": torch.zeros(2, dimensions)},
            output="item_vectors",
            dynamic_axes={"content": {0: "items"}, "item_vectors": {0: "items"}},
            path=directory / "item_tower.onnx",
        )
    write_config(
        directory,
        kind="two_tower",
        n_items=len(item_vectors),
        content_dimensions=dimensions,
        feature_dimensions=statement_size,
        event_kinds=len(model.user_tower.kind) + 1,
        **asdict(config),
    )
