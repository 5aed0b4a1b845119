"""The state of a training: the moving average of its weights, and everything as named tensors for a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]


def moving_average(model: nn.Module, *, decay: float) -> AveragedModel:
    """Exponential moving average of weights and buffers; `decay` is less at first, so that a short training counts."""

    def update(average: Tensors, current: Tensors, steps: torch.Tensor | int) -> None:
        share = 1.0 - min(decay, (1.0 + int(steps)) / (10.0 + int(steps)))
        for old, new in zip(average, current, strict=True):
            if torch.equal(old, new):  # also the attention mask: between -inf and -inf lies NaN
                continue
            if old.is_floating_point():
                old.lerp_(new, share)
            else:
                old.copy_(new)

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)


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


def with_best(tensors: Mapping[str, torch.Tensor], best: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`tensors` of `flatten_state`, and the weights that validated best under the prefix best."""
    return {**tensors, **{f"best.{key}": tensor for key, tensor in best.items()}}


def best_weights(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What `with_best` added; empty where nothing was validated."""
    return _under("best.", tensors)


def copied_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """The state of `model` now, which later steps do not change."""
    return {key: tensor.detach().clone() for key, tensor in model.state_dict().items()}


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
