"""Denim, bomber, biker and puffer jackets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, flipped, mirrored
from fashionrec.demo.lighting import Fold
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import darker, lighter, luminance, mix
from fashionrec.demo.silhouettes.body import Cut, Look, torso
from fashionrec.demo.silhouettes.outerwear import METAL, frame_jacket, jacket_cut
from fashionrec.demo.silhouettes.parts import Sleeve, buttons, drape, inside, sleeves


def _metal(canvas: Canvas, *lines: list[Point], width: float = 0.75) -> None:
    """Zips: a dark tape with bright teeth."""
    canvas.line(*lines, colour=(0.16, 0.16, 0.18), width=width * 2.1, opacity=0.75)
    canvas.line(*lines, colour=METAL, width=width, opacity=0.95)


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
    cut = jacket_cut(look, neck_depth=7.0, neck_shape="v")
    cut = replace(cut, length=cut.length - 7, hem=cut.waist - 0.5)
    frame_jacket(canvas, cut)
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
    cut = jacket_cut(look, neck_depth=5.0)
    cut = replace(cut, length=cut.length - 5, sleeve_width=cut.sleeve_width + 1.0, cuff=cut.cuff + 0.6)
    frame_jacket(canvas, cut)
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
    cut = jacket_cut(look, neck_depth=19.0, neck_shape="v")
    cut = replace(cut, length=cut.length - 8, waist=cut.waist - 1.5, hem=cut.waist)
    frame_jacket(canvas, cut)
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
        buttons(canvas, [(side * (n + 5.6), 11.6)], METAL, radius=0.7)
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
        colour=METAL,
        width=0.8,
        opacity=1,
    )


def puffer(canvas: Canvas, look: Look) -> None:
    cut = jacket_cut(look, neck_depth=3.0)
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
    frame_jacket(canvas, cut, top=-14 if hooded else -9)
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
        for segment in range(7):
            start = segment / 7
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
