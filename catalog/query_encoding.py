"""A shopper's words as a vector, in the web process: onnxruntime, never torch."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog
from django.conf import settings
from numpy.typing import NDArray

from catalog.models import Encoder

if TYPE_CHECKING:
    from catalog.ml.text_encoder import OnnxTextEncoder

logger = structlog.get_logger(__name__)


def encode_query(text: str, *, encoder: Encoder) -> NDArray[np.float32] | None:
    """(D,) float32 by the text tower of `encoder`; None where that has no ONNX text tower on this machine."""
    vectors = encode_queries([text], encoder=encoder)
    return None if vectors is None else vectors[0]


def encode_queries(texts: Sequence[str], *, encoder: Encoder) -> NDArray[np.float32] | None:
    """(N, D) float32, L2-normalised rows; None where `encoder` has no ONNX text tower on this machine."""
    tower = _text_tower(encoder.name, encoder.digest)
    return None if tower is None else tower.encode_texts(texts)


@lru_cache(maxsize=4)
def _text_tower(name: str, digest: str) -> "OnnxTextEncoder | None":
    from catalog.ml.encoder import EncoderError, encoder_directory
    from catalog.ml.text_encoder import OnnxTextEncoder

    try:
        tower = OnnxTextEncoder(encoder_directory(name, search=[Path(settings.DATA_DIR) / "encoders"]))
    except EncoderError as error:
        logger.info("no_text_tower", encoder=name, reason=str(error))
        return None
    if tower.digest != digest:
        # Vectors of other weights live in another space: comparing with them would be noise.
        logger.warning("text_tower_of_other_weights", encoder=name, expected=digest[:12], found=tower.digest[:12])
        return None
    return tower
