"""What all garments share: a body to hang on, the way cloth falls, and the parts of a top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fashionrec.demo.canvas import Canvas, Fabric
from fashionrec.demo.geometry import Point, ellipse, flipped, mirrored
from fashionrec.demo.lighting import Fold
from fashionrec.demo.palette import RGB, darker, lighter, luminance


@dataclass(frozen=True)
class Look:
    """What a silhouette needs to know of a product: cloth, trim colour, who wears it, visible attributes."""

    fabric: Fabric
    trim: RGB
    gender: str
    attributes: Mapping[str, str]
    rng: np.random.Generator

    @property
    def colour(self) -> RGB:
        return self.fabric.colour

    @property
    def feminine(self) -> bool:
        return self.gender in ("women", "girls")

    @property
    def small(self) -> bool:
        return self.gender in ("girls", "boys")

    def has(self, name: str, *values: str) -> bool:
        return self.attributes.get(name, "") in values

    def ink(self) -> RGB:
        """A line colour that shows on the cloth."""
        return lighter(self.colour, 0.28) if luminance(self.colour) < 0.16 else darker(self.colour, 0.45)

    def thread(self) -> RGB:
        """Top-stitching: tone in tone, lighter on dark cloth."""
        return lighter(self.colour, 0.45) if luminance(self.colour) < 0.3 else darker(self.colour, 0.35)


@dataclass(frozen=True)
class Cut:
    """Half-widths and heights of a top or dress in centimetres, y = 0 at the neck point of the shoulder."""

    shoulder: float = 20.0
    neck: float = 8.0
    neck_depth: float = 6.0
    neck_shape: str = "round"
    slope: float = 4.5
    chest: float = 24.0
    armpit: float = 21.0
    waist: float = 23.0
    waist_at: float = 42.0
    hem: float = 24.0
    length: float = 66.0
    sleeve: float = 0.0
    sleeve_width: float = 8.5
    cuff: float = 5.5
    slant: float = 17.0

    def at(self, y: float) -> float:
        """Half-width of the body at height y below the armpit."""
        heights = [self.armpit, self.waist_at, self.length]
        return float(np.interp(y, heights, [self.chest, self.waist, self.hem]))


def body_cut(look: Look, **changes: float | str) -> Cut:
    """The cut for who wears it and how it fits, then `changes`."""
    cut = {
        "women": Cut(18.5, 8.0, chest=21.5, waist=18.5, waist_at=39, hem=22.5, length=61, sleeve_width=7.5, cuff=4.8),
        "men": Cut(22.5, 8.2, chest=26.5, waist=25.5, waist_at=44, hem=25.5, length=70, sleeve_width=9.5, cuff=5.8),
        "unisex": Cut(21.5, 8.2, chest=25.5, waist=24.5, waist_at=43, hem=25.0, length=67, sleeve_width=9.0,
                      cuff=5.6),
        "girls": Cut(17.5, 7.8, chest=20.5, waist=19.5, waist_at=32, hem=22.5, length=49, sleeve_width=7.8, cuff=5.0),
        "boys": Cut(18.8, 7.8, chest=22.0, waist=22.0, waist_at=33, hem=22.0, length=50, sleeve_width=8.4, cuff=5.4),
    }[look.gender]
    widen = {"slim": -1.4, "oversized": 3.4, "relaxed": 1.8, "boxy": 2.4}.get(look.attributes.get("fit", ""), 0.0)
    cut = replace(
        cut,
        shoulder=cut.shoulder + widen * 0.8,
        chest=cut.chest + widen,
        waist=cut.waist + widen * 1.3,
        hem=cut.hem + widen * 1.1,
        sleeve_width=cut.sleeve_width + widen * 0.5,
        cuff=cut.cuff + widen * 0.2,
    )
    return replace(cut, **changes)  # type: ignore[arg-type]  # numbers and one shape name by keyword


NECKLINES: dict[str, dict[str, float | str]] = {
    "crew neck": {"neck": 8.2, "neck_depth": 6.5},
    "round neck": {"neck": 9.0, "neck_depth": 8.0},
    "scoop neck": {"neck": 11.0, "neck_depth": 13.0},
    "v-neck": {"neck": 8.8, "neck_depth": 17.0, "neck_shape": "v"},
    "boat neck": {"neck": 13.0, "neck_depth": 4.2},
    "square neck": {"neck": 11.5, "neck_depth": 12.0, "neck_shape": "square"},
    "turtleneck": {"neck": 7.4, "neck_depth": 3.0},
    "sweetheart": {"neck": 12.0, "neck_depth": 14.0, "neck_shape": "sweetheart"},
}


def sleeve_length(look: Look, kind: str) -> float:
    """Centimetres along the arm, shorter for children."""
    full = {"women": 50.0, "men": 54.0, "unisex": 52.0, "girls": 38.0, "boys": 39.0}[look.gender]
    share = {"sleeveless": 0.0, "cap sleeve": 0.17, "short sleeve": 0.33, "elbow sleeve": 0.52, "long sleeve": 1.0}
    return full * share.get(kind, 1.0)


def neckline(cut: Cut) -> list[Point]:
    """Right half of the front neckline, from the centre up to the shoulder."""
    n, d = cut.neck, cut.neck_depth
    if cut.neck_shape == "v":
        return [(0, d), (n * 0.52, d * 0.5, 0.6), (n, 0)]
    if cut.neck_shape == "square":
        return [(0, d), (n * 0.88, d), (n, 0)]
    if cut.neck_shape == "sweetheart":
        return [(0, d), (n * 0.45, d - 3.4, 1.0), (n * 0.9, d - 1.0, 0.9), (n, 0)]
    return [(0, d, 1.1), (n * 0.72, d * 0.68, 1.0), (n, 0)]


def torso(cut: Cut, *, hem_drop: float = 0.8) -> list[Point]:
    """Outline of the front: neckline, shoulders, armholes, sides, hem."""
    middle = (cut.armpit + cut.waist_at) / 2
    return mirrored(
        [
            *neckline(cut),
            (cut.shoulder, cut.slope, 0.25),
            (min(cut.shoulder, cut.chest) - 1.4, cut.armpit * 0.62, 0.9),
            (cut.chest, cut.armpit),
            (cut.at(middle), middle, 0.7),
            (cut.waist, cut.waist_at, 0.9),
            (cut.hem, cut.length),
            (cut.hem * 0.5, cut.length + hem_drop * 0.7, 0.8),
            (0, cut.length + hem_drop, 0.8),
        ]
    )


@dataclass(frozen=True)
class Sleeve:
    """A right sleeve around its axis; `at(t, side)` walks it (t 0..1, side −1 inner .. 1 outer)."""

    cut: Cut
    bend: float = 0.0

    def at(self, t: float, side: float) -> tuple[float, float]:
        cut = self.cut
        angle = np.radians(cut.slant)
        width = np.interp(t, [0, 0.5, 1], [cut.sleeve_width, (cut.sleeve_width + cut.cuff) * 0.52, cut.cuff])
        x = cut.shoulder - cut.sleeve_width * 0.62 + np.sin(angle) * cut.sleeve * t
        y = cut.slope + cut.sleeve_width * 0.78 + np.cos(angle) * cut.sleeve * t
        bow = self.bend * np.sin(np.pi * t)
        return float(x + np.cos(angle) * (width * side + bow)), float(y - np.sin(angle) * (width * side + bow))

    def outline(self) -> list[Point]:
        cut = self.cut
        cap = self.at(0.1, 1.0)
        return [
            (cut.shoulder - 4.0, cut.slope - 0.4),
            (cut.shoulder + 0.6, cut.slope + 0.6, 0.9),
            (cap[0], max(cap[1], cut.slope + 3.4), 0.9),
            (*self.at(0.5, 1.0), 0.8),
            self.at(1.0, 1.0),
            (*self.at(1.012, 0.0), 0.5),
            self.at(1.0, -1.0),
            (*self.at(0.5, -1.0), 0.8),
            (cut.chest - 1.0, cut.armpit + 1.5),
            (cut.shoulder - 6, cut.armpit * 0.6),
        ]

    def across(self, t: float) -> list[Point]:
        return [self.at(t, 0.97), (*self.at(t + 0.012, 0.0), 0.6), self.at(t, -0.97)]

    def piece(self, start: float, stop: float = 1.0, grow: float = 1.0) -> list[Point]:
        """The part of the sleeve between two heights, for cuffs."""
        return [
            self.at(start, grow),
            self.at(stop, grow),
            (*self.at(stop + 0.01, 0), 0.5),
            self.at(stop, -grow),
            self.at(start, -grow),
            (*self.at(start + 0.01, 0), 0.5),
        ]

    def folds(self, rng: np.random.Generator, depth: float) -> list[Fold]:
        if self.cut.sleeve < 26:
            return [Fold(*self.at(0.15, -0.9), *self.at(0.75, 0.4), 1.8, depth * 0.7)]
        made = []
        for t in (0.3, 0.43, 0.52, 0.62, 0.8):
            t += rng.uniform(-0.04, 0.04)
            side = 1.0 if rng.random() < 0.5 else -1.0
            made.append(
                Fold(
                    *self.at(t, -side * 0.9),
                    *self.at(t + rng.uniform(0.03, 0.12), side * 0.6),
                    1.3,
                    depth * rng.uniform(0.5, 1.0),
                )
            )
        made.append(Fold(*self.at(0.12, 0.3), *self.at(0.95, 0.1), 2.2, depth * 0.8))
        return made


def both(folds: list[Fold]) -> list[Fold]:
    return folds + [replace(fold, x0=-fold.x0, x1=-fold.x1) for fold in folds]


def drape(rng: np.random.Generator, cut: Cut, depth: float = 1.0) -> list[Fold]:
    """Folds of a hanging front: pulls from the armpits, creases at the waist, soft verticals at the hem."""
    folds = []
    for side in (-1.0, 1.0):
        for _ in range(2):
            reach = rng.uniform(0.25, 0.7)
            y = cut.armpit + rng.uniform(0, 5)
            folds.append(
                Fold(
                    side * (cut.chest - 1.5),
                    y,
                    side * cut.chest * reach,
                    y + rng.uniform(5, 16),
                    1.5,
                    depth * rng.uniform(0.5, 1.1),
                )
            )
        y = cut.waist_at + rng.uniform(-4, 6)
        if y < cut.length:
            folds.append(
                Fold(
                    side * (cut.at(y) - 0.5),
                    y,
                    side * cut.at(y) * rng.uniform(0.2, 0.6),
                    y + rng.uniform(-3, 8),
                    1.4,
                    depth * rng.uniform(0.4, 0.9),
                )
            )
    for _ in range(3):
        x = rng.uniform(-0.75, 0.75) * cut.hem
        start = cut.length - 0.5
        folds.append(
            Fold(
                x,
                start,
                x * 0.85,
                start - rng.uniform(0.25, 0.5) * (cut.length - cut.armpit),
                2.4,
                depth * rng.uniform(0.4, 0.9),
            )
        )
    return folds


def sleeves(
    canvas: Canvas,
    look: Look,
    cut: Cut,
    *,
    cuff: float = 0.0,
    cuff_fabric: Fabric | None = None,
    depth: float = 1.0,
    bend: float = 0.6,
    balloon: float = 0.0,
) -> None:
    """Both sleeves, with cuffs taking the last `cuff` share of their length."""
    if not cut.sleeve:
        return
    sleeve = Sleeve(cut, bend=bend)
    shape = sleeve.outline()
    if balloon:
        shape[3], shape[7] = (*sleeve.at(0.72, 1 + balloon), 0.9), (*sleeve.at(0.75, -1 - balloon), 0.9)
    folds = sleeve.folds(look.rng, depth)
    mirror = [replace(fold, x0=-fold.x0, x1=-fold.x1) for fold in folds]
    canvas.fill(shape, look.fabric, angle=-cut.slant, folds=folds)
    canvas.fill(flipped(shape), look.fabric, angle=cut.slant, folds=mirror)
    if cuff:
        cloth = cuff_fabric or look.fabric
        piece = sleeve.piece(1 - cuff, grow=0.98 if not balloon else 1.02)
        canvas.fill(piece, cloth, angle=-cut.slant, shadow=0.14, shade=0.03)
        canvas.fill(flipped(piece), cloth, angle=cut.slant, shadow=0.14, shade=0.03)
    elif cut.sleeve > 5:
        hem = sleeve.across(1 - canvas.cm(1.6) / cut.sleeve)
        canvas.seam(hem, flipped(hem), colour=look.ink(), opacity=0.4)


def inside(canvas: Canvas, look: Look, cut: Cut, *, back: float = 2.0, colour: RGB | None = None) -> None:
    """The inner back seen through the neckline."""
    cloth = look.fabric.plain(colour or darker(look.colour, 0.25))
    deep = max(cut.neck_depth + 1.5, 5)
    canvas.fill(
        [
            (-cut.neck - 0.4, -0.2),
            (0, back, 1.0),
            (cut.neck + 0.4, -0.2),
            (cut.neck * 0.9, deep * 0.7),
            (0, deep + 1.0),
            (-cut.neck * 0.9, deep * 0.7),
        ],
        cloth,
        shade=0.1,
        volume=0.4,
    )
    canvas.dim([(-cut.neck, 1), (0, back + 1), (cut.neck, 1), (0, deep)], 0.3, blur=2.0)
    canvas.flat(
        [(-1.6, back + 0.9), (1.6, back + 0.9), (1.6, back + 2.3), (-1.6, back + 2.3)],
        lighter(look.trim, 0.5),
        opacity=0.85,
    )


def neck_rib(canvas: Canvas, look: Look, cut: Cut, *, width: float = 2.0, colour: RGB | None = None) -> None:
    """A knitted band around the neckline; cornered necklines get a seam along them instead."""
    if cut.neck_shape in ("square", "sweetheart"):
        line: list[Point] = [
            (point[0] + canvas.cm(0.5), point[1] + canvas.cm(1.3), *point[2:]) for point in neckline(cut)
        ]
        line[0] = (0, *line[0][1:])
        canvas.seam(line, flipped(line), colour=look.ink(), opacity=0.4)
        return
    grown = replace(cut, neck=cut.neck + width * 0.75, neck_depth=cut.neck_depth + width)
    edge = neckline(grown)
    edge[-1] = (grown.neck, width * 0.2)
    cloth = look.fabric.plain(colour or look.colour)
    half = [*edge, (cut.neck, -0.3), *reversed(neckline(cut))]
    canvas.fill(half, cloth, volume=0.8, shade=0.05, shadow=0.10)
    canvas.fill(flipped(half), cloth, volume=0.8, shade=0.05, shadow=0.10, edge=0.2)


def buttons(canvas: Canvas, points: list[tuple[float, float]], colour: RGB, *, radius: float = 0.95) -> None:
    """Round buttons with a rim, radius in percent of the picture."""
    r = canvas.cm(radius)
    for x, y in points:
        canvas.flat(ellipse(x + r * 0.15, y + r * 0.3, r, r), darker(colour, 0.75), opacity=0.35)
        canvas.flat(ellipse(x, y, r, r), darker(colour, 0.18))
        canvas.flat(ellipse(x - r * 0.08, y - r * 0.1, r * 0.78, r * 0.78), colour)
        canvas.flat(ellipse(x, y, r * 0.28, r * 0.28), darker(colour, 0.55), opacity=0.7)
