"""Both towers of a CLIP in training, as validation asks them, and what every training of one does to its scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from catalog.ml.clip_augmentation import normalised

MAX_LOGIT_SCALE = math.log(100.0)
_BATCH = 128


class ClipTowers:
    """Vectors of a model of open_clip, in fp32 and without chance. The model is left in eval mode.

    tokens: texts to (N, L) int64; mean, std: (3,), on the model's device
    """

    def __init__(
        self, model: Any, tokens: Callable[[Sequence[str]], torch.Tensor], *, mean: torch.Tensor, std: torch.Tensor
    ) -> None:
        self.model, self.tokens, self.mean, self.std = model, tokens, mean, std

    @torch.no_grad()
    def image_vectors(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, S, S, 3) uint8 as the tower sees them to (N, D), L2-normalised."""
        self.model.eval()
        rows = []
        for start in range(0, len(pixels), _BATCH):
            batch = torch.from_numpy(pixels[start : start + _BATCH]).to(self.mean.device)
            images = normalised(batch, mean=self.mean, std=self.std).contiguous(memory_format=torch.channels_last)
            rows.append(unit(self.model.encode_image(images)).cpu().numpy())
        return np.concatenate(rows)

    @torch.no_grad()
    def text_vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, D), L2-normalised."""
        self.model.eval()
        rows = []
        for start in range(0, len(texts), _BATCH):
            tokens = self.tokens(texts[start : start + _BATCH]).to(self.mean.device)
            rows.append(unit(self.model.encode_text(tokens)).cpu().numpy())
        return np.concatenate(rows)


def unit(features: torch.Tensor) -> torch.Tensor:
    """(N, D) float32, L2-normalised rows."""
    return functional.normalize(features.float(), dim=-1)


@torch.no_grad()
def clamp_logit_scale(model: Any) -> None:
    """Keeps the inverse temperature within 1..100 (Radford et al. 2021, section 2.5)."""
    model.logit_scale.clamp_(0.0, MAX_LOGIT_SCALE)
