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
_PAD = 6


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
            self.x0 * scale + x, self.y0 * scale + y, self.x1 * scale + x, self.y1 * scale + y,
            max(self.width * scale, 0.9), self.depth,
        )


def coarse_mask(polygons: Sequence[Polygon], holes: Sequence[Polygon]) -> Floats:
    """Coverage (CELLS, CELLS) 0..1 of polygons given in percent of the picture."""
    image = Image.new("L", (CELLS * 2, CELLS * 2))
    draw = ImageDraw.Draw(image)
    for polygon, ink in [(one, 255) for one in polygons] + [(hole, 0) for hole in holes]:
        draw.polygon((polygon * (2 / _CELL) - 0.5).ravel().tolist(), fill=ink)
    return np.asarray(image.reduce(2), dtype=np.float32) / 255


def blurred(values: Floats, radius: float) -> Floats:
    """Gaussian blur of values 0..1, `radius` in percent of the picture."""
    image = Image.fromarray(np.clip(values * 255, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius / _CELL)), dtype=np.float32) / 255


def enlarged(values: Floats, rows: np.ndarray, columns: np.ndarray) -> Floats:
    """Coarse values (CELLS, CELLS) read at picture rows and columns (percent), smoothly: (rows, columns)."""
    top, bottom = rows[0] / _CELL, rows[-1] / _CELL
    left, right = columns[0] / _CELL, columns[-1] / _CELL
    half_row = (rows[1] - rows[0]) / _CELL / 2 if len(rows) > 1 else 0.5
    half_column = (columns[1] - columns[0]) / _CELL / 2 if len(columns) > 1 else 0.5
    box = (
        max(left - half_column, 0.0), max(top - half_row, 0.0),
        min(right + half_column, CELLS), min(bottom + half_row, CELLS),
    )
    image = Image.fromarray(values).resize((len(columns), len(rows)), Image.Resampling.BICUBIC, box=box)
    return np.asarray(image)


def relief(
    polygon: Polygon, holes: Sequence[Polygon], folds: Sequence[Fold], *, volume: float, softness: float
) -> tuple[Floats, Floats]:
    """Brightness around 1 and fold height, both (CELLS, CELLS), of a piece of cloth."""
    light = np.ones((CELLS, CELLS), dtype=np.float32)
    height = np.zeros((CELLS, CELLS), dtype=np.float32)
    low = np.clip(np.floor(polygon.min(axis=0) / _CELL).astype(int) - _PAD, 0, CELLS - 2)
    high = np.clip(np.ceil(polygon.max(axis=0) / _CELL).astype(int) + _PAD, 2, CELLS)
    box = slice(low[1], high[1]), slice(low[0], high[0])
    extent = np.ptp(polygon, axis=0).min()
    radius = float(np.clip(extent * 0.16, 0.6, 3.2))
    mask = coarse_mask([polygon], holes)
    inside = np.clip((blurred(mask, radius)[box] - 0.5) * 2, 0.0, 1.0)
    if folds:
        height[box] = _fold_height(folds, low, high)
    rounded = inside * (2 - inside) * volume * 1.1 * radius / 2.2
    slope = _toward_light(rounded * 0.8 + height[box] * softness)
    light[box] = 1.0 + slope * 0.5 - (1 - inside) ** 2 * 0.2 * volume
    return light, height


def _fold_height(folds: Sequence[Fold], low: np.ndarray, high: np.ndarray) -> Floats:
    table = np.array([(f.x0, f.y0, f.x1, f.y1, f.width, f.depth) for f in folds], dtype=np.float32)
    x0, y0, x1, y1, width, depth = (column[:, None, None] for column in table.T)
    x = ((np.arange(low[0], high[0], dtype=np.float32) + 0.5) * _CELL)[None, None, :]
    y = ((np.arange(low[1], high[1], dtype=np.float32) + 0.5) * _CELL)[None, :, None]
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
    padded = np.pad(height, 1, mode="edge")
    slope_x = (padded[1:-1, 2:] - padded[1:-1, :-2]) / (2 * _CELL)
    slope_y = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / (2 * _CELL)
    return slope_x * 0.75 + slope_y * 0.55
