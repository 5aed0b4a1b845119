"""Where a training computes, and in which precision."""

from __future__ import annotations

import torch

PRECISIONS = ("auto", "fp32", "bf16")


def training_device() -> torch.device:
    """The GPU, where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def bf16_pays(device: torch.device) -> bool:
    """Whether bf16 matrix products are instructions of this device.

    A processor that has to imitate them takes longer than in fp32: measured on one with AVX2 alone, 53 against 9 ms a
    picture in training the compact image tower. With avx512_bf16 it takes half the time of fp32.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def mixed_precision(device: torch.device, precision: str = "auto") -> torch.autocast:
    """Context that computes matrix products in bf16, or does nothing.

    precision: auto (bf16 where it pays), bf16, or fp32. Raises ValueError for another.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision: received {precision!r}, must be one of {', '.join(PRECISIONS)}")
    enabled = precision == "bf16" or (precision == "auto" and bf16_pays(device))
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)
