"""Beginning a training with the weights of an earlier one: rows of items follow their item, whatever its index."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from recommender.ml.artifact import WEIGHTS, read_config, read_items, read_tensors, write_tensors
from recommender.ml.dataset import IntArray

_SHARED, _BY_ITEM = "shared.", "by_item."


@dataclass(frozen=True, eq=False)
class WarmStart:
    """The weights of an earlier model, and where its items are now.

    shared: arrays by name in the model's state. by_item: arrays (earlier items, …) with one row per item.
    earlier_rows, rows: (M,) int64, the rows of the M items that both models know, in the earlier and in the new one.
    """

    shared: Mapping[str, np.ndarray]
    by_item: Mapping[str, np.ndarray]
    earlier_rows: IntArray
    rows: IntArray

    def apply(self, model: nn.Module) -> None:
        """Writes the weights into a model that is about to be trained; rows of new items keep their initialisation.

        A checkpoint is restored later, over them. What a model computed from its weights it has to compute again.
        Raises ValueError naming a weight that the model lacks, or has in another shape.
        """
        state = model.state_dict()  # its tensors are the model's own
        for name in sorted({*state, *self.shared, *self.by_item}):
            stored = self.by_item.get(name, self.shared.get(name))
            if stored is None or name not in state:
                raise ValueError(f"weights: {name!r} is not in both the earlier model and the new one")
            shapes = tuple(stored.shape), tuple(state[name].shape)
            if name in self.by_item:
                shapes = shapes[0][1:], shapes[1][1:]
            if shapes[0] != shapes[1]:
                raise ValueError(f"weights: {name!r} has shape {shapes[0]} in the earlier model, {shapes[1]} in this")
            if name in self.by_item:
                state[name][_tensor(self.rows)] = _tensor(stored[self.earlier_rows])
            else:
                state[name].copy_(_tensor(stored))


def write_weights(directory: Path, model: nn.Module, *, by_item: Collection[str] = ()) -> None:
    """Stores a trained model's state as weights.safetensors, so that a later training can begin with it.

    by_item: names of those weights that have one row per item. Raises ValueError naming one that the model lacks.
    """
    state = model.state_dict()
    if unknown := sorted(set(by_item) - set(state)):
        raise ValueError(f"by_item: received {unknown[0]!r}, expected one of {', '.join(state)}")
    tensors = {
        f"{_BY_ITEM if name in by_item else _SHARED}{name}": tensor.detach().cpu().numpy()
        for name, tensor in state.items()
    }
    write_tensors(directory, WEIGHTS, tensors)


def read_weights(directory: Path, *, kind: str, items: Sequence[str]) -> WarmStart:
    """The weights of an artifact, for a model of the same kind over `items` (their opaque ids by index).

    Raises FileNotFoundError when the artifact holds no weights or no ids, ValueError when it is of another kind.
    """
    found = read_config(directory)["kind"]
    if found != kind:
        raise ValueError(f"continue_from: received a {found}, expected a {kind}")
    tensors = read_tensors(directory, WEIGHTS)
    row_of = {item: row for row, item in enumerate(read_items(directory))}
    rows = [row for row, item in enumerate(items) if item in row_of]
    return WarmStart(
        shared={name.removeprefix(_SHARED): array for name, array in tensors.items() if name.startswith(_SHARED)},
        by_item={name.removeprefix(_BY_ITEM): array for name, array in tensors.items() if name.startswith(_BY_ITEM)},
        earlier_rows=np.array([row_of[items[row]] for row in rows], dtype=np.int64),
        rows=np.array(rows, dtype=np.int64),
    )


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(array, order="C"))
