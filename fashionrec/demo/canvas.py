"""The drawing board: lit cloth, seams, prints and shadows, composed into one product picture.

Silhouettes draw in centimetres around x = 0; `frame` fits them into the picture. Lengths that belong to the
picture rather than the garment (line widths, textures, blurs) are in percent of its side, so that a picture at
112 pixels is the one at 320 made smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from fashionrec.demo.geometry import Floats, Polygon, dashes, outline, shifted
from fashionrec.demo.lighting import CELLS, Fold, Grid, blurred, relief
from fashionrec.demo.materials import Material, surface
from fashionrec.demo.palette import RGB, darker, mix
from fashionrec.demo.patterns import Print, paint

Path = Sequence[tuple[float, ...]] | Polygon


@dataclass(frozen=True)
class Fabric:
    """Printed cloth of one material; `offset` shifts its noise."""

    design: Print
    material: Material
    offset: int = 0

    @property
    def colour(self) -> RGB:
        return self.design.ground

    def plain(self, colour: RGB | None = None) -> Fabric:
        """The same cloth without its pattern, optionally in another colour."""
        return replace(self, design=replace(self.design, pattern="plain", ground=colour or self.colour))

    def of(self, material: Material) -> Fabric:
        return replace(self, material=material)

    def scaled(self, factor: float) -> Fabric:
        return replace(self, design=replace(self.design, scale=self.design.scale * factor))


@dataclass(frozen=True)
class _Patch:
    """Coverage (h, w) 0..1 of a shape inside the picture, with the top left corner of its box."""

    top: int
    left: int
    values: Floats

    @property
    def box(self) -> tuple[slice, slice]:
        height, width = self.values.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


class Canvas:
    """A square picture in the making."""

    def __init__(self, size: int) -> None:
        if size < 16:
            raise ValueError(f"size: received {size}, needs at least 16 pixels")
        self.size = size
        self.pixel = 100.0 / size
        self.colour = np.zeros((size, size, 3), dtype=np.float32)
        self.alpha = np.zeros((size, size), dtype=np.float32)
        self._oversampling = 4 if size <= 200 else 3
        self._scale, self._x, self._y = 1.0, 50.0, 0.0

    def frame(self, left: float, top: float, right: float, bottom: float, *, margin: float = 9.0) -> None:
        """Fits this rectangle of garment centimetres into the picture."""
        room = 100.0 - 2 * margin
        self._scale = min(room / (right - left), room / (bottom - top))
        self._x = 50.0 - self._scale * (left + right) / 2
        self._y = 50.0 - self._scale * (top + bottom) / 2

    def cm(self, percent: float) -> float:
        """A length in percent of the picture, in garment centimetres."""
        return percent / self._scale

    def fill(
        self,
        path: Path,
        fabric: Fabric,
        *,
        angle: float = 0.0,
        folds: Sequence[Fold] = (),
        volume: float = 1.0,
        shade: float = 0.0,
        shadow: float = 0.0,
        holes: Sequence[Path] = (),
        within: bool = False,
        edge: float = 0.28,
    ) -> None:
        """Lays a lit piece of cloth.

        angle: turn of the texture in degrees; volume: how rounded it looks; shade: darkens (+) or lightens (−);
        shadow: strength of the soft shadow it throws on what lies below; within: clip to what is already there;
        edge: strength of the thin dark line around it, which keeps pale cloth apart from the backdrop.
        """
        polygon = self._place(path)
        openings = [self._place(hole) for hole in holes]
        patch = self._coverage([polygon], holes=openings)
        if patch is None:
            return
        if within:
            patch = replace(patch, values=patch.values * self.alpha[patch.box])
        if shadow:
            self._throw_shadow(polygon, shadow)
        placed = [fold.placed(self._scale, self._x, self._y) for fold in folds]
        grid = Grid.around(polygon, 5.0)
        coarse, folded = relief(grid, polygon, openings, placed, volume=volume, softness=fabric.material.softness)
        rows, columns = (
            self._centres(patch.top, patch.values.shape[0]),
            self._centres(patch.left, patch.values.shape[1]),
        )
        light = grid.read(coarse, rows, columns)
        x = columns[None, :] - np.float32(polygon[:, 0].mean())
        y = rows[:, None] - np.float32(polygon[:, 1].min())
        if folded is not None:  # the pattern follows the folds
            height = grid.read(folded, rows, columns)
            x, y = x + height * np.float32(0.9), y + height * np.float32(0.7)
        turn = np.radians(angle)
        cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        u, v = x * cosine + y * sine, y * cosine - x * sine
        painted = paint(fabric.design, u, v, self.pixel)
        factor = surface(fabric.material, u, v, self.pixel, fabric.offset) * (1.0 - shade)
        bright = np.maximum(light - 1.0, 0.0)
        factor *= np.minimum(light, 1.0) + bright * 0.45
        lit = painted * factor[..., None]
        gloss = bright * 0.16
        if fabric.material.gloss:
            gloss = gloss + np.minimum(bright * 1.9, 1.0) ** fabric.material.sharpness * fabric.material.gloss
        lit += gloss[..., None]
        self._over(patch, lit)
        if edge:
            closed = np.vstack([polygon, polygon[:1]])
            self._stroke([closed], 0.55, darker(fabric.colour, 0.5), edge)

    def flat(self, path: Path, colour: RGB, *, opacity: float = 1.0, within: bool = False) -> None:
        """An even patch of colour, for prints, labels and small hardware."""
        patch = self._coverage([self._place(path)])
        if patch is not None:
            clip = self.alpha[patch.box] if within else 1.0
            self._over(replace(patch, values=patch.values * opacity * clip), np.asarray(colour, dtype=np.float32))

    def line(self, *lines: Path, colour: RGB, width: float = 0.5, opacity: float = 0.8, over: bool = False) -> None:
        """Open lines, `width` in percent of the picture; they stay on the cloth unless `over`."""
        self._stroke([self._place(line, closed=False) for line in lines], width, colour, opacity, over=over)

    def seam(self, *lines: Path, colour: RGB, opacity: float = 0.5) -> None:
        """Pressed seams: a dark valley with a lit edge below it."""
        placed = [self._place(line, closed=False) for line in lines]
        self._stroke([shifted(line, 0.25, 0.4) for line in placed], 0.4, mix(colour, (1, 1, 1), 0.5), opacity * 0.45)
        self._stroke(placed, 0.5, darker(colour, 0.6), opacity)

    def stitch(self, *lines: Path, colour: RGB, opacity: float = 0.8, width: float = 0.42) -> None:
        """Top-stitching in dashes."""
        pieces = [self._place(line, closed=False) for line in lines]
        self._stroke([dash for piece in pieces for dash in dashes(piece, dash=1.0, gap=0.55)], width, colour, opacity)

    def dim(self, path: Path, strength: float, *, blur: float = 3.0) -> None:
        """A soft dark area on what is already there (inside of a collar, under a flap)."""
        self._throw_shadow(self._place(path), strength, shift=(0.0, 0.0), blur=blur)

    def finish(self, backdrop: RGB, *, stands: bool = False) -> Image.Image:
        """The picture on a softly lit backdrop; the shadow of a thing that `stands` lies on the ground."""
        size = self.size
        ramp = (np.arange(size, dtype=np.float32) + 0.5) / size
        glow = 1.012 - 0.05 * ((ramp[:, None] - 0.42) ** 2 * 1.5 + (ramp[None, :] - 0.5) ** 2)
        ground = np.asarray(backdrop, dtype=np.float32) * glow[..., None]
        alpha = Image.fromarray(np.clip(self.alpha * 255, 0, 255).astype(np.uint8))
        small = np.asarray(alpha.resize((CELLS, CELLS), Image.Resampling.BILINEAR), dtype=np.float32) / 255
        if stands:
            shadow = _ground_shadow(small)
        else:
            shadow = np.roll(blurred(small, 3.4), (3, 2), axis=(0, 1)) * 0.2
            shadow += np.roll(blurred(small, 1.1), (1, 1), axis=(0, 1)) * 0.16
        centres = self._centres(0, size)
        ground *= 1.0 - Grid.whole().read(shadow, centres, centres)[..., None]
        ground *= 1.0 - self.alpha[..., None]
        ground += self.colour
        return Image.fromarray((np.clip(ground, 0.0, 1.0) * 255 + 0.5).astype(np.uint8))

    def _centres(self, start: int, count: int) -> Floats:
        """Pixel centres in percent of the picture."""
        return (np.arange(start, start + count, dtype=np.float32) + np.float32(0.5)) * np.float32(self.pixel)

    def _place(self, path: Path, *, closed: bool = True) -> Polygon:
        polygon = path if isinstance(path, np.ndarray) else outline(path, closed=closed)
        return polygon * self._scale + (self._x, self._y)

    def _box(
        self, shapes: Sequence[Polygon], reach: float
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
        """First and one-past-last pixel (x, y) of shapes with `reach` pixels around; None outside the picture."""
        corners = (shapes[0] if len(shapes) == 1 else np.vstack(list(shapes))) / self.pixel
        (x0, y0), (x1, y1) = corners.min(axis=0) - reach, corners.max(axis=0) + reach + 1
        low = np.array([max(int(x0), 0), max(int(y0), 0)])
        high = np.array([min(int(x1), self.size), min(int(y1), self.size)])
        return (low, high) if high[0] > low[0] and high[1] > low[1] else None

    def _coverage(self, polygons: Sequence[Polygon], *, holes: Sequence[Polygon] = ()) -> _Patch | None:
        box = self._box(polygons, 1.0)
        if box is None:
            return None
        low, high = box
        factor = self._oversampling
        image = Image.new("L", tuple((high - low) * factor))
        draw = ImageDraw.Draw(image)
        for polygon, ink in [(one, 255) for one in polygons] + [(hole, 0) for hole in holes]:
            points = (polygon / self.pixel - low) * factor - 0.5
            draw.polygon(points.ravel().tolist(), fill=ink)
        values = np.asarray(image.reduce(factor), dtype=np.float32) / 255
        return _Patch(int(low[1]), int(low[0]), values)

    def _stroke(
        self, lines: Sequence[Polygon], width: float, colour: RGB, opacity: float, *, over: bool = False
    ) -> None:
        lines = [line for line in lines if len(line) > 1]
        if not lines:
            return
        box = self._box(lines, width / self.pixel + 2)
        if box is None:
            return
        low, high = box
        factor = self._oversampling
        thickness = width / self.pixel * factor
        # A hair-line thinner than the finest pen is drawn at that pen and made fainter instead.
        opacity *= min(1.0, thickness)
        image = Image.new("L", tuple((high - low) * factor))
        draw = ImageDraw.Draw(image)
        for line in lines:
            points = (line / self.pixel - low) * factor - 0.5
            # Rounded joints are slow, and a thin line does not need them.
            joint = "curve" if thickness > 5 else None
            draw.line(points.ravel().tolist(), fill=255, width=max(1, round(thickness)), joint=joint)
        patch = _Patch(int(low[1]), int(low[0]), np.asarray(image.reduce(factor), dtype=np.float32) / 255)
        clip = 1.0 if over else self.alpha[patch.box]
        self._over(replace(patch, values=patch.values * clip * opacity), np.asarray(colour, dtype=np.float32))

    def _over(self, patch: _Patch, colour: Floats) -> None:
        """Source-over with premultiplied colours."""
        below, alpha, cover = self.colour[patch.box], self.alpha[patch.box], patch.values[..., None]
        below *= 1.0 - cover
        below += np.minimum(np.maximum(colour, 0.0), 1.0) * cover
        alpha += (1.0 - alpha) * patch.values

    def _throw_shadow(
        self, polygon: Polygon, strength: float, *, shift: tuple[float, float] = (0.5, 1.3), blur: float = 1.7
    ) -> None:
        moved = shifted(polygon, *shift)
        grid = Grid.around(moved, 3 * blur)
        small = blurred(grid.coverage(moved), blur)
        box = self._box([moved], 2.5 * blur / self.pixel)
        if box is None:
            return
        low, high = box
        rows, columns = self._centres(low[1], high[1] - low[1]), self._centres(low[0], high[0] - low[0])
        self.colour[low[1] : high[1], low[0] : high[0]] *= 1.0 - strength * grid.read(small, rows, columns)[..., None]


def _ground_shadow(small: Floats) -> Floats:
    """Shadow (CELLS, CELLS) of a thing that stands on the ground: its width, squeezed under its lowest edge."""
    filled = np.flatnonzero(small.max(axis=1) > 0.3)
    row = min(int(filled[-1]) if len(filled) else CELLS // 2, CELLS - 4)
    shadow = np.zeros_like(small)
    shadow[row - 1 : row + 3] = small[max(row - 14, 0) : row + 2].max(axis=0)
    return blurred(blurred(shadow, 3.2), 2.0) * 0.75 + blurred(shadow, 1.0) * 0.2
