"""Writes a trained two-tower model as what the web serves: vectors and two ONNX graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from recommender.ml.artifact import write_config, write_tensors
from recommender.ml.onnx_export import export_onnx
from recommender.ml.towers import ItemTower

if TYPE_CHECKING:
    from recommender.ml.two_tower import TwoTower, TwoTowerConfig


class ServedUserTower(nn.Module):
    """Histories → (B, members × d) user vectors after the last item.

    item_vectors: (B, L, members × d), padded on the right; mask: (B, L) float, 1 at items; events: (B, L, 2) int64,
    see UserTower; features: (B, F), absent where the model knows none.
    """

    def __init__(self, pairs: Sequence[TwoTower]) -> None:
        super().__init__()
        self.pairs = nn.ModuleList(pairs)

    def forward(self, item_vectors: Tensor, mask: Tensor, events: Tensor, features: Tensor | None = None) -> Tensor:
        pairs = cast("Sequence[TwoTower]", self.pairs)
        found = []
        for pair, vectors in zip(pairs, item_vectors.chunk(len(pairs), dim=-1), strict=True):
            stated = None if features is None else pair.stated_tower(features, pair.item_tower)
            states = pair.user_tower(vectors, events, stated)
            last = mask.sum(dim=1).long()[:, None, None].expand(-1, 1, states.shape[-1])
            found.append(states.gather(1, last).squeeze(1))
        return torch.cat(found, dim=-1) / len(found)


class ServedItemTower(nn.Module):
    """(N, D) content → (N, members × d) item vectors of products the model was not trained on."""

    def __init__(self, towers: Sequence[ItemTower]) -> None:
        super().__init__()
        self.towers = nn.ModuleList(towers)

    def forward(self, content: Tensor) -> Tensor:
        return torch.cat([tower.from_content(content) for tower in cast("Sequence[ItemTower]", self.towers)], dim=-1)


def export_two_tower(pairs: Sequence[TwoTower], config: TwoTowerConfig, *, directory: Path) -> None:
    """Writes item_vectors.safetensors, user_tower.onnx, item_tower.onnx (where there is content), config.json.

    item_vectors: (n_items, members × d) float32, each d of them L2-normalised, or with a bias as last dimension
    (similarity "dot"); a user vector carries the temperature, so scores are plain inner products.
    """
    for pair in pairs:
        pair.eval()
    with torch.no_grad():
        item_vectors = torch.cat([pair.item_tower() for pair in pairs], dim=-1)
    write_tensors(directory, "item_vectors", {"item_vectors": item_vectors.numpy()})
    embedding_size = item_vectors.shape[1]
    statement_size = pairs[0].stated_tower.basis.shape[0]
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
        ServedUserTower(pairs),
        inputs,
        output="user_vectors",
        dynamic_axes=axes,
        path=directory / "user_tower.onnx",
    )
    dimensions = pairs[0].item_tower.basis.shape[0]
    if dimensions:
        export_onnx(
            ServedItemTower([pair.item_tower for pair in pairs]),
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
        event_kinds=len(pairs[0].user_tower.kind) + 1,
        **asdict(config),
    )
