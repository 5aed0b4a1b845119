"""Light on cloth: folds and rounded edges as a height field, lit from the upper left.

Everything here works on a coarse grid over the picture, whatever its size; that is fast, and a small picture is
lit exactly like a large one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fashionrec.demo.geometry import Floats, Polygon

CELLS = 128  # cells of the grid along one side of the picture
_CELL = 100.0 / CELLS


@dataclass(frozen=True)
class Fold:
    """A crease (depth > 0 raises a ridge, < 0 a valley) from start to end; sizes in garment centimetres."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: float = 1.5
    depth: float = 1.0

    def placed(self, scale: float, x: float, y: float) -> Fold:
        """The same fold in percent of the picture."""
        return Fold(
            self.x0 * scale + x,
            self.y0 * scale + y,
            self.x1 * scale + x,
            self.y1 * scale + y,
            max(self.width * scale, 0.9),
            self.depth,
        )


@dataclass(frozen=True)
class Grid:
    """A window of the coarse grid: its first cell and its size in cells, for a shape and some room around it."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def around(cls, polygon: Polygon, room: float) -> Grid:
        (x0, y0), (x1, y1) = (polygon.min(axis=0) - room) / _CELL, (polygon.max(axis=0) + room) / _CELL
        left, top = min(max(int(x0), 0), CELLS - 4), min(max(int(y0), 0), CELLS - 4)
        right, bottom = min(max(int(x1) + 1, left + 4), CELLS), min(max(int(y1) + 1, top + 4), CELLS)
        return cls(left, top, right - left, bottom - top)

    @classmethod
    def whole(cls) -> Grid:
        return cls(0, 0, CELLS, CELLS)

    def coverage(self, polygon: Polygon, holes: Sequence[Polygon] = ()) -> Floats:
        """Coverage (height, width) 0..1 of a polygon given in percent of the picture."""
        image = Image.new("L", (self.width * 2, self.height * 2))
        draw = ImageDraw.Draw(image)
        corner = np.array([self.left, self.top]) * 2 + 0.5
        for shape, ink in [(polygon, 255), *((hole, 0) for hole in holes)]:
            draw.polygon((shape * (2 / _CELL) - corner).ravel().tolist(), fill=ink)
        return np.asarray(image.reduce(2), dtype=np.float32) / 255

    def read(self, values: Floats, rows: Floats, columns: Floats) -> Floats:
        """Coarse values (height, width) read smoothly at picture rows and columns (percent, evenly spaced)."""
        half = (
            (rows[1] - rows[0] if len(rows) > 1 else columns[1] - columns[0] if len(columns) > 1 else 1.0) / _CELL / 2
        )
        left, right = columns[0] / _CELL - half - self.left, columns[-1] / _CELL + half - self.left
        top, bottom = rows[0] / _CELL - half - self.top, rows[-1] / _CELL + half - self.top
        box = (max(left, 0.0), max(top, 0.0), min(right, float(self.width)), min(bottom, float(self.height)))
        image = Image.fromarray(values).resize((len(columns), len(rows)), Image.Resampling.BICUBIC, box=box)
        return np.asarray(image)


def blurred(values: Floats, radius: float) -> Floats:
    """Gaussian blur of values 0..1 on the coarse grid, `radius` in percent of the picture."""
    image = Image.fromarray(np.clip(values * 255, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius / _CELL)), dtype=np.float32) / 255


def relief(
    grid: Grid, polygon: Polygon, holes: Sequence[Polygon], folds: Sequence[Fold], *, volume: float, softness: float
) -> tuple[Floats, Floats | None]:
    """Brightness around 1 of a piece of cloth on its grid, and the height of its folds (None without folds)."""
    radius = float(np.clip(np.ptp(polygon, axis=0).min() * 0.16, 0.6, 3.2))
    inside = np.clip((blurred(grid.coverage(polygon, holes), radius) - 0.5) * 2, 0.0, 1.0)
    height = inside * (2 - inside) * (volume * 0.4 * radius)
    folded = None
    if folds:
        folded = _fold_height(grid, folds)
        height += folded * softness
    return 1.0 + _toward_light(height) * 0.5 - (1 - inside) ** 2 * (0.2 * volume), folded


def _fold_height(grid: Grid, folds: Sequence[Fold]) -> Floats:
    table = np.array([(f.x0, f.y0, f.x1, f.y1, f.width, f.depth) for f in folds], dtype=np.float32)
    x0, y0, x1, y1, width, depth = (column[:, None, None] for column in table.T)
    x = ((np.arange(grid.width, dtype=np.float32) + (grid.left + 0.5)) * _CELL)[None, None, :]
    y = ((np.arange(grid.height, dtype=np.float32) + (grid.top + 0.5)) * _CELL)[None, :, None]
    dx, dy = x1 - x0, y1 - y0
    length = np.maximum(np.hypot(dx, dy), 1e-3)
    along = ((x - x0) * dx + (y - y0) * dy) / length**2
    across = ((x - x0) * dy - (y - y0) * dx) / length
    # Folds start sharp where cloth is held and die out towards their end.
    window = np.clip(np.minimum(along / 0.12 + 1, (1 - along) / 0.6), 0.0, 1.0)
    window = window * window * (3 - 2 * window)
    spread = width * (0.75 + 0.5 * np.clip(along, 0, 1))
    return (depth * np.exp(-((across / spread) ** 2)) * window).sum(axis=0)


def _toward_light(height: Floats) -> Floats:
    """How much each cell faces the light (upper left), from central differences of the height."""
    facing = np.zeros_like(height)
    facing[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * (0.75 / (2 * _CELL))
    facing[1:-1] += (height[2:] - height[:-2]) * (0.55 / (2 * _CELL))
    return facing
