"""Sweaters, cardigans, sweatshirts and hoodies."""

from __future__ import annotations

from dataclasses import replace

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, flipped
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import darker, lighter, mix
from fashionrec.demo.silhouettes.body import Cut, Look, torso
from fashionrec.demo.silhouettes.parts import buttons, drape, inside, neck_rib, sleeves
from fashionrec.demo.silhouettes.tops import chest_detail, frame_top, top_cut


def _ribbing(canvas: Canvas, look: Look, cut: Cut, height: float = 5.0) -> None:
    """The knitted band at the hem."""
    top = cut.length - height
    canvas.fill(
        [
            (-cut.hem, top),
            (0, top + 0.8, 0.8),
            (cut.hem, top),
            (cut.hem - 1.2, cut.length),
            (0, cut.length + 0.8, 0.8),
            (-cut.hem + 1.2, cut.length),
        ],
        look.fabric.plain().of(MATERIALS["cotton knit"]),
        volume=0.7,
        shade=0.04,
        shadow=0.12,
    )


def sweater(canvas: Canvas, look: Look) -> None:
    cut = top_cut(look, "long sleeve")
    cut = replace(cut, cuff=cut.cuff + 0.4, sleeve_width=cut.sleeve_width + 0.6)
    frame_top(canvas, cut, top=-9 if look.has("neckline", "turtleneck") else -3)
    inside(canvas, look, cut)
    rib = look.fabric.plain().of(MATERIALS["cotton knit"])
    sleeves(canvas, look, cut, cuff=0.11, cuff_fabric=rib)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 1.0), shadow=0.14)
    _ribbing(canvas, look, cut)
    if look.has("neckline", "turtleneck"):
        n = cut.neck + 0.6
        canvas.fill(
            [(-n - 0.8, 3.2), (-n, -5.4, 0.3), (0, -6.4, 0.8), (n, -5.4, 0.3), (n + 0.8, 3.2), (0, 6.2, 0.9)],
            rib,
            shadow=0.2,
        )
        canvas.fill(
            [
                (-n - 0.4, 0.4),
                (-n - 0.2, -5.6, 0.3),
                (0, -6.6, 0.8),
                (n + 0.2, -5.6, 0.3),
                (n + 0.4, 0.4),
                (0, 2.4, 0.9),
            ],
            rib,
            shadow=0.25,
            volume=1.2,
        )
    else:
        neck_rib(canvas, replace(look, fabric=rib), cut, width=2.4)


def sweatshirt(canvas: Canvas, look: Look) -> None:
    sweater(canvas, look)
    cut = top_cut(look, "long sleeve")
    canvas.line([(-2.2, 9.4), (0, 14)], [(2.2, 9.4), (0, 14)], colour=look.ink(), width=0.5, opacity=0.6)
    chest_detail(canvas, look, cut)


def cardigan(canvas: Canvas, look: Look) -> None:
    cut = top_cut(look, "long sleeve", neck=8.8, neck_depth=26.0, neck_shape="v")
    frame_top(canvas, cut)
    rib = look.fabric.plain().of(MATERIALS["cotton knit"])
    inside(canvas, look, replace(cut, neck_depth=24), back=2.5)
    sleeves(canvas, look, cut, cuff=0.1, cuff_fabric=rib)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 1.0), shadow=0.14)
    _ribbing(canvas, look, cut, 4.5)
    band: list[Point] = [
        (cut.neck - 0.6, -1.2),
        (cut.neck + 2.3, -0.6),
        (cut.neck * 0.55 + 2.6, 13, 0.6),
        (2.0, 28),
        (2.0, cut.length + 0.5),
        (-2.0, cut.length + 0.5),
        (-2.0, 26),
        (cut.neck * 0.5, 13, 0.6),
    ]
    canvas.fill(flipped(band), rib, volume=0.6, shadow=0.12)
    canvas.fill(band, rib, volume=0.7, shadow=0.2)
    step = (cut.length - 33) / 4
    buttons(canvas, [(0, 29 + index * step) for index in range(5)], mix(look.trim, (0.9, 0.85, 0.75), 0.4), radius=1.1)
    for side in (-1, 1):
        x, y = side * cut.hem * 0.58, cut.length - 19
        canvas.seam(
            [(x - 5, y), (x + 5, y), (x + 5, y + 11), (x - 5, y + 11), (x - 5, y)], colour=look.ink(), opacity=0.4
        )


def hoodie(canvas: Canvas, look: Look) -> None:
    cut = top_cut(look, "long sleeve", neck=8.6, neck_depth=8.0)
    cut = replace(cut, sleeve_width=cut.sleeve_width + 0.8, cuff=cut.cuff + 0.4)
    frame_top(canvas, cut, top=-13)
    rib = look.fabric.plain().of(MATERIALS["cotton knit"])
    lining = look.fabric.plain(darker(look.colour, 0.32))
    sleeves(canvas, look, cut, cuff=0.1, cuff_fabric=rib)
    hood: list[Point] = [
        (0, -11.5, 1.0),
        (9.4, -8.6, 1.0),
        (12.6, 0.5, 0.9),
        (10.5, 7.5, 0.7),
        (0, 9, 0.8),
        (-10.5, 7.5, 0.7),
        (-12.6, 0.5, 0.9),
        (-9.4, -8.6, 1.0),
    ]
    canvas.fill(hood, look.fabric, volume=1.2)
    canvas.fill(
        [
            (0, -8, 1.0),
            (6.6, -5.5, 1.0),
            (8.6, 1, 0.9),
            (5, 9, 0.8),
            (0, 12.5),
            (-5, 9, 0.8),
            (-8.6, 1, 0.9),
            (-6.6, -5.5, 1.0),
        ],
        lining,
        volume=0.7,
        shade=0.12,
    )
    canvas.dim([(-6, -3), (6, -3), (0, 9)], 0.32, blur=2.6)
    canvas.fill(
        torso(replace(cut, neck=9.6, neck_depth=12, neck_shape="v")),
        look.fabric,
        folds=drape(look.rng, cut, 1.1),
        shadow=0.16,
    )
    for side in (-1, 1):
        lapel: list[Point] = [
            (side * 9.2, -6.5, 0.6),
            (side * 12.8, 0.5, 0.9),
            (side * 11.0, 6.4, 0.7),
            (side * 0.6, 14.4),
            (side * 5.6, 7, 0.7),
            (side * 8.6, 0, 0.8),
        ]
        canvas.fill(lapel, look.fabric, angle=side * 20, shadow=0.2)
    _ribbing(canvas, look, cut, 5.0)
    pouch: list[Point] = [
        (-9.5, cut.length - 23),
        (9.5, cut.length - 23),
        (14.5, cut.length - 12, 0.2),
        (14.5, cut.length - 5.5),
        (-14.5, cut.length - 5.5),
        (-14.5, cut.length - 12, 0.2),
    ]
    canvas.fill(pouch, look.fabric, volume=0.6, shadow=0.18)
    opening: list[Point] = [(9.0, cut.length - 21.5), (13.6, cut.length - 11.5), (13.6, cut.length - 9)]
    canvas.stitch(opening, flipped(opening), colour=look.thread())
    cord = lighter(look.trim, 0.15)
    for side in (-1, 1):
        canvas.line(
            [(side * 2.6, 11.5), (side * 3.3, 18, 0.6), (side * 2.8, 26)],
            colour=darker(cord, 0.5),
            width=1.2,
            opacity=0.4,
        )
        canvas.line(
            [(side * 2.6, 11.5), (side * 3.2, 18, 0.6), (side * 2.7, 25.6)], colour=cord, width=0.8, opacity=1.0
        )
    if look.has("closure", "zip"):
        canvas.line([(0, 13), (0, cut.length)], colour=darker(look.colour, 0.5), width=1.1, opacity=0.7)
        canvas.line([(0, 13), (0, cut.length)], colour=(0.78, 0.78, 0.8), width=0.5, opacity=0.9)
