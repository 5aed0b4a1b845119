"""Dresses and jumpsuits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, ellipse, flipped, mirrored
from fashionrec.demo.lighting import Fold
from fashionrec.demo.palette import darker, lighter
from fashionrec.demo.silhouettes.body import NECKLINES, Cut, Look, body_cut, neckline, sleeve_length
from fashionrec.demo.silhouettes.bottoms import Legs
from fashionrec.demo.silhouettes.parts import buttons, drape, inside, neck_rib, sleeves
from fashionrec.demo.silhouettes.shirts import shirt_collar
from fashionrec.demo.silhouettes.skirts import skirt_folds


def _bodice(look: Look) -> Cut:
    """The upper part of a dress; its length is the whole dress."""
    neck = NECKLINES.get(look.attributes.get("neckline", ""), {"neck": 8.0, "neck_depth": 8.0, "neck_shape": "v"})
    sleeve = sleeve_length(look, look.attributes.get("sleeve", "sleeveless"))
    cut = body_cut(look, sleeve=sleeve, **neck)
    waist = 16.2 if look.gender == "women" else 15.8
    chest = 20.0 if look.gender == "women" else 17.5
    cut = replace(cut, waist=waist, chest=chest, waist_at=cut.waist_at - 1, shoulder=cut.shoulder - 1.0)
    if not sleeve:
        cut = replace(cut, shoulder=max(cut.neck + 3.6, 13.0), slope=3.0)
    elif sleeve < 20:
        cut = replace(cut, slant=30.0, cuff=cut.sleeve_width * 0.86)
    return cut


def _dress_outline(cut: Cut, hip: float, hem: float, scallops: int) -> list[Point]:
    hip_at = cut.waist_at + 19
    bottom: list[Point] = [(hem * 0.5, cut.length + 1.8, 0.9), (0, cut.length + 2.4, 0.9)]
    if scallops:
        xs = np.linspace(hem, 0, scallops + 1)[1:]
        bottom = [
            (float(x), cut.length + (2.2 if index % 2 else 0.4) + (1 - (x / hem) ** 2) * 1.6, 0.8)
            for index, x in enumerate(xs)
        ]
        bottom[-1] = (0, *bottom[-1][1:])
    sides: list[Point] = [
        (cut.shoulder, cut.slope),
        (min(cut.shoulder, cut.chest) - 1.2, cut.armpit * 0.62, 0.9),
        (cut.chest, cut.armpit),
        (cut.waist, cut.waist_at, 0.9),
    ]
    if cut.length > hip_at + 4:
        sides.append((hip, hip_at, 0.8))
    return mirrored([*neckline(cut), *sides, (hem, cut.length), *bottom])


def dress(canvas: Canvas, look: Look) -> None:
    shape = look.attributes["shape"]
    if shape == "slip":
        _slip(canvas, look)
        return
    small = 0.66 if look.small else 1.0
    cut = _bodice(look)
    below = {"mini": 44.0, "midi": 70.0, "maxi": 96.0}[look.attributes["length"]] * small
    cut = replace(cut, length=cut.waist_at + below)
    full = {"a-line": 0.36, "wrap": 0.24, "bodycon": 0.0, "shirt dress": 0.17, "tiered": 0.38}[shape]
    hip = cut.waist + (5.2 if shape == "bodycon" else 6.0 + full * 14) * (0.75 if look.small else 1)
    hem = cut.waist + 3.6 if shape == "bodycon" else cut.waist + 5 + full * below * 0.92
    reach = max(hem, cut.shoulder + 3 + cut.sleeve * 0.3) + 2
    canvas.frame(-reach, -6 if shape == "shirt dress" else -3, reach, cut.length + 4, margin=7)
    inside(canvas, look, cut, back=0.0 if shape == "shirt dress" else 3.0)
    puffed = cut.sleeve > 20 and shape in ("tiered", "wrap")
    sleeves(canvas, look, cut, cuff=0.08 if puffed else 0.0, balloon=0.3 if puffed else 0.0, depth=1.2)
    count = {"a-line": 7, "wrap": 5, "bodycon": 2, "shirt dress": 5, "tiered": 9}[shape]
    folds = skirt_folds(look.rng, cut.waist, hem, cut.waist_at + 2, cut.length, count=count, depth=1.6 if full else 0.6)
    folds += [
        fold
        for fold in drape(look.rng, replace(cut, length=cut.waist_at + 8, hem=cut.waist), 1.0)
        if fold.y1 < cut.waist_at + 14
    ]
    canvas.fill(
        _dress_outline(cut, hip, hem, 8 if shape in ("a-line", "tiered") else 0), look.fabric, folds=folds, shadow=0.12
    )
    w, y = cut.waist, cut.waist_at
    if shape == "shirt dress":
        canvas.seam(
            [(1.7, 7), (1.7, cut.length + 1)], [(-1.7, 7), (-1.7, cut.length + 1)], colour=look.ink(), opacity=0.4
        )
        step = (cut.length - 14) / 8
        buttons(canvas, [(0, 9 + index * step) for index in range(9)], lighter(look.colour, 0.7), radius=0.8)
        shirt_collar(canvas, look, replace(cut, neck=8.2))
    if shape == "wrap":
        edge: list[Point] = [(-cut.neck * 0.45, cut.neck_depth * 0.55), (0.5, cut.neck_depth + 1, 0.6), (w * 0.75, y)]
        fall: list[Point] = [(w * 0.72, y + 2), (w * 0.45, y + below * 0.4, 0.8), (w * 0.15, cut.length + 2)]
        canvas.seam(edge, fall, colour=look.ink(), opacity=0.75)
    if shape in ("wrap", "shirt dress", "a-line"):
        belt = look.fabric.plain(look.colour if shape != "a-line" else darker(look.colour, 0.12))
        canvas.fill(
            [
                (-w - 0.3, y - 1.8),
                (0, y - 1.0, 0.9),
                (w + 0.3, y - 1.8),
                (w + 0.4, y + 1.8),
                (0, y + 2.6, 0.9),
                (-w - 0.4, y + 1.8),
            ],
            belt,
            volume=0.8,
            shadow=0.22,
        )
        if shape != "a-line":
            x = w * 0.62 if shape == "wrap" else 0.0
            for side, drop in ((-1, 20.0), (1, 24.0)):
                canvas.fill(
                    [
                        (x, y + 1),
                        (x + side * 2.6, y + 1.6),
                        (x + side * 4.2, y + drop),
                        (x + side * 1.4, y + drop + 0.8),
                    ],
                    belt,
                    shadow=0.22,
                )
                canvas.fill(
                    [(x, y), (x + side * 4, y - 3, 1.0), (x + side * 7.5, y + 0.5, 1.0), (x + side * 4, y + 3, 1.0)],
                    belt,
                    shadow=0.22,
                )
            canvas.fill(ellipse(x, y + 0.4, 1.7, 2.0), belt, shadow=0.2)
    if shape == "tiered":
        for share in (0.0, 0.34, 0.67):
            level = y + below * share
            half = float(np.interp(level, [y, cut.length], [cut.waist, hem]))
            canvas.seam(
                [(-half - 0.5, level), (0, level + 2.2 * (0.4 + share), 0.9), (half + 0.5, level)],
                colour=look.ink(),
                opacity=0.8,
            )
            canvas.dim(
                [
                    (-half, level),
                    (0, level + 2, 0.9),
                    (half, level),
                    (half, level + 1.6),
                    (0, level + 4, 0.9),
                    (-half, level + 1.6),
                ],
                0.3,
                blur=1.0,
            )
            ticks = [
                [(float(x), level + 1.6), (float(x) * 1.03, level + 5.5)]
                for x in np.linspace(-half * 0.9, half * 0.9, 15)
            ]
            canvas.line(*ticks, colour=darker(look.colour, 0.5), width=0.4, opacity=0.4)
    if shape != "shirt dress":
        neck_rib(canvas, look, cut, width=1.0)
    canvas.seam(
        [(-hem + 1, cut.length - 1.5), (0, cut.length + 0.9, 0.9), (hem - 1, cut.length - 1.5)],
        colour=look.ink(),
        opacity=0.25,
    )


def _slip(canvas: Canvas, look: Look) -> None:
    """A slip dress on thin straps."""
    small = 0.66 if look.small else 1.0
    cut = _bodice(look)
    below = {"mini": 40.0, "midi": 66.0, "maxi": 92.0}[look.attributes["length"]] * small
    length, c = cut.waist_at + below, cut.chest
    hem = cut.waist + 5 + below * 0.14
    canvas.frame(-max(hem, c) - 5, -2, max(hem, c) + 5, length + 3, margin=7)
    strap: list[Point] = [(c * 0.62, 14.5), (c * 0.5, 0, 0.4)]
    back: list[Point] = [
        (-c + 1, cut.armpit - 1),
        (0, cut.armpit - 5, 0.9),
        (c - 1, cut.armpit - 1),
        (0, cut.armpit + 8),
    ]
    canvas.fill(back, look.fabric.plain(darker(look.colour, 0.3)), volume=0.3)
    canvas.line(strap, flipped(strap), colour=darker(look.colour, 0.4), width=1.0, opacity=0.8, over=True)
    canvas.line(strap, flipped(strap), colour=look.colour, width=0.7, opacity=1, over=True)
    outline = mirrored(
        [
            (0, 21.5),
            (c * 0.32, 17.0, 0.8),
            (c * 0.62, 14.0),
            (c * 0.86, 18.0, 0.8),
            (c, cut.armpit + 1),
            (cut.waist + 1.4, cut.waist_at, 0.9),
            (cut.waist + 6.5, cut.waist_at + 18, 0.8),
            (hem, length),
            (hem * 0.5, length + 1.6, 0.9),
            (0, length + 2.2, 0.9),
        ]
    )
    folds = skirt_folds(look.rng, cut.waist, hem, cut.waist_at - 4, length, count=4, depth=1.3)
    folds += [
        Fold(-c * 0.5, 17, c * 0.1, 28, 1.6, 1.0),
        Fold(c * 0.5, 17, -c * 0.1, 28, 1.6, 1.0),
        Fold(0, 22, c * 0.3, 36, 1.6, 0.8),
    ]
    canvas.fill(outline, look.fabric, folds=folds)
    trim: list[Point] = [
        (0, 22.5),
        (c * 0.32, 18.0, 0.8),
        (c * 0.62, 15.2),
        (c * 0.85, 19, 0.8),
        (c - 0.4, cut.armpit + 1.6),
    ]
    canvas.seam(trim, flipped(trim), colour=look.ink(), opacity=0.45)


def jumpsuit(canvas: Canvas, look: Look) -> None:
    cut = _bodice(look)
    y = cut.waist_at
    small = look.small
    legs = (
        Legs(cut.waist, cut.waist + 6, 17, 25, 11.5, 10.5, 92)
        if not small
        else Legs(cut.waist, cut.waist + 3.5, 13, 20, 9, 9, 62)
    )
    if look.has("fit", "wide leg"):
        legs = replace(legs, knee=legs.knee + 2.4, hem=legs.hem + 5, spread=6)
    length = y + legs.length
    reach = max(legs.centre(legs.length) + legs.hem, cut.shoulder + 3 + cut.sleeve * 0.3) + 2
    canvas.frame(-reach, -3, reach, length + 2, margin=6)
    inside(canvas, look, cut, back=3.0)
    sleeves(canvas, look, cut, depth=1.2)
    leg_points = legs.outline()
    half = [point for point in leg_points[1 : len(leg_points) // 2 + 1] if point[0] > 0 or point[1] > 10]
    lower: list[Point] = [(point[0], point[1] + y, *point[2:]) for point in half]
    outline = mirrored(
        [
            *neckline(cut),
            (cut.shoulder, cut.slope),
            (min(cut.shoulder, cut.chest) - 1.2, cut.armpit * 0.62, 0.9),
            (cut.chest, cut.armpit),
            (cut.waist, y, 0.8),
            *lower[1:],
        ]
    )
    folds = [Fold(f.x0, f.y0 + y, f.x1, f.y1 + y, f.width, f.depth) for f in legs.folds(look.rng, 1.2)]
    folds += drape(look.rng, replace(cut, length=y + 4, hem=cut.waist), 1.0)
    canvas.fill(outline, look.fabric, folds=folds, shadow=0.12)
    w = cut.waist
    belt = look.fabric.plain(darker(look.colour, 0.1))
    canvas.fill(
        [
            (-w - 0.3, y - 1.8),
            (0, y - 1.2, 0.9),
            (w + 0.3, y - 1.8),
            (w + 0.5, y + 2),
            (0, y + 2.6, 0.9),
            (-w - 0.5, y + 2),
        ],
        belt,
        volume=0.8,
        shadow=0.2,
    )
    canvas.seam(
        [(0, cut.neck_depth + 1), (0, y - 1.8)], [(0, y + 3), (0, y + legs.crotch)], colour=look.ink(), opacity=0.5
    )
    buttons(
        canvas,
        [(0, cut.neck_depth + 3 + step * 5) for step in range(int((y - cut.neck_depth - 4) // 5))],
        lighter(look.colour, 0.6),
        radius=0.7,
    )
    pocket: list[Point] = [(w * 0.72, y + 3), (legs.hip * 0.94, y + 16)]
    canvas.seam(pocket, flipped(pocket), colour=look.ink(), opacity=0.6)
    neck_rib(canvas, look, cut, width=1.0)
