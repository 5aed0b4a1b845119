"""Pictures with captions and attributes, in memory and ready to train on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catalog.ml.image_preprocessing import ImagePreprocessing
from catalog.ml.training_captions import CAPTION_ONLY, UNSPOKEN


@dataclass(frozen=True)
class Example:
    """One picture. caption: its own words ("" if none); attributes: name -> value, "" or absent where unknown."""

    image: Image.Image
    caption: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class TrainingExamples:
    """pixels: (M, S, S, 3) uint8, in memory or mapped from a file; pixel_rows: (N,) which of them each example has;
    captions: N; attributes: N;
    names: A attribute names; values: per name its values; codes: (N, A) int64 into values, -1 where unknown."""

    pixels: NDArray[np.uint8]
    pixel_rows: NDArray[np.int64]
    captions: tuple[str, ...]
    attributes: tuple[dict[str, str], ...]
    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    codes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.captions)

    def pictures(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(B, S, S, 3) uint8 of the examples `rows` (B,)."""
        return np.asarray(self.pixels[self.pixel_rows[rows]])

    def subset(self, rows: NDArray[np.int64]) -> TrainingExamples:
        """The examples `rows`, under the same names and codes, sharing the pictures."""
        return replace(
            self,
            pixel_rows=self.pixel_rows[rows],
            captions=tuple(self.captions[row] for row in rows),
            attributes=tuple(self.attributes[row] for row in rows),
            codes=self.codes[rows],
        )

    def digest(self) -> str:
        """SHA-256 (hex) of captions, attributes and the middle row of each picture: tells these from others."""
        known = hashlib.sha256(json.dumps([self.captions, self.attributes], sort_keys=True).encode())
        known.update(np.ascontiguousarray(self.pixels[:, self.pixels.shape[1] // 2]).data)
        return known.hexdigest()

    def spoken_columns(self) -> NDArray[np.bool_]:
        """(A,) which attributes captions may mention."""
        return np.array([name not in UNSPOKEN for name in self.names], dtype=bool)

    def columns(self, names: Sequence[str]) -> list[int]:
        """Of those of `names` that these examples have."""
        return [column for column, name in enumerate(self.names) if name in names]


def collect_examples(
    examples: Iterable[Example],
    *,
    preprocessing: ImagePreprocessing,
    room: float = 4 / 3,
    store: BinaryIO | None = None,
) -> TrainingExamples:
    """Draws or reads all examples once.

    room: how much larger than the tower sees them pictures are kept, for random crops.
    store: an empty file to keep the pictures in, instead of the memory (48 KiB each at 128 pixels).
    Raises ValueError when there is none, or when no attribute has two values to tell apart.
    """
    larger = replace(preprocessing, size=int(preprocessing.size * room))
    captions: list[str] = []
    rows: list[dict[str, str]] = []

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for example in examples:
            captions.append(example.caption)
            rows.append({name: value for name, value in example.attributes.items() if value})
            yield larger.pixels(example.image)

    pixels = _kept(pictures(), side=larger.size, store=store)
    if not rows:
        raise ValueError("examples: received none, cannot train without pictures")
    names = tuple(sorted({name for row in rows for name in row}))
    values = tuple(tuple(sorted({row[name] for row in rows if name in row})) for name in names)
    if not any(len(known) > 1 for name, known in zip(names, values, strict=True) if name not in CAPTION_ONLY):
        raise ValueError(f"attributes: received {dict(zip(names, values, strict=True))!r}, nothing to tell apart")
    return TrainingExamples(
        pixels=pixels,
        pixel_rows=np.arange(len(rows)),
        captions=tuple(captions),
        attributes=tuple(rows),
        names=names,
        values=values,
        codes=_codes(rows, names, values),
    )


def _kept(pictures: Iterator[NDArray[np.uint8]], *, side: int, store: BinaryIO | None) -> NDArray[np.uint8]:
    if store is None:
        return np.stack([*pictures] or [np.zeros((side, side, 3), dtype=np.uint8)])
    count = sum(1 for picture in pictures if store.write(np.ascontiguousarray(picture).data))
    store.flush()
    if not count:
        return np.zeros((0, side, side, 3), dtype=np.uint8)
    return np.memmap(store, dtype=np.uint8, mode="r", shape=(count, side, side, 3))


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
