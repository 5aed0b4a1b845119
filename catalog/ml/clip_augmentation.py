"""Random crops and flips of a whole batch at once; and, where asked for, pictures without their colours.

Colours are part of what is learned from nothing, so that they stay as they are by default.
"""

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

    pixels: (B, H, W, 3) uint8, H and W not below `size`; mean, std: (3,); on any device, the generator on the
    processor. Returns (B, 3, size, size) float32 in channels_last layout. What comes into view from outside repeats
    the border.
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
    affine = torch.stack(rows, dim=1).to(images.device)
    grid = functional.affine_grid(affine, [count, 3, size, size], align_corners=False)
    images = functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return images.contiguous(memory_format=torch.channels_last)


def without_colours(
    images: torch.Tensor,
    *,
    grayscale: float,
    edges: float,
    mean: torch.Tensor,
    std: torch.Tensor,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Some pictures in grey, some as edge maps: what is left to learn from is cut, texture and pattern.

    images: (B, 3, S, S), normalised; grayscale, edges: share of each, together at most 1. Edges are the length of
    Sobel's gradient, dark on white, the strongest of each picture black.
    Returns images, and (B,) bool of those that lost their colours.
    """
    count = len(images)
    chance = torch.rand(count, generator=generator).to(images.device)
    to_edges, to_grey = chance < edges, (chance >= edges) & (chance < edges + grayscale)
    lost = to_edges | to_grey
    if not lost.any():
        return images, lost
    scale, shift = std[None, :, None, None], mean[None, :, None, None]
    # ITU-R BT.601, as Pillow's conversion to grey.
    luminance = ((images * scale + shift) * images.new_tensor([0.299, 0.587, 0.114])[None, :, None, None]).sum(
        dim=1, keepdim=True
    )
    bare = torch.where(to_edges[:, None, None, None], 1.0 - _edge_strength(luminance), luminance)
    bare = (bare - shift) / scale
    changed = torch.where(lost[:, None, None, None], bare, images)
    return changed.contiguous(memory_format=torch.channels_last), lost


def _edge_strength(luminance: torch.Tensor) -> torch.Tensor:
    """(B, 1, S, S) within 0..1."""
    across = luminance.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    kernels = torch.stack([across, across.T])[:, None]
    gradient = functional.conv2d(functional.pad(luminance, (1, 1, 1, 1), mode="replicate"), kernels)
    strength = gradient.square().sum(dim=1, keepdim=True).sqrt()
    return strength / strength.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-6)


def normalised(pixels: torch.Tensor, *, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32."""
    images = pixels.permute(0, 3, 1, 2).float() / 255.0
    return (images - mean[None, :, None, None]) / std[None, :, None, None]
