"""A shopper's words or picture as a vector, in the web process: onnxruntime, never torch."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import structlog
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from catalog.models import Encoder

if TYPE_CHECKING:
    from catalog.ml.image_encoder import OnnxImageEncoder
    from catalog.ml.text_encoder import OnnxTextEncoder

Tower = TypeVar("Tower", "OnnxTextEncoder", "OnnxImageEncoder")

logger = structlog.get_logger(__name__)


def encode_query(text: str, *, encoder: Encoder) -> NDArray[np.float32] | None:
    """(D,) float32 by the text tower of `encoder`; None where that has no ONNX text tower on this machine."""
    vectors = encode_queries([text], encoder=encoder)
    return None if vectors is None else vectors[0]


def encode_queries(texts: Sequence[str], *, encoder: Encoder) -> NDArray[np.float32] | None:
    """(N, D) float32, L2-normalised rows; None where `encoder` has no ONNX text tower on this machine."""
    tower = _found(_text_tower, encoder)
    return None if tower is None else tower.encode_texts(texts)


def encode_query_image(image: Image.Image, *, encoder: Encoder) -> NDArray[np.float32] | None:
    """(D,) float32 by the image tower of `encoder`, L2-normalised; None where that has no ONNX image tower here.

    image: as `catalog.images.open_image` returns it.
    """
    tower = _found(_image_tower, encoder)
    return None if tower is None else tower.encode_images([image])[0]


def _found(load: Callable[[str, str], Tower], encoder: Encoder) -> Tower | None:
    from catalog.ml.encoder import EncoderError

    try:
        return load(encoder.name, encoder.digest)
    except EncoderError as error:
        logger.debug("no_tower", encoder=encoder.name, reason=str(error))
        return None


# What fails is not remembered: towers may be exported while this process serves.
@lru_cache(maxsize=4)
def _text_tower(name: str, digest: str) -> "OnnxTextEncoder":
    from catalog.ml.text_encoder import OnnxTextEncoder

    return OnnxTextEncoder(_directory(name, digest))


@lru_cache(maxsize=4)
def _image_tower(name: str, digest: str) -> "OnnxImageEncoder":
    from catalog.ml.image_encoder import OnnxImageEncoder

    return OnnxImageEncoder(_directory(name, digest))


def _directory(name: str, digest: str) -> Path:
    """Where the towers of these weights are. Raises EncoderError: vectors of other weights live in another space."""
    from catalog.ml.encoder import EncoderError, encoder_directory

    directory = encoder_directory(name, search=[Path(settings.DATA_DIR) / "encoders"])
    try:
        found = json.loads((directory / "config.json").read_text("utf-8"))["weights_sha256"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise EncoderError(f"encoder: received {str(directory)!r}: {error!r}") from error
    if found != digest:
        raise EncoderError(f"encoder: received {name!r} with weights {digest}, {directory} has towers of {found}")
    return directory
