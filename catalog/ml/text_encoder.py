"""The text tower for the web: onnxruntime and `tokenizers`, no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.ml.encoder import EncoderError, Vectors, onnx_session, vector_length
from catalog.ml.token_layout import TokenLayout
from catalog.ml.tokenizer import read_tokenizer, token_ids

_BATCH = 64


class OnnxTextEncoder:
    """Text vectors equal to those of the torch encoder in the same folder (to 1e-4).

    Safe to share between threads. Raises EncoderError when the folder is incomplete.
    """

    def __init__(self, directory: Path) -> None:
        directory = Path(directory)
        missing = [file for file in ("config.json", "tokenizer.json", "text.onnx") if not (directory / file).is_file()]
        if missing:
            raise EncoderError(f"encoder: received {str(directory)!r}, which has no {', '.join(missing)}")
        try:
            config = json.loads((directory / "config.json").read_text("utf-8"))
            self.name: str = config["name"]
            self.digest: str = config["weights_sha256"]
            self.dimensions = vector_length(config)
            self._context_length: int = config["model_cfg"]["text_cfg"]["context_length"]
            # Encoders trained here have none: their tokenizer frames the text itself.
            self._layout = TokenLayout.from_config(config["tokens"]) if "tokens" in config else None
            self._tokenizer = read_tokenizer(directory / "tokenizer.json")
        except (KeyError, TypeError, ValueError) as error:
            raise EncoderError(f"encoder: received {str(directory)!r}: {error!r}") from error
        self._session = onnx_session(directory / "text.onnx")

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """(N, D) float32, L2-normalised rows."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            vectors[start : start + len(batch)] = self._session.run(["vectors"], {"tokens": self._token_ids(batch)})[0]
        return vectors

    def _token_ids(self, texts: Sequence[str]) -> NDArray[np.int64]:
        if self._layout is not None:
            return self._layout.token_ids(self._tokenizer, texts)
        return token_ids(self._tokenizer, texts, context_length=self._context_length)
