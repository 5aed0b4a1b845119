"""Jackets, coats and blazers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, ellipse, flipped, mirrored
from fashionrec.demo.lighting import Fold
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import RGB, darker, lighter, luminance, mix
from fashionrec.demo.silhouettes.body import (
    Cut,
    Look,
    Sleeve,
    body_cut,
    buttons,
    drape,
    inside,
    neckline,
    sleeve_length,
    sleeves,
    torso,
)

_METAL: RGB = (0.80, 0.80, 0.82)
_HORN: RGB = (0.30, 0.22, 0.17)


def _cut(look: Look, **changes: float | str) -> Cut:
    cut = body_cut(look, sleeve=sleeve_length(look, "long sleeve"), neck=8.8)
    cut = replace(
        cut,
        sleeve_width=cut.sleeve_width + 1.2,
        cuff=cut.cuff + 1.0,
        shoulder=cut.shoulder + 0.8,
        chest=cut.chest + 0.8,
        waist=cut.waist + 1.5,
    )
    return replace(cut, **changes)  # type: ignore[arg-type]


def _fit(canvas: Canvas, cut: Cut, *, top: float = -6.0) -> None:
    half = max(cut.shoulder + 4 + cut.sleeve * 0.3, cut.hem + 3)
    canvas.frame(-half, top, half, max(cut.length + 2, cut.slope + 8 + cut.sleeve * 0.97), margin=7.5)


def _metal(canvas: Canvas, *lines: list[Point], width: float = 0.75) -> None:
    """Zips: a dark tape with bright teeth."""
    canvas.line(*lines, colour=(0.16, 0.16, 0.18), width=width * 2.1, opacity=0.75)
    canvas.line(*lines, colour=_METAL, width=width, opacity=0.95)


def _shirt_like_collar(canvas: Canvas, look: Look, cut: Cut, *, drop: float = 10.0, wide: float = 3.2) -> None:
    n = cut.neck
    canvas.fill(
        [(-n, 0.5), (-n * 0.72, -3.6, 0.6), (0, -4.4, 0.8), (n * 0.72, -3.6, 0.6), (n, 0.5), (0, 2, 0.9)],
        look.fabric.plain(darker(look.colour, 0.2)),
        volume=0.6,
    )
    leaf: list[Point] = [
        (n * 0.6, -4.2),
        (n + 0.6, -2.2, 0.5),
        (n + wide, 3.0),
        (n + wide * 0.2, drop),
        (n * 0.2, drop * 0.55),
        (n * 0.55, 0.5, 0.5),
    ]
    canvas.fill(leaf, look.fabric, angle=-28, shadow=0.22)
    canvas.fill(flipped(leaf), look.fabric, angle=28, shadow=0.22)
    line: list[Point] = [(n + wide - 0.9, 3.2), (n + wide * 0.2 - 0.4, drop - 1.3), (n * 0.2 + 0.8, drop * 0.58)]
    canvas.stitch(line, flipped(line), colour=look.thread(), opacity=0.6)


def denim_jacket(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, neck_depth=7.0, neck_shape="v")
    cut = replace(cut, length=cut.length - 7, hem=cut.waist - 0.5)
    _fit(canvas, cut)
    gold = (0.80, 0.55, 0.25) if luminance(look.colour) < 0.75 else (0.7, 0.66, 0.6)
    inside(canvas, look, cut, back=0.0)
    sleeves(canvas, look, cut, cuff=0.1, depth=1.3)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 1.2), shadow=0.14)
    band = cut.length - 5
    canvas.fill(
        [
            (-cut.hem - 0.2, band),
            (cut.hem + 0.2, band),
            (cut.hem - 0.3, cut.length + 0.4),
            (-cut.hem + 0.3, cut.length + 0.4),
        ],
        look.fabric,
        shadow=0.15,
        volume=0.7,
    )
    yoke = cut.armpit - 3
    edge: list[Point] = [(0.4, yoke), (cut.chest - 1.6, yoke - 1)]
    dart: list[Point] = [(cut.chest * 0.36, yoke + 8), (cut.chest * 0.3, band)]
    outer: list[Point] = [(cut.chest * 0.72, yoke + 8), (cut.chest * 0.55, band)]
    canvas.seam(edge, flipped(edge), dart, flipped(dart), outer, flipped(outer), colour=look.ink(), opacity=0.6)
    lines = [[(x + 0.8, y + 0.8) for x, y, *_ in line] for line in (edge, dart, outer)]
    canvas.stitch(*lines, *[[(-x, y) for x, y in line] for line in lines], colour=gold)
    for side in (-1, 1):
        x, y, w = side * cut.chest * 0.52, yoke, cut.chest * 0.2
        canvas.fill(
            [(x - w, y), (x + w, y), (x + w, y + 5), (x, y + 8), (x - w, y + 5)], look.fabric, volume=0.5, shadow=0.22
        )
        canvas.stitch([(x - w + 0.6, y + 4.6), (x, y + 7.3), (x + w - 0.6, y + 4.6)], colour=gold)
        buttons(canvas, [(x, y + 5.8)], (0.72, 0.5, 0.3), radius=0.8)
    canvas.seam([(1.9, 8), (1.9, cut.length)], [(-1.9, 8), (-1.9, cut.length)], colour=look.ink(), opacity=0.45)
    canvas.stitch([(1.3, 8), (1.3, band)], [(-1.3, 8), (-1.3, band)], colour=gold, opacity=0.6)
    step = (cut.length - 12) / 5
    buttons(canvas, [(0, 10 + index * step) for index in range(6)], (0.72, 0.5, 0.3), radius=1.0)
    _shirt_like_collar(canvas, look, cut)


def bomber(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, neck_depth=5.0)
    cut = replace(cut, length=cut.length - 5, sleeve_width=cut.sleeve_width + 1.0, cuff=cut.cuff + 0.6)
    _fit(canvas, cut)
    rib = look.fabric.plain(darker(look.colour, 0.18)).of(MATERIALS["cotton knit"])
    inside(canvas, look, cut, back=0.0, colour=mix((0.88, 0.45, 0.15), look.colour, 0.1))
    sleeves(canvas, look, cut, cuff=0.11, cuff_fabric=rib, depth=1.8, balloon=0.12)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 1.7), shadow=0.15)
    band = cut.length - 6
    canvas.fill(
        [
            (-cut.hem, band),
            (0, band + 0.6, 0.8),
            (cut.hem, band),
            (cut.hem - 2.2, cut.length + 0.6),
            (0, cut.length + 1.2, 0.8),
            (-cut.hem + 2.2, cut.length + 0.6),
        ],
        rib,
        shadow=0.2,
    )
    n = cut.neck
    collar: list[Point] = [
        (0.4, 5.2),
        (n * 0.7, 3.6, 0.9),
        (n - 0.3, -2.8),
        (n + 1.8, -0.8),
        (n * 0.92, 6.4, 0.9),
        (0.4, 9.0),
    ]
    canvas.fill(collar, rib, angle=-30, shadow=0.15)
    canvas.fill(flipped(collar), rib, angle=30, shadow=0.15)
    _metal(canvas, [(0, 7), (0, cut.length)])
    for side in (-1, 1):
        pocket: list[Point] = [(side * cut.hem * 0.5, band - 15), (side * cut.hem * 0.72, band - 4.5)]
        canvas.line(pocket, colour=darker(look.colour, 0.6), width=1.5, opacity=0.7)
        canvas.stitch(pocket, colour=look.thread(), opacity=0.4)


def biker(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, neck_depth=19.0, neck_shape="v")
    cut = replace(cut, length=cut.length - 8, waist=cut.waist - 1.5, hem=cut.waist)
    _fit(canvas, cut)
    inside(canvas, look, cut, back=0.5, colour=(0.16, 0.15, 0.16))
    sleeves(canvas, look, cut, depth=2.0)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 1.8), shadow=0.16)
    n = cut.neck
    for side in (1, -1):
        lapel: list[Point] = [
            (side * (n - 0.6), -2.5),
            (side * (n + 3.0), 0.5),
            (side * (n + 7.6), 11.5),
            (side * (n + 2.4), 14.5),
            (side * (n - 1.8), 24.0),
            (side * 1.0, 20.0),
            (side * n * 0.55, 9, 0.5),
        ]
        canvas.fill(lapel, look.fabric, angle=side * 25, shadow=0.25)
        canvas.seam([(side * (n * 0.62), 7.5), (side * (n + 6.6), 10.0)], colour=look.ink(), opacity=0.6)
        buttons(canvas, [(side * (n + 5.6), 11.6)], _METAL, radius=0.7)
    _metal(canvas, [(5.5, 21), (3.6, 32, 0.5), (3.2, cut.length - 0.6)])
    _metal(
        canvas,
        [(-cut.waist * 0.75, 34), (-cut.waist * 0.4, 30)],
        [(-cut.waist * 0.72, cut.length - 9), (-cut.waist * 0.4, cut.length - 15)],
        [(cut.waist * 0.72, cut.length - 9), (cut.waist * 0.42, cut.length - 15)],
    )
    belt = cut.length - 4.6
    canvas.fill(
        [(-cut.hem - 0.1, belt), (cut.hem + 0.1, belt), (cut.hem, cut.length + 0.6), (-cut.hem, cut.length + 0.6)],
        look.fabric,
        shadow=0.18,
        volume=0.8,
    )
    canvas.line(
        [(6, belt + 0.7), (10.5, belt + 0.7), (10.5, belt + 4.2), (6, belt + 4.2), (6, belt + 0.7)],
        colour=_METAL,
        width=0.8,
        opacity=1,
    )


def puffer(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, neck_depth=3.0)
    cut = replace(
        cut,
        sleeve_width=cut.sleeve_width + 2.4,
        cuff=cut.cuff + 2.6,
        chest=cut.chest + 3.0,
        waist=cut.waist + 3.5,
        hem=cut.hem + 2.0,
        shoulder=cut.shoulder + 1.0,
    )
    hooded = look.has("neckline", "hood")
    _fit(canvas, cut, top=-14 if hooded else -9)
    if hooded:
        canvas.fill(
            [(0, -13, 1.0), (11, -9, 1.0), (14, 1, 1.0), (8, 8), (-8, 8), (-14, 1, 1.0), (-11, -9, 1.0)],
            look.fabric,
            volume=1.3,
        )
        canvas.fill(
            [(0, -8.5, 1.0), (7.5, -5, 1.0), (8.5, 4), (-8.5, 4), (-7.5, -5, 1.0)],
            look.fabric.plain(darker(look.colour, 0.5)),
            volume=0.5,
        )
    sleeve = Sleeve(cut)
    for side in (1, -1):
        for step in range(7):
            start = step / 7
            piece = sleeve.piece(start, start + 1 / 7 + 0.015, grow=1.02)
            piece[1] = (*sleeve.at(start + 0.07, 1.09), 1.0)
            piece[4] = (*sleeve.at(start + 0.07, -1.09), 1.0)
            piece = [
                sleeve.at(start, 1.0),
                piece[1],
                sleeve.at(start + 0.155, 1.0),
                (*sleeve.at(start + 0.16, 0), 0.6),
                sleeve.at(start + 0.155, -1.0),
                piece[4],
                sleeve.at(start, -1.0),
                (*sleeve.at(start - 0.01, 0), 0.6),
            ]
            if side < 0:
                piece = flipped(piece)
            canvas.fill(piece, look.fabric, angle=-side * cut.slant, volume=1.6, edge=0.18)
    canvas.fill(torso(replace(cut, shoulder=cut.shoulder - 0.5)), look.fabric, volume=1.0, shadow=0.15)
    rows = 7
    step = (cut.length - 4) / rows
    for row in range(rows):
        top = 4 + row * step
        low = top + step + 0.6
        wide_top, wide_low = (_side(cut, y) for y in (top, low))
        bulge = max(wide_top, wide_low) + 1.3
        roll = mirrored(
            [(0, top), (wide_top, top), (bulge, (top + low) / 2, 1.0), (wide_low, low), (0, low + 0.4, 0.6)]
        )
        puckers = [
            Fold(x, low, x + look.rng.uniform(-2, 2), low - step * 0.5, 0.9, 0.45)
            for x in look.rng.uniform(-wide_low, wide_low, 6)
        ]
        canvas.fill(roll, look.fabric, volume=1.7, folds=puckers, edge=0.2)
    n = cut.neck
    canvas.fill(
        [(-n - 1.5, 4.5), (-n - 0.6, -6.5, 0.6), (0, -7.6, 0.8), (n + 0.6, -6.5, 0.6), (n + 1.5, 4.5), (0, 7, 0.9)]
        if not hooded
        else [(-n - 1, 5), (-n, 0.5, 0.6), (0, 2, 0.8), (n, 0.5, 0.6), (n + 1, 5), (0, 7.5, 0.9)],
        look.fabric,
        volume=1.6,
        shadow=0.2,
    )
    _metal(canvas, [(0, 2 if hooded else -6.5), (0, cut.length)], width=0.7)
    x, y = cut.chest * 0.5, cut.armpit + 1.5
    canvas.flat(
        [(x - 2.6, y), (x + 2.6, y), (x + 2.6, y + 3.2), (x - 2.6, y + 3.2)], lighter(look.trim, 0.1), opacity=0.9
    )


def _side(cut: Cut, y: float) -> float:
    """Half-width of a front at any height, shoulders included."""
    return float(
        np.interp(
            y,
            [0, cut.slope, cut.armpit * 0.6, cut.armpit, cut.waist_at, cut.length],
            [cut.neck + 3, cut.shoulder - 1, min(cut.shoulder, cut.chest) - 1.6, cut.chest - 0.4, cut.waist, cut.hem],
        )
    )


def _lapels(canvas: Canvas, look: Look, cut: Cut, *, wide: float, collar: bool = True) -> None:
    """Notched lapels along a V neckline."""
    n, d = cut.neck, cut.neck_depth
    for side in (-1, 1):
        lapel: list[Point] = [
            (side * (n - 0.2), -0.6),
            (side * (n + wide * 0.72), d * 0.32),
            (side * (n + wide), d * 0.30),
            (side * (n + wide * 0.62), d * 0.55, 0.5),
            (side * 0.3, d + 1.2),
            (side * n * 0.5, d * 0.5, 0.4),
        ]
        canvas.fill(lapel, look.fabric, angle=side * 18, shadow=0.22, shade=-0.02)
        if collar:
            piece: list[Point] = [
                (side * n * 0.5, -3.8),
                (side * (n + 0.8), -2.2, 0.6),
                (side * (n + wide * 0.8), d * 0.20),
                (side * (n + wide * 0.55), d * 0.31),
                (side * (n - 1.4), d * 0.12, 0.5),
                (side * n * 0.5, -1.6, 0.5),
            ]
            canvas.fill(piece, look.fabric, angle=side * 40, shadow=0.2)


def _tailored(
    canvas: Canvas, look: Look, cut: Cut, *, wide: float, pocket_at: float, double: bool, button_count: int
) -> None:
    """The front that coats and blazers share."""
    inside(canvas, look, cut, back=0.0, colour=mix(look.colour, look.trim, 0.25))
    canvas.fill(
        [(-cut.neck * 0.6, -3.8), (0, -4.4, 0.8), (cut.neck * 0.6, -3.8), (cut.neck, 0), (0, 1.2, 0.9),
         (-cut.neck, 0)],
        look.fabric,
        shade=0.12,
        volume=0.7,
    )
    sleeves(canvas, look, cut, depth=0.9)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 0.9), shadow=0.14)
    _lapels(canvas, look, cut, wide=wide)
    shift = 4.2 if double else 0.9
    canvas.seam(
        [(shift, cut.neck_depth + 1), (shift, cut.length - 4), (shift - 2.5 if not double else shift, cut.length)],
        colour=look.ink(),
        opacity=0.65,
    )
    gap = 8.5
    columns = (-4.6, 4.6) if double else (-0.6,)
    horn = _HORN if luminance(look.colour) > 0.2 else (0.42, 0.36, 0.32)
    buttons(
        canvas,
        [(x, cut.neck_depth + 3.5 + row * gap) for row in range(button_count) for x in columns],
        horn,
        radius=1.15,
    )
    for side in (-1, 1):
        x, w = side * cut.at(pocket_at) * 0.58, cut.chest * 0.23
        flap: list[Point] = [
            (x - w, pocket_at + side * 0.0),
            (x + w, pocket_at),
            (x + w, pocket_at + 4.6),
            (x - w, pocket_at + 4.6),
        ]
        canvas.fill(flap, look.fabric, volume=0.5, shadow=0.2)
    sleeve = Sleeve(cut)
    for side in (-1, 1):
        spots = [sleeve.at(t, 0.72) for t in (0.93, 0.96)]
        buttons(canvas, [(side * x, y) for x, y in spots], horn, radius=0.6)


def blazer(canvas: Canvas, look: Look) -> None:
    double = look.has("closure", "double-breasted")
    cut = _cut(look, neck_depth=30.0, neck_shape="v")
    cut = replace(cut, length=cut.length + 6, hem=cut.hem + 0.5)
    _fit(canvas, cut)
    _tailored(canvas, look, cut, wide=5.6, pocket_at=cut.length - 22, double=double, button_count=2)
    x, y = cut.chest * 0.5, cut.armpit + 3.5
    canvas.fill([(x - 4, y + 0.8), (x + 4, y), (x + 4, y + 2), (x - 4, y + 2.8)], look.fabric, volume=0.4,
                shadow=0.12)


def coat(canvas: Canvas, look: Look) -> None:
    double = look.has("closure", "double-breasted")
    cut = _cut(look, neck_depth=25.0, neck_shape="v")
    cut = replace(cut, length=cut.length * 1.58, hem=cut.hem + 5.5, waist_at=cut.waist_at + 3)
    _fit(canvas, cut)
    _tailored(canvas, look, cut, wide=6.6, pocket_at=cut.length * 0.56, double=double, button_count=3)


def trench(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, neck_depth=20.0, neck_shape="v")
    cut = replace(cut, length=cut.length * 1.55, hem=cut.hem + 7.5, waist=cut.waist - 1.5)
    _fit(canvas, cut)
    _tailored(canvas, look, cut, wide=7.2, pocket_at=cut.length * 0.62, double=True, button_count=3)
    for side in (-1, 1):
        flap: list[Point] = [
            (side * (cut.neck + 4), 4),
            (side * (cut.shoulder - 1.5), 5.5),
            (side * (cut.chest - 3), cut.armpit + 1, 0.4),
            (side * 8, cut.armpit + 4),
        ]
        canvas.seam(flap[1:], colour=look.ink(), opacity=0.5)
        tab: list[Point] = [
            (side * (cut.shoulder - 1), 4.6),
            (side * (cut.neck + 3), 2.2),
            (side * (cut.neck + 3.4), 4.6),
            (side * (cut.shoulder - 1.2), 7.2),
        ]
        canvas.fill(tab, look.fabric, volume=0.6, shadow=0.18)
    y = cut.waist_at
    w = cut.waist + 0.5
    canvas.fill(
        [(-w, y - 2.4), (0, y - 1.8, 0.8), (w, y - 2.4), (w, y + 2.4), (0, y + 3.0, 0.8), (-w, y + 2.4)],
        look.fabric,
        volume=0.9,
        shadow=0.25,
    )
    canvas.fill([(-3.2, y + 1), (1.2, y + 1), (-2.6, y + 21), (-6.6, y + 19.5)], look.fabric, angle=10, shadow=0.25)
    canvas.line(
        [(-4, y - 3.2), (3.4, y - 3.2), (3.4, y + 3.6), (-4, y + 3.6), (-4, y - 3.2)],
        colour=_HORN,
        width=1.1,
        opacity=1,
    )


def raincoat(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, neck_depth=6.0)
    cut = replace(cut, length=cut.length * 1.28, hem=cut.hem + 6.0, waist=cut.waist + 3, chest=cut.chest + 1.5)
    _fit(canvas, cut, top=-14)
    shiny = look.fabric.of(MATERIALS["nylon"])
    rain = replace(look, fabric=shiny)
    canvas.fill(
        [
            (0, -12.5, 1.0),
            (10, -9.5, 1.0),
            (13.4, 0.5, 0.9),
            (9, 9, 0.6),
            (-9, 9, 0.6),
            (-13.4, 0.5, 0.9),
            (-10, -9.5, 1.0),
        ],
        shiny,
        volume=1.2,
    )
    canvas.fill(
        [(0, -8.4, 1.0), (6.8, -6, 1.0), (8.6, 3, 0.8), (4, 9), (-4, 9), (-8.6, 3, 0.8), (-6.8, -6, 1.0)],
        shiny.plain(darker(look.colour, 0.42)),
        volume=0.6,
    )
    sleeves(canvas, rain, cut, depth=1.6)
    canvas.fill(torso(replace(cut, neck=9.6, neck_depth=10.0)), shiny, folds=drape(look.rng, cut, 1.7), shadow=0.16)
    canvas.fill(
        [(-2.4, 8.5), (2.4, 8.5), (2.4, cut.length + 0.8), (-2.4, cut.length + 0.8)], shiny, volume=0.6, shadow=0.2
    )
    step = (cut.length - 18) / 4
    buttons(canvas, [(0, 12.5 + row * step) for row in range(5)], lighter(look.trim, 0.2), radius=1.05)
    for side in (-1, 1):
        x, y, w = side * cut.hem * 0.56, cut.length - 25, 7.0
        canvas.fill(
            [(x - w, y), (x + w, y), (x + w, y + 15, 0.2), (x - w, y + 15, 0.2)], shiny, volume=0.5, shadow=0.15
        )
        canvas.fill(
            [(x - w - 0.5, y - 0.6), (x + w + 0.5, y - 0.6), (x + w + 0.5, y + 4.4), (x - w - 0.5, y + 4.4)],
            shiny,
            volume=0.7,
            shadow=0.22,
        )
    cord = lighter(look.trim, 0.3)
    canvas.line([(-4.5, 8.5), (-4.2, 19)], [(4.5, 8.5), (4.2, 19)], colour=cord, width=0.8, opacity=1)
    canvas.flat(ellipse(-4.2, 19.5, 0.8, 1.1), cord)
    canvas.flat(ellipse(4.2, 19.5, 0.8, 1.1), cord)
    seam = neckline(replace(cut, neck=9.6, neck_depth=10.0))
    canvas.seam(seam, flipped(seam), colour=look.ink(), opacity=0.3)
