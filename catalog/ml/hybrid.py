"""One vector for a product out of its picture and its text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def hybrid_vector(
    image: NDArray[np.float32] | None, text: NDArray[np.float32], image_weight: float = 0.5
) -> NDArray[np.float32]:
    """L2-normalised weighted mean of two directions, (D,) float32; the text alone where there is no picture.

    image, text: (D,), of any length above zero; both are normalised first, so that only directions count.
    image_weight: 0 (text only) .. 1 (picture only).
    Raises ValueError for a weight outside 0..1, unequal shapes, or vectors that cancel out.
    """
    if not 0.0 <= image_weight <= 1.0:
        raise ValueError(f"image_weight: received {image_weight!r}, must be within 0..1")
    if text.ndim != 1:
        raise ValueError(f"text: received shape {text.shape}, must be (D,)")
    mixed = _unit(text, field="text")
    if image is not None:
        if image.shape != text.shape:
            raise ValueError(f"image: received shape {image.shape}, the text vector has {text.shape}")
        mixed = image_weight * _unit(image, field="image") + (1.0 - image_weight) * mixed
    return _unit(mixed, field="hybrid").astype(np.float32)


def _unit(vector: NDArray[np.floating[Any]], *, field: str) -> NDArray[np.float64]:
    vector64 = vector.astype(np.float64)
    length = float(np.linalg.norm(vector64))
    if not np.isfinite(length) or length < 1e-9:
        raise ValueError(f"{field}: received a vector of length {length}, which has no direction")
    return vector64 / length
