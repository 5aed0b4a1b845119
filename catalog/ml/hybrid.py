"""One vector for a product out of its picture and its text, and how much of it the picture should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.ml.embedding_metrics import neighbour_precision, target_ranks

WEIGHTS = tuple(step / 10 for step in range(11))
"""Shares of the picture that are tried."""
NEIGHBOURS = 10
RETRIEVED = 10
TOLERANCE = 0.005
"""Means that lie closer together cannot be told apart on a thousand products."""


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


def hybrid_vectors(
    images: NDArray[np.float32], texts: NDArray[np.float32], has_image: NDArray[np.bool_], image_weight: float
) -> NDArray[np.float32]:
    """`hybrid_vector` for many products at once, (N, D) float32.

    images: (N, D), any rows where has_image (N,) is false; texts: (N, D). Raises ValueError as `hybrid_vector`,
    naming the first row.
    """
    if images.shape != texts.shape or has_image.shape != texts.shape[:1]:
        raise ValueError(f"images: received {images.shape} with {has_image.shape}, the text vectors have {texts.shape}")
    if not 0.0 <= image_weight <= 1.0:
        raise ValueError(f"image_weight: received {image_weight!r}, must be within 0..1")
    mixed = _units(texts, field="text")
    if has_image.any():
        pictured = image_weight * _units(images[has_image], field="image")
        mixed[has_image] = pictured + (1.0 - image_weight) * mixed[has_image]
    return _units(mixed, field="hybrid").astype(np.float32)


def tune_image_weight(
    *,
    images: NDArray[np.float32],
    texts: NDArray[np.float32],
    labels: Mapping[str, Sequence[str]],
    captions: NDArray[np.float32] | None = None,
    weights: Sequence[float] = WEIGHTS,
) -> dict[str, Any]:
    """The share of the picture under which neighbours agree most, measured on a validation part.

    images, texts: (N, D), N > NEIGHBOURS, products with a picture. labels: by name N values, "" where unknown; each
    with at least two known values. captions: (N, D), vectors of other texts about the same products: their retrieval
    then counts beside the labels.
    Returns {"image_weight", "measured": [{"image_weight", <label>: precision@10 of its neighbours, "caption_recall":
    share of captions that find their product among the first 10, "mean": of them all}]}. Of the weights within
    TOLERANCE of the best mean the one nearest to a half is taken.
    Raises ValueError without labels, or for one that tells nothing.
    """
    if not labels:
        raise ValueError("labels: received none, there is nothing to measure a weight by")
    for name, values in labels.items():
        if len({value for value in values if value}) < 2:
            raise ValueError(f"labels: {name!r} has fewer than two values, every neighbour agrees or none can")
    pictured = np.ones(len(images), dtype=bool)
    measured = []
    for weight in weights:
        mixed = hybrid_vectors(images, texts, pictured, weight)
        figures = {name: neighbour_precision(mixed, values, k=NEIGHBOURS) for name, values in labels.items()}
        if captions is not None:
            ranks = target_ranks(captions, mixed, np.arange(len(mixed)))
            figures["caption_recall"] = float((ranks <= RETRIEVED).mean())
        figures["mean"] = float(np.mean(list(figures.values())))
        measured.append({"image_weight": float(weight)} | {name: round(value, 4) for name, value in figures.items()})
    highest = max(row["mean"] for row in measured)
    near = [row for row in measured if row["mean"] >= highest - TOLERANCE]
    best = min(near, key=lambda row: (abs(row["image_weight"] - 0.5), -row["mean"]))
    return {"image_weight": best["image_weight"], "measured": measured}


def _unit(vector: NDArray[np.floating[Any]], *, field: str) -> NDArray[np.float64]:
    vector64 = vector.astype(np.float64)
    length = float(np.linalg.norm(vector64))
    if not np.isfinite(length) or length < 1e-9:
        raise ValueError(f"{field}: received a vector of length {length}, which has no direction")
    return vector64 / length


def _units(vectors: NDArray[np.floating[Any]], *, field: str) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    wrong = np.flatnonzero(~(np.isfinite(lengths) & (lengths >= 1e-9)))
    if len(wrong):
        raise ValueError(
            f"{field}: received a vector of length {lengths[wrong[0]]} in row {wrong[0]}, which has no direction"
        )
    unit: NDArray[np.float64] = vectors / lengths[:, None]
    return unit
