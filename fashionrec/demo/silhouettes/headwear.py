"""Hats, caps and beanies; centimetres around the middle of the head opening."""

from __future__ import annotations

import numpy as np

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, ellipse, mirrored
from fashionrec.demo.lighting import Fold
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import darker, lighter, luminance
from fashionrec.demo.silhouettes.body import Look
from fashionrec.demo.silhouettes.parts import both


def hat(canvas: Canvas, look: Look) -> None:
    shape = look.attributes["shape"]
    if shape == "bucket":
        _bucket(canvas, look)
        return
    wide = 21.0 if shape == "wide brim" else 17.0
    canvas.frame(-wide, -14, wide, 7.5, margin=8)
    brim: list[Point] = [
        (-wide, 0.6, 0.9),
        (-wide * 0.55, -2.4, 0.8),
        (0, -3.0, 0.8),
        (wide * 0.55, -2.4, 0.8),
        (wide, 0.6, 0.9),
        (wide * 0.6, 4.6, 0.9),
        (0, 6.0, 0.9),
        (-wide * 0.6, 4.6, 0.9),
    ]
    canvas.fill(
        brim,
        look.fabric,
        volume=1.2,
        folds=[Fold(-wide * 0.8, 1, -wide * 0.3, 4.4, 1.6, 0.8), Fold(wide * 0.9, 1, wide * 0.3, 4.6, 1.6, -0.7)],
    )
    canvas.dim([(-9.6, 0), (9.6, 0), (8, 3.4, 0.8), (0, 4.4, 0.8), (-8, 3.4, 0.8)], 0.3, blur=1.6)
    crown = mirrored([(0, -10.6, 0.8), (4.4, -12.6, 0.9), (8.2, -11.0, 0.9), (9.8, 1.0), (5, 2.7, 0.8), (0, 3.2, 0.8)])
    pinch = [*both([Fold(4.6, -9.8, 6.4, -4.0, 1.6, -1.3)]), Fold(0, -10.4, 0, -6.0, 2.2, -1.4)]
    canvas.fill(crown, look.fabric, volume=1.7, folds=pinch)
    ribbon = (
        darker(look.trim, 0.1)
        if look.fabric.material is MATERIALS["straw"]
        else darker(look.colour, 0.55)
        if luminance(look.colour) > 0.15
        else lighter(look.colour, 0.35)
    )
    canvas.fill(
        mirrored([(0, 0.4, 0.8), (5, -0.2, 0.8), (9.4, -2.0), (9.8, 1.2), (5, 2.8, 0.8), (0, 3.3, 0.8)]),
        look.fabric.plain(ribbon).of(MATERIALS["satin"]),
        volume=0.8,
        shadow=0.12,
    )
    canvas.fill(
        [(7.0, -1.4), (8.6, -2.4), (8.8, 1.6), (7.2, 2.2)],
        look.fabric.plain(ribbon).of(MATERIALS["satin"]),
        volume=0.8,
        shadow=0.25,
    )


def _bucket(canvas: Canvas, look: Look) -> None:
    canvas.frame(-16, -13, 16, 8.4, margin=9)
    canvas.fill(
        mirrored([(0, -1), (10, -2.6), (15.6, 4.6, 0.8), (9, 7.2, 0.9), (0, 8.0, 0.9)]),
        look.fabric,
        volume=1.1,
        folds=[*both([Fold(12, 0, 9, 6, 1.8, 1.0)]), Fold(2, 1, 1, 7, 2, 0.6)],
    )
    for level in (2.0, 3.6, 5.2):
        half = 11.8 + level * 0.62
        canvas.stitch(
            [
                (-half, level - 0.4),
                (-half * 0.5, level + 2.1, 0.9),
                (0, level + 2.6, 0.9),
                (half * 0.5, level + 2.1, 0.9),
                (half, level - 0.4),
            ],
            colour=look.thread(),
            opacity=0.5,
        )
    canvas.fill(
        mirrored([(0, -12, 0.9), (6.6, -11.2, 0.9), (8.8, -9.0, 0.8), (10.8, -0.6), (5.6, 1.5, 0.9), (0, 2.0, 0.9)]),
        look.fabric,
        volume=1.6,
        shadow=0.25,
        folds=[Fold(-5, -7, -4, 0, 2, 0.7), Fold(5, -8, 6, -1, 1.6, 0.8)],
    )
    canvas.seam(
        [(-8.6, -9.0), (-4.4, -7.6, 0.8), (0, -7.3, 0.8), (4.4, -7.6, 0.8), (8.6, -9.0)],
        colour=look.ink(),
        opacity=0.45,
    )
    for x in (-5.0, -3.4):
        canvas.flat(ellipse(x, -3.4, 0.45, 0.45), darker(look.colour, 0.6))


def cap(canvas: Canvas, look: Look) -> None:
    canvas.frame(-17, -13.5, 13, 6.6, margin=9)
    peak: list[Point] = [
        (-5.5, -0.6),
        (-11, 0.2, 0.7),
        (-16.2, 3.2, 1.0),
        (-14.6, 5.4, 0.9),
        (-8, 4.2, 0.8),
        (1.5, 3.4),
    ]
    canvas.fill(
        peak, look.fabric.plain(look.trim) if look.has("style", "streetwear") else look.fabric, volume=1.4, angle=15
    )
    for inset in (0.7, 1.5, 2.3):
        canvas.stitch(
            [
                (-6.2, 0.2 + inset * 0.3),
                (-11 + inset * 0.3, 0.4 + inset * 0.6, 0.7),
                (-15.4 + inset, 3.4, 0.9),
                (-13.8 + inset, 4.7, 0.8),
            ],
            colour=look.thread(),
            opacity=0.45,
        )
    dome: list[Point] = [
        (-8.2, 1.0),
        (-8.6, -5.0, 0.9),
        (-4.6, -11.2, 1.0),
        (2.4, -12.6, 1.0),
        (9.2, -9.0, 1.0),
        (11.9, -1.0, 0.9),
        (11.6, 3.6, 0.5),
        (6.5, 4.0, 0.7),
        (-1, 3.4, 0.7),
    ]
    canvas.fill(dome, look.fabric, volume=1.8, shadow=0.2, folds=[Fold(8, 3, 6, -6, 2.0, 0.6)])
    canvas.seam(
        [(1.9, -12.4), (-1.6, -7, 0.8), (-2.4, 3.2)],
        [(1.9, -12.4), (6.2, -6, 0.9), (7.2, 3.8)],
        colour=look.ink(),
        opacity=0.5,
    )
    canvas.stitch([(2.2, -11.6), (-0.9, -7, 0.8), (-1.7, 3.2)], colour=look.thread(), opacity=0.5)
    canvas.fill(ellipse(1.9, -12.7, 1.0, 0.55), look.fabric, volume=1.0)
    canvas.flat(ellipse(3.1, -7.6, 0.5, 0.5), darker(look.colour, 0.6))
    badge: list[Point] = [(-6.6, -3.0), (-3.6, -3.4), (-3.8, -0.2), (-6.7, 0.0)]
    canvas.fill(badge, look.fabric.plain(lighter(look.trim, 0.15)).of(MATERIALS["canvas"]), volume=0.4, edge=0.4)
    canvas.seam([(-8.0, 1.9), (-1, 2.5, 0.7), (6.5, 3.0, 0.7), (11.5, 2.6)], colour=look.ink(), opacity=0.3)


def beanie(canvas: Canvas, look: Look) -> None:
    pompom = look.has("detail", "pompom")
    canvas.frame(-13.5, -23 if pompom else -16, 13.5, 9.5, margin=10)
    if pompom:
        tuft = look.fabric.plain(lighter(look.colour, 0.25)).of(MATERIALS["tweed"])
        angles = np.linspace(0, 2 * np.pi, 44, endpoint=False)
        radius = 4.6 + look.rng.uniform(-0.6, 0.5, 44)
        ragged = np.column_stack([np.cos(angles) * radius, np.sin(angles) * radius - 17.6])
        canvas.fill(ragged, tuft, volume=2.0)
    knit = look.fabric if look.fabric.material is MATERIALS["cable knit"] else look.fabric.of(MATERIALS["cotton knit"])
    dome = mirrored([(0, -15.0, 0.9), (6.6, -12.6, 1.0), (11.0, -4.0, 0.9), (11.8, 4, 0.5), (0, 5.4, 0.8)])
    gathers = [
        *both([Fold(1.2, -14.4, 5.4, -3.0, 1.0, 0.9), Fold(3.0, -13.6, 9.2, -3.0, 1.0, 0.8)]),
        Fold(0, -14.5, 0, -4, 1.0, 0.8),
    ]
    canvas.fill(dome, knit, volume=1.8, folds=gathers)
    cuff = mirrored([(0, 0.8, 0.8), (12.0, -0.4, 0.4), (12.9, 3.8, 0.9), (12.3, 8.0, 0.4), (0, 9.2, 0.8)])
    canvas.fill(cuff, knit.plain(), volume=1.6, shadow=0.3)
    canvas.fill(
        [(4.0, 3.4), (7.6, 3.2), (7.6, 6.2), (4.0, 6.4)],
        look.fabric.plain(lighter(look.trim, 0.1)).of(MATERIALS["canvas"]),
        volume=0.3,
        shadow=0.12,
    )
