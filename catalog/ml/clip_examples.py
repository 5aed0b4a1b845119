"""Pictures with captions and attributes, in memory and ready to train on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catalog.ml.image_preprocessing import ImagePreprocessing
from catalog.ml.training_captions import UNSPOKEN


@dataclass(frozen=True)
class Example:
    """One picture. caption: its own words ("" if none); attributes: name -> value, "" or absent where unknown."""

    image: Image.Image
    caption: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class TrainingExamples:
    """pixels: (N, S, S, 3) uint8; captions: N; attributes: N;
    names: A attribute names; values: per name its values; codes: (N, A) int64 into values, -1 where unknown."""

    pixels: NDArray[np.uint8]
    captions: tuple[str, ...]
    attributes: tuple[dict[str, str], ...]
    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    codes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.captions)

    def spoken_columns(self) -> NDArray[np.bool_]:
        """(A,) which attributes captions may mention."""
        return np.array([name not in UNSPOKEN for name in self.names], dtype=bool)


def collect_examples(examples: Iterable[Example], *, preprocessing: ImagePreprocessing) -> TrainingExamples:
    """Draws or reads all examples once, a third larger than the tower sees them: room for random crops.

    Raises ValueError when there is none, or when no attribute has two values to tell apart.
    """
    larger = replace(preprocessing, size=preprocessing.size * 4 // 3)
    pixels: list[NDArray[np.uint8]] = []
    captions: list[str] = []
    rows: list[dict[str, str]] = []
    for example in examples:
        pixels.append(larger.pixels(example.image))
        captions.append(example.caption)
        rows.append({name: value for name, value in example.attributes.items() if value})
    if not pixels:
        raise ValueError("examples: received none, cannot train without pictures")
    names = tuple(sorted({name for row in rows for name in row}))
    values = tuple(tuple(sorted({row[name] for row in rows if name in row})) for name in names)
    if not any(len(known) > 1 for known in values):
        raise ValueError(f"attributes: received {dict(zip(names, values, strict=True))!r}, nothing to tell apart")
    return TrainingExamples(
        pixels=np.stack(pixels),
        captions=tuple(captions),
        attributes=tuple(rows),
        names=names,
        values=values,
        codes=_codes(rows, names, values),
    )


def _codes(
    rows: Sequence[Mapping[str, str]], names: Sequence[str], values: Sequence[Sequence[str]]
) -> NDArray[np.int64]:
    codes = np.full((len(rows), len(names)), -1, dtype=np.int64)
    for column, (name, known) in enumerate(zip(names, values, strict=True)):
        code_of = {value: code for code, value in enumerate(known)}
        for index, row in enumerate(rows):
            if name in row:
                codes[index, column] = code_of[row[name]]
    return codes
