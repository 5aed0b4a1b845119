"""Writes a trained two-tower model as what the web serves: vectors and two ONNX graphs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from recommender.ml.artifact import write_config, write_tensors
from recommender.ml.onnx_export import export_onnx
from recommender.ml.towers import ItemTower, UserTower

if TYPE_CHECKING:
    from recommender.ml.two_tower import TwoTower, TwoTowerConfig


class ServedUserTower(nn.Module):
    """(B, L, d) item vectors and (B, L) float mask, padded on the right → (B, d) after the last item."""

    def __init__(self, tower: UserTower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, item_vectors: Tensor, mask: Tensor) -> Tensor:
        states = self.tower(item_vectors)
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

    item_vectors: (n_items, d) float32, L2-normalised; a user vector carries the temperature, so scores
    are plain inner products.
    """
    model.eval()
    with torch.no_grad():
        item_vectors = model.item_tower()
    write_tensors(directory, "item_vectors", {"item_vectors": item_vectors.numpy()})
    embedding_size = item_vectors.shape[1]
    export_onnx(
        ServedUserTower(model.user_tower),
        {"item_vectors": torch.zeros(2, 3, embedding_size), "mask": torch.ones(2, 3)},
        output="user_vectors",
        dynamic_axes={
            "item_vectors": {0: "batch", 1: "length"},
            "mask": {0: "batch", 1: "length"},
            "user_vectors": {0: "batch"},
        },
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
        **asdict(config),
    )
