"""The image tower for the web: onnxruntime, Pillow and numpy, no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from catalog.ml.encoder import EncoderError, Vectors, onnx_session, vector_length
from catalog.ml.image_preprocessing import ImagePreprocessing

_BATCH = 16


class OnnxImageEncoder:
    """Picture vectors equal to those of the torch encoder in the same folder (to 1e-4).

    Safe to share between threads. Raises EncoderError when the folder is incomplete.
    """

    def __init__(self, directory: Path) -> None:
        directory = Path(directory)
        missing = [file for file in ("config.json", "image.onnx") if not (directory / file).is_file()]
        if missing:
            raise EncoderError(f"encoder: received {str(directory)!r}, which has no {', '.join(missing)}")
        try:
            config = json.loads((directory / "config.json").read_text("utf-8"))
            self.name: str = config["name"]
            self.digest: str = config["weights_sha256"]
            self.dimensions = vector_length(config)
            self._preprocess = ImagePreprocessing.from_config(config["preprocess_cfg"])
        except (KeyError, TypeError, ValueError) as error:
            raise EncoderError(f"encoder: received {str(directory)!r}: {error!r}") from error
        self._session = onnx_session(directory / "image.onnx")

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """(N, D) float32, L2-normalised rows."""
        vectors = np.zeros((len(images), self.dimensions), dtype=np.float32)
        for start in range(0, len(images), _BATCH):
            batch = images[start : start + _BATCH]
            vectors[start : start + len(batch)] = self._session.run(["vectors"], {"pixels": self._preprocess(batch)})[0]
        return vectors
