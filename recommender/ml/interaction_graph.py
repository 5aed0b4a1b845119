"""The bipartite graph of a user × item matrix in torch: masked, normalised and applied as a low-pass filter."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor


class InteractionGraph:
    """Holds the structure of R (n_users, n_items) once; which edges carry messages is said at every step.

    row, column: (E,) int64 ends of the edges, row ascending. weight: (E,) float32. offsets: (n_users + 1,) int64.
    """

    def __init__(self, taken: sparse.csr_array) -> None:
        taken = taken.sorted_indices()
        self.shape: tuple[int, int] = taken.shape
        self.offsets = torch.from_numpy(taken.indptr.astype(np.int64))
        self.row = torch.repeat_interleave(torch.arange(self.shape[0]), self.offsets.diff())
        self.column = torch.from_numpy(taken.indices.astype(np.int64))
        self.weight = torch.from_numpy(taken.data.astype(np.float32))
        # The edges by column, for the product with the transpose.
        self._order = torch.argsort(self.column, stable=True)
        self._column_offsets = torch.searchsorted(self.column[self._order], torch.arange(self.shape[1] + 1))

    @property
    def edges(self) -> int:
        return len(self.column)

    def smoothing(self, kept: Tensor | None = None) -> Smoothing:
        """R̃ᵀR̃ of the edges where the (E,) bool `kept` is true (None: all), with the degrees that are left."""
        weight = self.weight if kept is None else self.weight * kept
        of_users = torch.zeros(self.shape[0]).index_add_(0, self.row, weight)
        of_items = torch.zeros(self.shape[1]).index_add_(0, self.column, weight)
        # Where a degree is 0 all weights are: dividing by 1 is as good.
        product = of_users[self.row] * of_items[self.column]
        values = weight / torch.where(product > 0, product, 1.0).sqrt()
        rows, columns = self.shape
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
            return Smoothing(
                torch.sparse_csr_tensor(self.offsets, self.column, values, (rows, columns), check_invariants=False),
                torch.sparse_csr_tensor(
                    self._column_offsets,
                    self.row[self._order],
                    values[self._order],
                    (columns, rows),
                    check_invariants=False,
                ),
            )


class Smoothing:
    """X ↦ R̃ᵀ(R̃X), item by item, symmetric: the gradient takes the same way."""

    def __init__(self, scaled: Tensor, transposed: Tensor) -> None:
        self.scaled = scaled
        self.transposed = transposed

    def __call__(self, vectors: Tensor) -> Tensor:
        """(n_items, d) → (n_items, d)."""
        return _Smooth.apply(vectors, self)  # type: ignore[no-any-return, no-untyped-call]

    def apply(self, vectors: Tensor) -> Tensor:
        return self.transposed @ (self.scaled @ vectors)


class _Smooth(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vectors: Tensor, smoothing: Smoothing) -> Tensor:
        ctx.smoothing = smoothing
        return smoothing.apply(vectors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return ctx.smoothing.apply(gradient.contiguous()), None
