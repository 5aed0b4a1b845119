"""Random crops and flips of a whole batch at once. Colours stay as they are: they are part of what is learned."""

from __future__ import annotations

import torch
from torch.nn import functional

MAX_ZOOM = 1.25
MIN_ZOOM = 0.9
MAX_SHIFT = 0.1
MAX_ROTATION = 0.12  # radians
MAX_STRETCH = 0.1


def augmented(
    pixels: torch.Tensor, *, size: int, mean: torch.Tensor, std: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Each picture mirrored by chance, zoomed, stretched, rotated and shifted a little, and normalised.

    pixels: (B, H, W, 3) uint8, H and W not below `size`; mean, std: (3,). Returns (B, 3, size, size) float32 in
    channels_last layout. What comes into view from outside repeats the border.
    """
    count = len(pixels)

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    mirror = 1.0 - 2.0 * (torch.rand(count, generator=generator) < 0.5).float()
    angle = uniform(-MAX_ROTATION, MAX_ROTATION)
    stretch = uniform(1.0 - MAX_STRETCH, 1.0 + MAX_STRETCH)
    extent = 1.0 / uniform(MIN_ZOOM, MAX_ZOOM)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    rows = (
        torch.stack([mirror * extent * stretch * cosine, -extent * sine, uniform(-MAX_SHIFT, MAX_SHIFT)], dim=1),
        torch.stack([mirror * extent * sine, extent / stretch * cosine, uniform(-MAX_SHIFT, MAX_SHIFT)], dim=1),
    )
    images = normalised(pixels, mean=mean, std=std)
    grid = functional.affine_grid(torch.stack(rows, dim=1), [count, 3, size, size], align_corners=False)
    images = functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return images.contiguous(memory_format=torch.channels_last)


def normalised(pixels: torch.Tensor, *, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32."""
    images = pixels.permute(0, 3, 1, 2).float() / 255.0
    return (images - mean[None, :, None, None]) / std[None, :, None, None]
