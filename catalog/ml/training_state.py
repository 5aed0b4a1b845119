"""The whole state of a training as named tensors, for a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn


def flatten_state(model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Weights, their average and the optimizer's moments under the prefixes model, average and optimizer."""
    tensors = {f"model.{key}": tensor for key, tensor in model.state_dict().items()}
    tensors |= {f"average.{key}": tensor for key, tensor in average.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": torch.as_tensor(value) for key, value in moments.items()}
    return {key: tensor.contiguous() for key, tensor in tensors.items()}


def restore_state(
    tensors: Mapping[str, torch.Tensor], model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Puts back what `flatten_state` took. Raises RuntimeError when names or shapes do not fit the model."""
    model.load_state_dict(_under("model.", tensors))
    average.load_state_dict(_under("average.", tensors))
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in _under("optimizer.", tensors).items():
        index, _, name = key.partition(".")
        moments.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
