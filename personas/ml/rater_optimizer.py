"""The optimizer of a training from nothing: orthogonalised momentum for matrices, Adam for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) for weight matrices; AdamW for embeddings, norms and whatever is no matrix of a layer.

    matrices: weights inside layers; each step moves them by `matrix_rate` times the nearest orthogonal matrix to
    their momentum, so that no direction starves. others: by AdamW at `rate`. In float32, because processors without
    bfloat16 instructions emulate it slowly.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        *,
        matrix_rate: float,
        rate: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.98),
        weight_decay: float = 0.0,
    ) -> None:
        groups: list[dict[str, Any]] = [
            {"params": list(matrices), "matrix": True, "lr": matrix_rate, "peak": matrix_rate},
            {"params": list(others), "matrix": False, "lr": rate, "peak": rate},
        ]
        super().__init__(groups, {"momentum": momentum, "betas": betas, "weight_decay": weight_decay})

    def set_rate(self, share: float) -> None:
        """Learning rates as a share of their peaks."""
        for group in self.param_groups:
            group["lr"] = share * group["peak"]

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                weight.mul_(1.0 - group["lr"] * group["weight_decay"])
                move = (
                    self._orthogonal(weight.grad, state, group) if group["matrix"] else _adam(weight.grad, state, group)
                )
                weight.add_(move, alpha=-group["lr"])

    @staticmethod
    def _orthogonal(gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> Tensor:
        velocity = state.setdefault("velocity", torch.zeros_like(gradient))
        velocity.mul_(group["momentum"]).add_(gradient)
        ahead = gradient + group["momentum"] * velocity
        return orthogonalised(ahead) * max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5


def orthogonalised(matrix: Tensor, *, steps: int = 5) -> Tensor:
    """Roughly U Vᵀ of the matrix U S Vᵀ, by Newton–Schulz iterations of degree five: (R, C) from (R, C)."""
    tall = matrix.shape[0] > matrix.shape[1]
    current = matrix.T if tall else matrix
    current = current / (current.norm() + 1e-7)
    a, b, c = _COEFFICIENTS
    for _ in range(steps):
        square = current @ current.T
        current = a * current + (b * square + c * square @ square) @ current
    return current.T if tall else current


def _adam(gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> Tensor:
    if not state:
        state |= {"steps": torch.zeros(()), "mean": torch.zeros_like(gradient), "square": torch.zeros_like(gradient)}
    first, second = group["betas"]
    state["steps"] += 1
    state["mean"].lerp_(gradient, 1.0 - first)
    state["square"].lerp_(gradient.square(), 1.0 - second)
    steps = float(state["steps"])
    scale = (state["square"] / (1.0 - second**steps)).sqrt_().add_(1e-8)
    return state["mean"] / (1.0 - first**steps) / scale
