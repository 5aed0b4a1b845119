"""Handbags, totes and backpacks; centimetres, y = 0 at the ground, up is negative."""

from __future__ import annotations

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, arc, band, ellipse, mirrored, outline, shifted
from fashionrec.demo.lighting import Fold
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import RGB, darker, lighter, luminance, mix
from fashionrec.demo.silhouettes.body import Look

_GOLD: RGB = (0.83, 0.69, 0.38)
_TAN: RGB = (0.62, 0.40, 0.23)


def handbag(canvas: Canvas, look: Look) -> None:
    shape = look.attributes["shape"]
    if shape == "saddle":
        _saddle(canvas, look)
        return
    tall = 21.0 if shape == "top handle" else 17.0
    reach = 16.0
    canvas.frame(-reach, -tall - (13.5 if shape == "top handle" else 16.0), reach, 0.8, margin=10)
    back = band(
        arc(
            0,
            -tall + 1,
            7.6 if shape == "top handle" else 11.6,
            12.4 if shape == "top handle" else 15.0,
            180,
            360,
            count=40,
        ),
        canvas.cm(2.3),
    )
    canvas.fill(shifted(back, 0.8, -0.9), look.fabric, shade=0.18, volume=1.2)
    body = mirrored(
        [(0, -tall, 0.3), (11.4, -tall), (12.6, -tall + 1.2, 0.8), (14.6, -2.2), (13.4, -0.2, 0.8), (0, 0, 0.4)]
    )
    canvas.fill(
        body, look.fabric, volume=1.7, folds=[Fold(-12, -tall + 4, -9, -5, 3, 0.6), Fold(12, -tall + 4, 10, -5, 3, 0.6)]
    )
    inner = mirrored([(0, -tall + 1.1), (11.0, -tall + 1.1), (13.4, -2.2), (12.6, -1.1, 0.8), (0, -1.0)])
    canvas.stitch([*inner, inner[0]], colour=look.thread(), opacity=0.55)
    if shape == "shoulder":
        flap = mirrored(
            [(0, -tall - 0.4), (11.9, -tall - 0.2), (12.6, -tall + 2, 0.6), (10.4, -7.6, 0.9), (0, -5.6, 0.9)]
        )
        canvas.fill(flap, look.fabric, volume=1.2, shadow=0.35)
        canvas.flat(ellipse(0, -7.4, 1.6, 1.6), darker(_GOLD, 0.4))
        canvas.flat(ellipse(-0.1, -7.5, 1.35, 1.35), _GOLD)
        canvas.flat(ellipse(-0.1, -7.5, 0.7, 0.7), darker(_GOLD, 0.25))
    else:
        canvas.seam([(-11.8, -tall + 3.4), (0, -tall + 3.0, 0.4), (11.8, -tall + 3.4)], colour=look.ink(), opacity=0.6)
        tab = mirrored([(0, -tall - 0.6), (1.9, -tall - 0.6), (1.9, -tall + 6.2, 0.5), (0, -tall + 7.6, 0.9)])
        canvas.fill(tab, look.fabric, volume=0.9, shadow=0.3)
        canvas.flat(ellipse(0, -tall + 5.6, 0.9, 0.9), _GOLD)
    front = band(
        arc(
            0,
            -tall + 2.2,
            7.2 if shape == "top handle" else 11.6,
            12.6 if shape == "top handle" else 15.6,
            180,
            360,
            count=40,
        ),
        canvas.cm(2.3),
    )
    canvas.fill(front, look.fabric, volume=1.4, shadow=0.12)
    anchor = 7.2 if shape == "top handle" else 11.6
    for side in (-1, 1):
        x = side * anchor
        canvas.fill(
            [
                (x - 1.3, -tall + 1.4),
                (x + 1.3, -tall + 1.4),
                (x + 1.0, -tall + 5.0),
                (x, -tall + 5.8),
                (x - 1.0, -tall + 5.0),
            ],
            look.fabric,
            volume=0.8,
            shadow=0.25,
        )
        canvas.line(ellipse(x, -tall + 1.4, 1.3, 1.3), colour=_GOLD, width=0.9, opacity=1, over=True)


def _saddle(canvas: Canvas, look: Look) -> None:
    canvas.frame(-14, -34, 14, 0.8, margin=10)
    strap = band(arc(0, -15, 10.4, 18.0, 176, 364, count=44), canvas.cm(1.9))
    canvas.fill(strap, look.fabric, volume=1.3)
    body = mirrored([(0, -18.4), (10.2, -18.2), (12.4, -14.0, 0.8), (12.2, -6.0, 0.8), (7.5, -0.6, 0.9), (0, 0, 0.9)])
    canvas.fill(body, look.fabric, volume=1.8)
    flap = mirrored(
        [(0, -19.0), (10.8, -18.6), (12.8, -15.0, 0.8), (11.8, -9.0, 0.9), (6.4, -5.4, 0.9), (0, -4.6, 0.9)]
    )
    canvas.fill(flap, look.fabric, volume=1.3, shadow=0.35)
    inset = mirrored(
        [(0, -18.2), (10.2, -17.8), (11.9, -15.0, 0.8), (11.0, -9.4, 0.9), (6.0, -6.2, 0.9), (0, -5.5, 0.9)]
    )
    canvas.stitch([*inset, inset[0]], colour=look.thread(), opacity=0.7)
    canvas.fill(
        mirrored([(0, -9.6), (1.7, -9.6), (1.5, -3.0, 0.5), (0, -2.2, 0.9)]), look.fabric, volume=0.9, shadow=0.3
    )
    canvas.line(
        [(-2.2, -7.6), (2.2, -7.6), (2.2, -4.6), (-2.2, -4.6), (-2.2, -7.6)], colour=_GOLD, width=0.9, opacity=1
    )
    for side in (-1, 1):
        canvas.flat(ellipse(side * 10.3, -15.8, 0.9, 0.9), _GOLD)


def tote(canvas: Canvas, look: Look) -> None:
    canvas.frame(-21, -60, 21, 0.8, margin=8)
    top = -37.0
    leathery = look.fabric.material in (MATERIALS["leather"], MATERIALS["vegan leather"])
    trim = look.fabric.plain(
        look.colour if leathery else _TAN if luminance(look.colour) > 0.1 else (0.45, 0.28, 0.16)
    ).of(MATERIALS["leather"])
    handle = outline(
        [
            (-7.4, top + 6),
            (-7.4, top - 8, 0.6),
            (-4.6, top - 20, 1.0),
            (4.6, top - 20, 1.0),
            (7.4, top - 8, 0.6),
            (7.4, top + 6),
        ],
        closed=False,
    )
    canvas.fill(band(shifted(handle, 1.0, -1.4), canvas.cm(2.0)), trim, shade=0.22, volume=1.0)
    canvas.fill(
        [(-17.2, top), (0, top - 1.8, 0.8), (17.2, top), (0, top + 3.0, 0.8)],
        look.fabric.plain(darker(look.colour, 0.45)),
        volume=0.3,
    )
    folds = [
        Fold(-15, top + 4, -11, -6, 3.4, 1.0),
        Fold(15, top + 4, 11, -8, 3.4, -0.9),
        Fold(-4, top + 10, -7, -3, 4, 0.7),
        Fold(7, -2, 3, top + 12, 3, 0.6),
    ]
    body = mirrored([(0, top + 0.8, 0.8), (17.4, top), (18.2, -14, 0.7), (16.4, -0.8), (15.2, 0, 0.6), (0, 0, 0.2)])
    canvas.fill(body, look.fabric, volume=1.3, folds=folds)
    canvas.seam([(-17.2, top + 3.2), (0, top + 4.0, 0.8), (17.2, top + 3.2)], colour=look.ink(), opacity=0.5)
    canvas.stitch([(-17.0, top + 2.5), (0, top + 3.3, 0.8), (17.0, top + 2.5)], colour=look.thread(), opacity=0.6)
    if not leathery and look.fabric.design.pattern == "plain" and look.fabric.material is MATERIALS["canvas"]:
        canvas.fill(
            mirrored([(0, -8.6), (18.0, -9.6), (16.4, -0.8), (15.2, 0, 0.6), (0, 0)]), trim, volume=0.9, shadow=0.15
        )
    canvas.fill(band(handle, canvas.cm(2.1)), trim, volume=1.2, shadow=0.15)
    for x in (-7.4, 7.4):
        canvas.line(
            [(x - 0.9, top + 3), (x + 0.9, top + 5)],
            [(x + 0.9, top + 3), (x - 0.9, top + 5)],
            colour=lighter(trim.colour, 0.5),
            width=0.4,
            opacity=0.9,
        )


def backpack(canvas: Canvas, look: Look) -> None:
    roll = look.has("shape", "rolltop")
    canvas.frame(-18, -49 if not roll else -51, 18, 0.8, margin=7)
    leathery = look.fabric.material is MATERIALS["leather"]
    trim = look.fabric.plain(darker(look.colour, 0.22) if leathery else mix(look.trim, (0.3, 0.2, 0.14), 0.75)).of(
        MATERIALS["leather"] if leathery else MATERIALS["canvas"]
    )
    for side in (-1, 1):
        strap = outline(
            [(side * 8, -40), (side * 15.4, -33, 0.9), (side * 16.0, -17, 0.9), (side * 12.4, -6)], closed=False
        )
        canvas.fill(band(strap, canvas.cm(4.2)), look.fabric.plain(darker(look.colour, 0.25)), volume=1.1)
    loop = arc(0, -43.5 if not roll else -46.0, 3.6, 4.6, 180, 360)
    canvas.fill(band(loop, canvas.cm(2.2)), trim, volume=1.0)
    folds = [Fold(-11, -36, -8, -22, 2.4, 0.8), Fold(11, -38, 8, -24, 2.4, 0.8), Fold(-13, -3, -8, -10, 2.0, 0.7)]
    if roll:
        body = mirrored([(0, -38), (13.0, -38), (14.4, -20, 0.7), (14.0, -3), (11.6, 0, 0.8), (0, 0, 0.3)])
        canvas.fill(body, look.fabric, volume=1.5, folds=folds)
        canvas.fill(
            mirrored([(0, -45.4, 0.3), (11.8, -45.0), (13.6, -42, 0.9), (13.4, -36.5), (0, -36)]),
            look.fabric,
            volume=1.6,
            shadow=0.3,
        )
        canvas.fill([(-1.5, -45.8), (1.5, -45.8), (1.5, -27), (-1.5, -27)], trim, volume=0.8, shadow=0.25)
        canvas.line(
            [(-2.4, -33), (2.4, -33), (2.4, -30), (-2.4, -30), (-2.4, -33)],
            colour=(0.78, 0.78, 0.8),
            width=0.9,
            opacity=1,
        )
    else:
        body = mirrored(
            [
                (0, -44.5, 1.0),
                (9.4, -42.4, 0.9),
                (13.8, -33, 0.9),
                (14.6, -18, 0.6),
                (14.2, -3),
                (11.8, 0, 0.8),
                (0, 0, 0.3),
            ]
        )
        canvas.fill(body, look.fabric, volume=1.6, folds=folds)
        zip_line: list[Point] = [
            (-12.8, -22),
            (-12.0, -33, 0.9),
            (-7.6, -39.6, 0.9),
            (0, -41.4, 0.9),
            (7.6, -39.6, 0.9),
            (12.0, -33, 0.9),
            (12.8, -22),
        ]
        canvas.line(zip_line, colour=darker(look.colour, 0.55), width=1.3, opacity=0.85)
        canvas.line(zip_line, colour=(0.75, 0.75, 0.77), width=0.4, opacity=0.8)
        canvas.fill([(12.2, -23), (13.4, -23), (13.2, -18.6), (12.4, -18.6)], trim, volume=0.5, shadow=0.2)
    pocket = mirrored([(0, -20.6, 0.4), (9.0, -20.2), (11.0, -17, 0.9), (11.2, -4.5), (9.4, -2, 0.9), (0, -1.8, 0.3)])
    canvas.fill(pocket, look.fabric, volume=1.4, shadow=0.28)
    zipper: list[Point] = [(-9.4, -17.4), (0, -18.2, 0.6), (9.4, -17.4)]
    canvas.line(zipper, colour=darker(look.colour, 0.55), width=1.2, opacity=0.85)
    canvas.line(zipper, colour=(0.75, 0.75, 0.77), width=0.4, opacity=0.8)
    canvas.fill([(6.6, -17.6), (7.6, -17.6), (7.5, -13.6), (6.7, -13.6)], trim, volume=0.5, shadow=0.2)
    canvas.fill([(-3.0, -12.6), (3.0, -12.6), (3.0, -8.6), (-3.0, -8.6)], trim, volume=0.5, shadow=0.12)
    canvas.stitch(
        [(-2.4, -12.0), (2.4, -12.0), (2.4, -9.2), (-2.4, -9.2), (-2.4, -12.0)],
        colour=lighter(trim.colour, 0.4),
        opacity=0.8,
    )
