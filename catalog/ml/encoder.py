"""What an encoder is, and finding one by name. Importing this module does not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Vectors = NDArray[np.float32]

SHIPPED_ENCODERS = Path(__file__).resolve().parent.parent / "encoders"
OPEN_CLIP_PREFIX = "open_clip:"


class EncoderError(ValueError):
    """An encoder that is unknown, incomplete, damaged or out of reach."""


class Encoder(Protocol):
    """Puts pictures and texts into one space, where nearness means likeness.

    name: what `load_encoder` finds it by
    digest: SHA-256 (hex) of the weights
    dimensions: length D of a vector
    """

    name: str
    digest: str
    dimensions: int

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """(N, D) float32, L2-normalised rows."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """(N, D) float32, L2-normalised rows. Any text encodes, the empty one too."""
        ...


def encoder_directory(name: str, *, search: Sequence[Path] = ()) -> Path:
    """Folder of the encoder called `name`: in `search` first, then among those shipped; a path is taken as it is.

    Raises EncoderError with the places looked at.
    """
    if "/" in name:
        candidates = [Path(name)]
    else:
        candidates = [place / name for place in (*search, SHIPPED_ENCODERS)]
    for candidate in candidates:
        if (candidate / "config.json").is_file():
            return candidate
    places = ", ".join(str(candidate) for candidate in candidates)
    raise EncoderError(f"encoder: received {name!r}, but there is no config.json in {places}")


def load_encoder(name: str = "compact", *, search: Sequence[Path] = ()) -> Encoder:
    """Loads an encoder with torch.

    name: a folder made by `train_encoder` (`compact` is shipped; others are looked for in `search`, or give a path
        with a slash), or `open_clip:MODEL:PRETRAINED` for any model that open_clip knows, where PRETRAINED is one of
        its tags (fetched through the model hub, once) or the path of a checkpoint file.
    Raises EncoderError when there is no such encoder, or its weights are damaged or cannot be fetched.
    """
    from catalog.ml import open_clip_encoder

    if name.startswith(OPEN_CLIP_PREFIX):
        model, _, pretrained = name.removeprefix(OPEN_CLIP_PREFIX).partition(":")
        return open_clip_encoder.load_pretrained(model, pretrained)
    return open_clip_encoder.load_directory(encoder_directory(name, search=search))
