"""What an encoder is, and finding one by name. Importing this module does not import torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    import onnxruntime

Vectors = NDArray[np.float32]

SHIPPED_ENCODERS = Path(__file__).resolve().parent.parent / "encoders"
OPEN_CLIP_PREFIX = "open_clip:"
TRANSFORMERS_PREFIX = "transformers:"


class EncoderError(ValueError):
    """An encoder that is unknown, incomplete, damaged or out of reach."""


class Encoder(Protocol):
    """Puts pictures and texts into one space, where nearness means likeness.

    name: what `load_encoder` finds it by
    digest: SHA-256 (hex) of the weights
    dimensions: length D of a vector
    hybrid: {"image_weight": float, "measured": [...]} where the training tuned how a picture and a text make one
        vector, else empty
    """

    name: str
    digest: str
    dimensions: int
    hybrid: Mapping[str, Any]

    def preprocess(self, image: Image.Image) -> NDArray[np.float32]:
        """(3, H, W) float32, what the image tower sees. Safe to call from several threads."""
        ...

    def encode_pixels(self, pixels: NDArray[np.float32]) -> Vectors:
        """(N, 3, H, W) of `preprocess` to (N, D) float32, L2-normalised rows."""
        ...

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """(N, D) float32, L2-normalised rows."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """(N, D) float32, L2-normalised rows. Any text encodes, the empty one too."""
        ...


def folder_name(name: str) -> str:
    """Folder that the ONNX towers of an encoder lie in; a pretrained one's name becomes letters that any disk takes.

    `open_clip:ViT-B-32:laion2b_s34b_b79k` → `open_clip.ViT-B-32.laion2b_s34b_b79k`. Two names may share a folder:
    the digest in its config.json tells whose towers they are.
    """
    return re.sub(r"[^A-Za-z0-9_-]+", ".", name).strip(".")[:120]


def vector_length(config: Mapping[str, Any]) -> int:
    """Dimensions by the content of an encoder's config.json; older ones do not state them."""
    return int(config.get("dimensions") or config["model_cfg"]["embed_dim"])


def encoder_directory(name: str, *, search: Sequence[Path] = ()) -> Path:
    """Folder of the encoder called `name`: in `search` first, then among those shipped; a path is taken as it is.

    For a pretrained model it is the folder of its exported towers. Raises EncoderError with the places looked at.
    """
    if name.startswith((OPEN_CLIP_PREFIX, TRANSFORMERS_PREFIX)):
        candidates = [place / folder_name(name) for place in search]
    elif "/" in name:
        candidates = [Path(name)]
    else:
        candidates = [place / name for place in (*search, SHIPPED_ENCODERS)]
    for candidate in candidates:
        if (candidate / "config.json").is_file():
            return candidate
    places = ", ".join(str(candidate) for candidate in candidates)
    raise EncoderError(f"encoder: received {name!r}, but there is no config.json in {places or 'any folder'}")


def load_encoder(name: str = "compact", *, search: Sequence[Path] = ()) -> Encoder:
    """Loads an encoder with torch; onto the GPU where there is one.

    name: one of
        a folder made by `train_encoder` (`compact` is shipped; others are looked for in `search`, or give a path with
        a slash);
        `open_clip:MODEL:PRETRAINED`, any model that open_clip knows, where PRETRAINED is one of its tags (fetched
        through the model hub, once) or the path of a checkpoint file;
        `open_clip:hf-hub:ORGANISATION/MODEL`, fetched from the hub, or `open_clip:local-dir:FOLDER`, both in
        open_clip's own layout;
        `transformers:ORGANISATION/MODEL` or `transformers:FOLDER`, a CLIP or SigLIP of transformers.
    Raises EncoderError when there is no such encoder, or its weights are damaged or cannot be fetched.
    """
    if name.startswith(TRANSFORMERS_PREFIX):
        from catalog.ml import transformers_encoder

        return transformers_encoder.load_transformers(name.removeprefix(TRANSFORMERS_PREFIX))
    from catalog.ml import open_clip_encoder

    if name.startswith(OPEN_CLIP_PREFIX):
        return open_clip_encoder.load_pretrained(name.removeprefix(OPEN_CLIP_PREFIX))
    return open_clip_encoder.load_directory(encoder_directory(name, search=search))


def onnx_session(path: Path) -> onnxruntime.InferenceSession:
    """A tower exported to ONNX. Raises EncoderError when the file cannot be loaded."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One query is milliseconds of work: a pool of threads would cost more than it gives.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base below Exception
        raise EncoderError(f"encoder: received {str(path)!r}: {error}") from error
