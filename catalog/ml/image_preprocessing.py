"""Pictures to numbers for a CLIP image tower with Pillow and numpy alone, equal to open_clip's own transform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
_RESIZE_MODES = ("shortest", "longest", "squash")


@dataclass(frozen=True)
class ImagePreprocessing:
    """The fields of open_clip's PreprocessCfg.

    size: side of the square the tower sees, in pixels
    mean, std: per channel, of values 0..1
    interpolation: bicubic or bilinear
    resize_mode: shortest (fill the square and cut the rest off), longest (show all and pad), squash (distort)
    fill_color: 0..255, of the padding
    """

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"
    resize_mode: str = "shortest"
    fill_color: int = 0

    def __post_init__(self) -> None:
        if self.interpolation not in _FILTERS:
            raise ValueError(f"interpolation: received {self.interpolation!r}, known are {', '.join(_FILTERS)}")
        if self.resize_mode not in _RESIZE_MODES:
            raise ValueError(f"resize_mode: received {self.resize_mode!r}, known are {', '.join(_RESIZE_MODES)}")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ImagePreprocessing:
        """From the `preprocess_cfg` of an encoder's config.json."""
        return cls(
            size=int(config["size"]),
            mean=tuple(config["mean"]),
            std=tuple(config["std"]),
            interpolation=config["interpolation"],
            resize_mode=config["resize_mode"],
            fill_color=int(config["fill_color"]),
        )

    def pixels(self, image: Image.Image) -> NDArray[np.uint8]:
        """The square the tower sees, (size, size, 3) uint8."""
        image = image.convert("RGB").resize(self._resized(image.size), _FILTERS[self.interpolation])
        return _centre(np.asarray(image), self.size, self.fill_color)

    def normalised(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, H, W, 3) uint8 to (N, 3, H, W) float32 around zero."""
        values = pixels.astype(np.float32) / np.float32(255)
        values -= np.array(self.mean, dtype=np.float32)
        values /= np.array(self.std, dtype=np.float32)
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))

    def __call__(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """(N, 3, size, size) float32."""
        if not images:
            return np.zeros((0, 3, self.size, self.size), dtype=np.float32)
        return self.normalised(np.stack([self.pixels(image) for image in images]))

    def _resized(self, size: tuple[int, int]) -> tuple[int, int]:
        width, height = size
        if self.resize_mode == "squash":
            return self.size, self.size
        if self.resize_mode == "longest":
            ratio = max(width / self.size, height / self.size)
            return max(1, round(width / ratio)), max(1, round(height / ratio))
        # torchvision rounds the long side down
        if width <= height:
            return self.size, int(self.size * height / width)
        return int(self.size * width / height), self.size


def _centre(pixels: NDArray[np.uint8], side: int, fill: int) -> NDArray[np.uint8]:
    """Pads what is smaller than `side` with `fill`, cuts what is larger, around the centre."""
    height, width, _ = pixels.shape
    if height < side or width < side:
        rows, columns = max(side - height, 0), max(side - width, 0)
        padding = ((rows // 2, (rows + 1) // 2), (columns // 2, (columns + 1) // 2), (0, 0))
        pixels = np.pad(pixels, padding, constant_values=fill)
        height, width, _ = pixels.shape
    top, left = round((height - side) / 2.0), round((width - side) / 2.0)
    return pixels[top : top + side, left : left + side]
