"""Blazers, coats and raincoats."""

from __future__ import annotations

from dataclasses import replace

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, ellipse, flipped
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import RGB, darker, lighter, luminance, mix
from fashionrec.demo.silhouettes.body import Cut, Look, neckline, torso
from fashionrec.demo.silhouettes.outerwear import frame_jacket, jacket_cut
from fashionrec.demo.silhouettes.parts import Sleeve, buttons, drape, inside, sleeves

_HORN: RGB = (0.30, 0.22, 0.17)


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
        [(-cut.neck * 0.6, -3.8), (0, -4.4, 0.8), (cut.neck * 0.6, -3.8), (cut.neck, 0), (0, 1.2, 0.9), (-cut.neck, 0)],
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
    cut = jacket_cut(look, neck_depth=30.0, neck_shape="v")
    cut = replace(cut, length=cut.length + 6, hem=cut.hem + 0.5)
    frame_jacket(canvas, cut)
    _tailored(canvas, look, cut, wide=5.6, pocket_at=cut.length - 22, double=double, button_count=2)
    x, y = cut.chest * 0.5, cut.armpit + 3.5
    canvas.fill([(x - 4, y + 0.8), (x + 4, y), (x + 4, y + 2), (x - 4, y + 2.8)], look.fabric, volume=0.4, shadow=0.12)


def coat(canvas: Canvas, look: Look) -> None:
    double = look.has("closure", "double-breasted")
    cut = jacket_cut(look, neck_depth=25.0, neck_shape="v")
    cut = replace(cut, length=cut.length * 1.58, hem=cut.hem + 5.5, waist_at=cut.waist_at + 3)
    frame_jacket(canvas, cut)
    _tailored(canvas, look, cut, wide=6.6, pocket_at=cut.length * 0.56, double=double, button_count=3)


def trench(canvas: Canvas, look: Look) -> None:
    cut = jacket_cut(look, neck_depth=20.0, neck_shape="v")
    cut = replace(cut, length=cut.length * 1.55, hem=cut.hem + 7.5, waist=cut.waist - 1.5)
    frame_jacket(canvas, cut)
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
    cut = jacket_cut(look, neck_depth=6.0)
    cut = replace(cut, length=cut.length * 1.28, hem=cut.hem + 6.0, waist=cut.waist + 3, chest=cut.chest + 1.5)
    frame_jacket(canvas, cut, top=-14)
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
