"""Patterns of cloth, evaluated at texture coordinates so that they can follow folds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from fashionrec.demo.geometry import Floats, ellipse
from fashionrec.demo.palette import RGB, darker, luminance, mix

PATTERNS = ("plain", "striped", "dotted", "checked", "floral")
VARIANTS: dict[str, tuple[str, ...]] = {
    "plain": ("plain",),
    "striped": ("breton", "bengal", "block", "retro"),
    "dotted": ("polka", "pin dot", "confetti"),
    "checked": ("gingham", "tartan", "windowpane"),
    "floral": ("meadow", "blossom", "ditsy"),
}
_TILE = 30.0  # side of a floral tile, in percent of the picture


@dataclass(frozen=True)
class Print:
    """A pattern with its colours: `ground` dominates, `accents` stand out. `scale` 1 suits a whole garment."""

    pattern: str
    variant: str
    ground: RGB
    accents: tuple[RGB, RGB]
    scale: float = 1.0
    seed: int = 0


def paint(design: Print, u: Floats, v: Floats, pixel: float) -> Floats:
    """Colours (h, w, 3) at texture coordinates u, v (h, w) in percent of the picture; `pixel` is one pixel's width.

    Edges are softened over one pixel. Raises ValueError for an unknown pattern.
    """
    if design.pattern == "plain":
        return np.asarray(design.ground, dtype=np.float32)[None, None, :]
    u, v, pixel = u / design.scale, v / design.scale, pixel / design.scale
    if design.pattern == "striped":
        return _striped(design, u, v, pixel)
    if design.pattern == "dotted":
        return _dotted(design, u, v, pixel)
    if design.pattern == "checked":
        return _checked(design, u, v, pixel)
    if design.pattern == "floral":
        return _floral(design, u, v, pixel)
    raise ValueError(f"pattern: received {design.pattern!r}, known are {', '.join(PATTERNS)}")


def _stripe(x: Floats, period: float, width: float, pixel: float, offset: float = 0.0) -> Floats:
    """Coverage 0..1 of stripes of `width` repeating every `period`."""
    distance = np.abs((x - offset) % period - period / 2)
    return np.clip((width / 2 - distance) / max(pixel, 1e-6) + 0.5, 0.0, 1.0)


def _blend(below: Floats | RGB, colour: RGB, coverage: Floats) -> Floats:
    base = np.asarray(below, dtype=np.float32)
    return base + (np.asarray(colour, dtype=np.float32) - base) * coverage[..., None]


def _striped(design: Print, u: Floats, v: Floats, pixel: float) -> Floats:
    first, second = design.accents
    if design.variant == "bengal":
        return _blend(design.ground, first, _stripe(u, 4.2, 1.5, pixel))
    if design.variant == "block":
        return _blend(design.ground, first, _stripe(v, 15.0, 6.4, pixel))
    if design.variant == "retro":
        wide = _blend(design.ground, first, _stripe(v, 13.0, 3.0, pixel))
        return _blend(wide, second, _stripe(v, 13.0, 1.4, pixel, offset=3.6))
    return _blend(design.ground, first, _stripe(v, 5.4, 1.9, pixel))


def _dotted(design: Print, u: Floats, v: Floats, pixel: float) -> Floats:
    period, radius = {"polka": (7.0, 1.9), "pin dot": (4.2, 0.95), "confetti": (8.0, 1.7)}[design.variant]
    row = np.floor(v / period)
    x = (u + (row % 2) * period / 2) % period - period / 2
    y = v % period - period / 2
    coverage = np.clip((radius - np.hypot(x, y)) / max(pixel, 1e-6) + 0.5, 0.0, 1.0)
    painted = _blend(design.ground, design.accents[0], coverage)
    if design.variant == "confetti":
        column = np.floor((u + (row % 2) * period / 2) / period)
        chosen = coverage * ((column * 2 + row * 3) % 5 < 2)
        painted = _blend(painted, design.accents[1], chosen)
    return painted


def _checked(design: Print, u: Floats, v: Floats, pixel: float) -> Floats:
    first, second = design.accents
    if design.variant == "windowpane":
        lines = np.maximum(_stripe(u, 9.5, 0.8, pixel), _stripe(v, 9.5, 0.8, pixel))
        return _blend(design.ground, first, lines * 0.9)
    if design.variant == "gingham":
        # A light ground between dyed bands: crossing bands are the full colour, single ones half.
        pale = mix(design.ground, first if luminance(first) > 0.6 else (1.0, 1.0, 1.0), 0.86)
        share = (_stripe(u, 6.0, 3.4, pixel) + _stripe(v, 6.0, 3.4, pixel)) / 2
        return _blend(pale, design.ground, np.sqrt(share))
    dark = darker(design.ground, 0.55)
    cloth = _blend(design.ground, dark, _stripe(u, 13.0, 4.6, pixel) * 0.6)
    cloth = _blend(cloth, dark, _stripe(v, 13.0, 4.6, pixel) * 0.6)
    fine = np.maximum(_stripe(u, 13.0, 0.7, pixel, 6.5), _stripe(v, 13.0, 0.7, pixel, 6.5))
    cloth = _blend(cloth, first, fine * 0.9)
    over = np.maximum(_stripe(u, 13.0, 0.9, pixel, 0.0), _stripe(v, 13.0, 0.9, pixel, 0.0))
    return _blend(cloth, second, over * 0.75)


def _floral(design: Print, u: Floats, v: Floats, pixel: float) -> Floats:
    # Twice the picture's density, so that the nearest texel is close enough to interpolation.
    density = int(np.clip(round(2.0 / pixel), 2, 8))
    tile = _floral_tile(design, density)
    side = tile.shape[0]
    column = (u * density).astype(np.int32) % side
    row = (v * density).astype(np.int32) % side
    return tile[row, column]


@lru_cache(maxsize=64)
def _floral_tile(design: Print, density: int) -> Floats:
    """A seamless tile (s, s, 3) of flowers and leaves, `density` texels per percent of the picture."""
    rng = np.random.default_rng(design.seed)
    oversampling = 3
    unit = density * oversampling
    side = int(_TILE * unit)
    image = Image.new("RGB", (side, side), _eight_bit(design.ground))
    draw = ImageDraw.Draw(image)
    first, second = design.accents
    leaf = (0.36, 0.52, 0.32) if luminance(design.ground) > 0.35 else (0.55, 0.68, 0.47)
    count, radius = {"meadow": (11, 2.5), "blossom": (6, 4.0), "ditsy": (22, 1.6)}[design.variant]
    centres: list[tuple[float, float]] = []
    for _ in range(count * 12):  # rejection keeps flowers apart, also across the seam
        x, y = rng.uniform(0, _TILE, 2)
        apart = [np.hypot((x - a + 15) % _TILE - 15, (y - b + 15) % _TILE - 15) for a, b in centres]
        if len(centres) < count and min(apart, default=99.0) > radius * 2.15:
            centres.append((x, y))
    for index, (x, y) in enumerate(centres):
        turn, size = rng.uniform(0, 6.28), radius * rng.uniform(0.8, 1.1)
        petal = first if index % 3 else second
        heart = second if index % 3 else first
        for dx in (-_TILE, 0.0, _TILE):
            for dy in (-_TILE, 0.0, _TILE):
                if -6 < x + dx < _TILE + 6 and -6 < y + dy < _TILE + 6:
                    _flower(draw, (x + dx, y + dy), size, turn, (petal, heart, leaf), unit)
    image = image.reduce(oversampling)
    return np.asarray(image, dtype=np.float32) / 255


def _flower(
    draw: ImageDraw.ImageDraw,
    centre: tuple[float, float],
    size: float,
    turn: float,
    colours: tuple[RGB, RGB, RGB],
    unit: int,
) -> None:
    petal, heart, leaf = colours

    def put(distance: float, angle: float, rx: float, ry: float, colour: RGB) -> None:
        x, y = centre[0] + distance * np.cos(angle), centre[1] + distance * np.sin(angle)
        points = ellipse(x * unit, y * unit, rx * unit, ry * unit, angle=angle, count=20)
        draw.polygon([tuple(point) for point in points], fill=_eight_bit(colour))

    for angle in (turn + 0.5, turn + 2.9):
        put(size * 1.05, angle, size * 0.62, size * 0.24, leaf)
    for step in range(5):
        put(size * 0.5, turn + step * 1.2566, size * 0.5, size * 0.36, petal)
    for step in range(5):
        put(size * 0.36, turn + step * 1.2566, size * 0.26, size * 0.09, darker(petal, 0.22))
    put(0.0, turn, size * 0.24, size * 0.24, heart)


def _eight_bit(colour: RGB) -> tuple[int, int, int]:
    r, g, b = (round(channel * 255) for channel in colour)
    return r, g, b
