"""What a training is measured by: likeness by label and captions that find their pictures, beside cheap baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catalog.ml.clip_examples import TrainingExamples
from catalog.ml.embedding_metrics import (
    label_precisions,
    pixel_vectors,
    retrieval_figures,
    telling_labels,
    title_vectors,
)
from catalog.ml.training_captions import CAPTION_ONLY

Vectors = NDArray[np.float32]
Rows = dict[str, dict[str, Any]]


class Towers(Protocol):
    """Both towers of a model in training."""

    def image_vectors(self, pixels: NDArray[np.uint8]) -> Vectors:
        """(N, S, S, 3) uint8 as the tower sees them to (N, D), L2-normalised."""
        ...

    def text_vectors(self, texts: Sequence[str]) -> Vectors:
        """(N, D), L2-normalised."""
        ...


@dataclass(frozen=True)
class ValidationSet:
    """pixels: (V, S, S, 3) uint8 as the tower sees them; captions: V, "" where there is none;
    labels: attribute name -> V values, "" where unknown."""

    pixels: NDArray[np.uint8]
    captions: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.captions)

    @property
    def has_captions(self) -> bool:
        return any(self.captions)


def validation_set(examples: TrainingExamples, *, size: int) -> ValidationSet:
    """All of `examples`, without chance; pictures kept larger, for random crops, are scaled down to `size`.

    Raises ValueError when no label has two values among them.
    """
    labels = {
        name: tuple(attributes.get(name, "") for attributes in examples.attributes)
        for name in examples.names
        if name not in CAPTION_ONLY
    }
    if not telling_labels(labels):
        raise ValueError(f"validation: received {len(examples)} pictures that have the same value under every label")
    pictures = (Image.fromarray(examples.pictures(np.array([row]))[0]) for row in range(len(examples)))
    pixels = [np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC)) for picture in pictures]
    return ValidationSet(
        pixels=np.stack(pixels),
        captions=examples.captions,
        labels=labels,
    )


def measured(towers: Towers, asked: ValidationSet, *, image_weight: float = 0.5) -> tuple[Rows, float]:
    """Figures of the image, text and hybrid vectors, and their score.

    image_weight: share of the picture in hybrid vectors.
    """
    images, texts = encoded(towers, asked)
    rows = {"image": _row(images, asked.labels)}
    if texts is not None:
        rows["text"] = _row(texts, asked.labels, retrieval_figures(texts, images, asked.captions))
        rows["hybrid"] = _row(_mixed(images, texts, image_weight), asked.labels)
    return rows, score(rows)


def encoded(towers: Towers, asked: ValidationSet) -> tuple[Vectors, Vectors | None]:
    """(V, D) vectors of the pictures, and of the captions where there is any."""
    texts = towers.text_vectors(asked.captions) if asked.has_captions else None
    return towers.image_vectors(asked.pixels), texts


def score(rows: Mapping[str, Mapping[str, Any]]) -> float:
    """What the best weights are chosen by: mean of P@10 by image, P@10 by hybrid vectors and R@10, as far as known."""
    parts = [float(np.mean(list(rows[kind]["p@10"].values()))) for kind in ("image", "hybrid") if kind in rows]
    if "r@10" in rows.get("text", {}):
        parts.append(rows["text"]["r@10"])
    return round(float(np.mean(parts)), 4)


def baselines(asked: ValidationSet) -> Rows:
    """16 x 16 pixels, TF-IDF of the captions, and both together."""
    small = [Image.fromarray(picture).resize((16, 16), Image.Resampling.BICUBIC) for picture in asked.pixels]
    pixels = pixel_vectors(np.stack([np.asarray(picture) for picture in small]))
    rows = {"16x16 pixels": _row(pixels, asked.labels)}
    if asked.has_captions:
        titles = title_vectors(asked.captions)
        rows["caption TF-IDF"] = _row(titles, asked.labels)
        both = np.concatenate([pixels, titles], axis=1)  # its cosine is the mean of the two
        rows["pixels + TF-IDF"] = _row(_unit(both), asked.labels)
    return rows


def validation_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """`rows` as aligned text: P@10 by label, then text to picture."""
    names = sorted({name for row in rows.values() for name in row["p@10"]})
    retrieval = [figure for figure in ("r@1", "r@10", "mrr") if any(figure in row for row in rows.values())]
    lines = [["P@10", *names, *(figure.upper() for figure in retrieval)]]
    for title, row in rows.items():
        cells = [row["p@10"].get(name) for name in names] + [row.get(figure) for figure in retrieval]
        lines.append([title, *("" if cell is None else f"{cell:.3f}".replace("0.", ".", 1) for cell in cells)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines
    )  # fmt: skip


def _row(
    vectors: Vectors, labels: Mapping[str, Sequence[str]], retrieval: Mapping[str, float] | None = None
) -> dict[str, Any]:
    precisions = {name: round(value, 4) for name, value in label_precisions(vectors, labels).items()}
    return {"p@10": precisions, **{name: round(value, 4) for name, value in (retrieval or {}).items()}}


def _mixed(images: Vectors, texts: Vectors, image_weight: float) -> Vectors:
    return _unit(image_weight * images + (1.0 - image_weight) * texts)


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
