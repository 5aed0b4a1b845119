"""The parts of a top, and the way cloth falls: sleeves, neck bands, buttons, folds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fashionrec.demo.canvas import Canvas, Fabric
from fashionrec.demo.geometry import Point, ellipse, flipped, outline
from fashionrec.demo.lighting import Fold
from fashionrec.demo.palette import RGB, darker, lighter
from fashionrec.demo.silhouettes.body import Cut, Look, neckline


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
    outer, inner = neckline(grown), neckline(cut)
    outer[-1], inner[-1] = (grown.neck, width * 0.2), (cut.neck, -0.3)
    edges = [outline([*flipped(half), *half[1:]], closed=False) for half in (outer, inner)]
    ring = np.vstack([edges[0], edges[1][::-1]])
    canvas.fill(ring, look.fabric.plain(colour or look.colour), volume=0.8, shade=0.05, shadow=0.10, edge=0.2)


def buttons(canvas: Canvas, points: list[tuple[float, float]], colour: RGB, *, radius: float = 0.95) -> None:
    """Round buttons with a rim, radius in percent of the picture."""
    r = canvas.cm(radius)
    for x, y in points:
        canvas.flat(ellipse(x + r * 0.15, y + r * 0.3, r, r), darker(colour, 0.75), opacity=0.35)
        canvas.flat(ellipse(x, y, r, r), darker(colour, 0.18))
        canvas.flat(ellipse(x - r * 0.08, y - r * 0.1, r * 0.78, r * 0.78), colour)
        canvas.flat(ellipse(x, y, r * 0.28, r * 0.28), darker(colour, 0.55), opacity=0.7)
