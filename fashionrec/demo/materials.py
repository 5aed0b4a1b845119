"""How materials look: weave, nap and gloss on top of a pattern."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from fashionrec.demo.geometry import Floats

# A weave answers a relief of about -1..1 at texture coordinates in percent of the picture.
Weave = Callable[[Floats, Floats, float], Floats]


@dataclass(frozen=True)
class Material:
    """What a material does to light.

    weave: relief of the surface, `strength` its share of brightness
    mottle: cloudy unevenness (wash of denim, nap of suede)
    grain: fine noise
    gloss: strength of highlights, `sharpness` how narrow they are
    softness: how much of the folds' shading shows (stiff felt little, silk much)
    """

    weave: Weave | None = None
    strength: float = 0.0
    mottle: float = 0.0
    grain: float = 0.012
    gloss: float = 0.0
    sharpness: float = 2.0
    softness: float = 1.0


def visible(period: float, pixel: float) -> float:
    """0..1: how much of a texture of this period survives at this pixel width without moiré."""
    return float(np.clip((period / pixel - 1.8) / 1.6, 0.0, 1.0))


def _wave(x: Floats, period: float, pixel: float) -> Floats:
    return np.sin(x * (2 * np.pi / period)) * visible(period, pixel)


def _twill(u: Floats, v: Floats, pixel: float) -> Floats:
    return _wave(u + v, 1.25, pixel) * 0.7 + _wave(u - 0.15 * v, 3.1, pixel) * 0.15


def _ribs(u: Floats, v: Floats, pixel: float) -> Floats:
    """Columns of V-shaped stitches."""
    slant = np.abs((u / 2.4) % 1.0 - 0.5) * 1.7
    return _wave(u, 2.4, pixel) * 0.55 + _wave(v + slant, 1.5, pixel) * 0.6


def _cable(u: Floats, v: Floats, pixel: float) -> Floats:
    """Twisted ropes between ribs."""
    lane = u % 11.0 - 5.5
    rope = np.exp(-((lane / 2.4) ** 2))
    return rope * _wave(v + np.abs(lane) * 1.3, 4.4, pixel) * 0.9 + (1 - rope) * _wave(u, 2.2, pixel) * 0.6


def _slub(u: Floats, v: Floats, pixel: float) -> Floats:
    """Irregular threads, long in their own direction."""
    tile = noise_field(False)
    weft = tile[(v * 2.4).astype(np.int32) % 512, (u * 0.16).astype(np.int32) % 512]
    warp = tile[(v * 0.16).astype(np.int32) % 512, (u * 2.4).astype(np.int32) % 512]
    return (weft + warp) * visible(1.2, pixel)


def _cords(u: Floats, v: Floats, pixel: float) -> Floats:
    return _wave(u, 1.9, pixel)


def _mesh(u: Floats, v: Floats, pixel: float) -> Floats:
    return np.maximum(_wave(u, 1.4, pixel) * _wave(v, 1.4, pixel), 0.0) * -1.2


def _straw(u: Floats, v: Floats, pixel: float) -> Floats:
    block = np.where((np.floor(u / 1.6) + np.floor(v / 1.6)) % 2 > 0, u, v)
    return _wave(block, 0.8, pixel) * 0.4 + _wave(u, 3.2, pixel) * _wave(v, 3.2, pixel) * 0.9


MATERIALS: dict[str, Material] = {
    "cotton": Material(_slub, 0.01, grain=0.014),
    "organic cotton": Material(_slub, 0.014, grain=0.016),
    "jersey": Material(grain=0.01, softness=0.9),
    "flannel": Material(_twill, 0.03, mottle=0.05, grain=0.03, softness=0.85),
    "poplin": Material(grain=0.006, gloss=0.03, softness=1.05),
    "linen": Material(_slub, 0.024, mottle=0.015, grain=0.03, softness=1.25),
    "denim": Material(_twill, 0.09, mottle=0.085, grain=0.04, softness=0.9),
    "wool": Material(_twill, 0.045, mottle=0.05, grain=0.06, softness=0.75),
    "merino": Material(_ribs, 0.07, grain=0.02, softness=0.8),
    "cashmere": Material(_ribs, 0.045, mottle=0.03, grain=0.035, softness=0.75),
    "cable knit": Material(_cable, 0.17, grain=0.03, softness=0.6),
    "cotton knit": Material(_ribs, 0.1, grain=0.02, softness=0.75),
    "fleece": Material(mottle=0.03, grain=0.05, softness=0.8),
    "tweed": Material(_twill, 0.1, mottle=0.035, grain=0.13, softness=0.7),
    "corduroy": Material(_cords, 0.12, grain=0.02, softness=0.8),
    "velvet": Material(mottle=0.06, grain=0.015, gloss=0.16, sharpness=1.4, softness=1.2),
    "silk": Material(grain=0.004, gloss=0.42, sharpness=1.6, softness=1.5),
    "satin": Material(grain=0.004, gloss=0.5, sharpness=1.9, softness=1.5),
    "viscose": Material(grain=0.008, gloss=0.07, softness=1.3),
    "chiffon": Material(grain=0.01, gloss=0.08, softness=1.4),
    "polyester": Material(grain=0.006, gloss=0.1, sharpness=2.2),
    "nylon": Material(grain=0.006, gloss=0.24, sharpness=2.6, softness=1.15),
    "recycled polyester": Material(_mesh, 0.06, grain=0.006, gloss=0.08),
    "technical knit": Material(_mesh, 0.1, grain=0.01, gloss=0.05),
    "elastane blend": Material(grain=0.006, gloss=0.2, sharpness=2.0, softness=0.9),
    "leather": Material(grain=0.03, mottle=0.03, gloss=0.5, sharpness=3.0, softness=1.15),
    "patent leather": Material(grain=0.004, gloss=0.85, sharpness=4.0, softness=1.2),
    "vegan leather": Material(grain=0.018, gloss=0.42, sharpness=2.6, softness=1.05),
    "suede": Material(mottle=0.06, grain=0.05, softness=0.7),
    "canvas": Material(_slub, 0.035, grain=0.04, softness=0.7),
    "straw": Material(_straw, 0.16, grain=0.04, softness=0.7),
    "felt": Material(mottle=0.04, grain=0.04, softness=0.7),
    "rubber": Material(grain=0.004, gloss=0.2, sharpness=2.0),
    "steel": Material(grain=0.012, gloss=0.8, sharpness=2.0, softness=1.6),
    "acetate": Material(grain=0.003, gloss=0.55, sharpness=3.0, softness=1.2),
}


@lru_cache(maxsize=2)
def noise_field(smooth: bool) -> Floats:
    """A fixed tile (512, 512) of noise, about -1..1: fine grain, or clouds some 12 texels wide."""
    rng = np.random.default_rng(7)
    if not smooth:
        return np.clip(rng.standard_normal((512, 512)), -2.0, 2.0).astype(np.float32) * 0.6
    field = np.zeros((512, 512), dtype=np.float32)
    for cells, weight in ((22, 0.6), (45, 0.45), (90, 0.3)):
        coarse = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
        field += np.asarray(coarse.resize((512, 512), Image.Resampling.BICUBIC)) * weight
    return field


def surface(material: Material, u: Floats, v: Floats, pixel: float, offset: int) -> Floats:
    """Brightness factor (h, w) around 1 from weave, clouds and grain."""
    height, width = u.shape
    factor = np.ones((height, width), dtype=np.float32)
    if material.weave is not None:
        factor += material.weave(u, v, pixel) * material.strength
    if material.mottle:
        # Clouds keep their size in the picture whatever its resolution.
        rows = ((np.arange(height) * pixel * 3.0).astype(np.int32) + offset) % 512
        columns = ((np.arange(width) * pixel * 3.0).astype(np.int32) + 2 * offset) % 512
        factor += noise_field(True)[rows[:, None], columns[None, :]] * material.mottle
    if material.grain:
        top, left = offset % 97, offset % 61
        tile = noise_field(False)
        fine_rows, fine_columns = (np.arange(height) + top) % 512, (np.arange(width) + left) % 512
        fine = material.grain * min(1.0, 0.4 / pixel)  # averages out when a pixel covers more cloth
        factor += tile[fine_rows[:, None], fine_columns[None, :]] * fine
    return factor
