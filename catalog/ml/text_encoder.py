"""The text tower for the web: onnxruntime and `tokenizers`, no torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from catalog.ml.encoder import EncoderError, Vectors
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
            self.dimensions: int = config["model_cfg"]["embed_dim"]
            self._context_length: int = config["model_cfg"]["text_cfg"]["context_length"]
            self._tokenizer = read_tokenizer(directory / "tokenizer.json")
        except (KeyError, ValueError) as error:
            raise EncoderError(f"encoder: received {str(directory)!r}: {error!r}") from error
        options = onnxruntime.SessionOptions()
        # One query is a millisecond of work: a pool of threads would cost more than it gives.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                str(directory / "text.onnx"), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors share no base below Exception
            raise EncoderError(f"encoder: received {str(directory / 'text.onnx')!r}: {error}") from error

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """(N, D) float32, L2-normalised rows."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            ids = token_ids(self._tokenizer, batch, context_length=self._context_length)
            vectors[start : start + len(batch)] = self._session.run(["vectors"], {"tokens": ids})[0]
        return vectors
