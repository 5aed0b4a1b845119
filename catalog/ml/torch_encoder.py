"""What all encoders that run on torch have in common: batches, the device, its precision, and a digest of weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional

from catalog.ml.encoder import Vectors

BATCH = 64


class TorchEncoder:
    """The Encoder protocol around a model with two towers; a library's own encoder says how it calls them.

    device: default: CUDA where there is a GPU, else the processor.
    """

    def __init__(
        self,
        *,
        name: str,
        digest: str,
        model: nn.Module,
        hybrid: Mapping[str, Any] | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.name = name
        self.digest = digest
        self.hybrid: Mapping[str, Any] = hybrid or {}
        self.device = device or default_device()
        # Convolutions are twice as fast this way on CPUs.
        self.model: Any = model.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dimensions = int(self.encode_texts([""]).shape[1])

    def preprocess(self, image: Image.Image) -> NDArray[np.float32]:
        """(3, H, W) float32."""
        raise NotImplementedError

    def image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) → (N, D), not normalised."""
        raise NotImplementedError

    def text_features(self, texts: list[str]) -> torch.Tensor:
        """(N, D), not normalised."""
        raise NotImplementedError

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """(N, D) float32, L2-normalised rows."""
        rows = [
            self.encode_pixels(np.stack([self.preprocess(image) for image in images[start : start + BATCH]]))
            for start in range(0, len(images), BATCH)
        ]
        return np.concatenate(rows) if rows else np.zeros((0, self.dimensions), dtype=np.float32)

    def encode_pixels(self, pixels: NDArray[np.float32]) -> Vectors:
        """(N, 3, H, W) of `preprocess` to (N, D) float32, L2-normalised rows."""
        rows = []
        with torch.inference_mode(), self._precision():
            for start in range(0, len(pixels), BATCH):
                batch = torch.from_numpy(pixels[start : start + BATCH]).to(self.device)
                rows.append(_normalised(self.image_features(batch.contiguous(memory_format=torch.channels_last))))
        return np.concatenate(rows) if rows else np.zeros((0, self.dimensions), dtype=np.float32)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """(N, D) float32, L2-normalised rows."""
        rows = []
        with torch.inference_mode(), self._precision():
            for start in range(0, len(texts), BATCH):
                rows.append(_normalised(self.text_features(list(texts[start : start + BATCH]))))
        return np.concatenate(rows) if rows else np.zeros((0, self.dimensions), dtype=np.float32)

    def _precision(self) -> AbstractContextManager[Any]:
        """fp16 where the GPU computes: of unit vectors it keeps three more bits than bf16. fp32 on the processor."""
        if self.device.type == "cuda":
            return torch.autocast("cuda", dtype=torch.float16)
        return nullcontext()


def default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def weights_digest(model: nn.Module) -> str:
    """SHA-256 over the names, types, shapes and values of all weights, independent of the file they came in."""
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _normalised(features: torch.Tensor) -> Vectors:
    return functional.normalize(features.float(), dim=-1).cpu().numpy()
