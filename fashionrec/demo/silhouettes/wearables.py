"""Scarves, belts, watches, sunglasses, ties and gloves."""

from __future__ import annotations

import numpy as np

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, arc, ellipse, flipped, mirrored, outline, shifted
from fashionrec.demo.lighting import Fold
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import RGB, darker, luminance, mix
from fashionrec.demo.silhouettes.body import Look
from fashionrec.demo.silhouettes.parts import both

_STEEL: RGB = (0.77, 0.78, 0.80)
_GOLD: RGB = (0.83, 0.69, 0.38)


def scarf(canvas: Canvas, look: Look) -> None:
    """Looped once, both ends hanging."""
    canvas.frame(-20, -15, 20, 62, margin=6)
    silky = look.fabric.material in (MATERIALS["silk"], MATERIALS["satin"])

    def end(points: list[Point], angle: float, shadow: float) -> None:
        x0, y0 = points[0][:2]
        x1, y1 = points[2][:2]
        folds = [Fold(x0 + t * 9, y0, x1 - 9 + t * 11, y1, 1.5, 1.2) for t in (0.25, 0.6)]
        if not silky:
            left, right = points[3], points[2]
            xs, ys = np.linspace(left[0], right[0], 16), np.linspace(left[1], right[1], 16)
            fringe = [
                [(float(x), float(y) - 0.6), (float(x) + look.rng.uniform(-0.5, 0.5), float(y) + 4.0)]
                for x, y in zip(xs, ys, strict=True)
            ]
            canvas.line(*fringe, colour=darker(look.colour, 0.15), width=0.55, opacity=0.95, over=True)
        canvas.fill(points, look.fabric, angle=angle, folds=folds, volume=1.1, shadow=shadow)

    end([(-11.5, -2), (-1.5, 0), (-2.5, 49), (-15.5, 48)], 4, 0.0)
    end([(1.0, -2), (11.5, -3), (14.5, 56), (1.5, 57.5)], -4, 0.2)
    back = mirrored([(0, -12.6, 1.0), (11, -9.4, 1.0), (14.5, -2, 0.9), (9, 3, 0.8), (0, -4.2, 1.0)])
    canvas.fill(back, look.fabric, shade=0.22, volume=0.8, angle=20)
    front: list[Point] = [
        (-15.2, -5.0, 0.9),
        (-10.2, -6.4, 0.8),
        (0, 0.5, 1.0),
        (10.2, -6.4, 0.8),
        (15.2, -5.0, 0.9),
        (14.2, 3.4, 0.9),
        (7, 11.0, 0.9),
        (0, 12.8, 0.9),
        (-7, 11.0, 0.9),
        (-14.2, 3.4, 0.9),
    ]
    loops = both([Fold(14, -2, 1, 8.6, 1.6, 1.3), Fold(13, 2, 2, 11, 1.2, 1.0), Fold(13, -5, 1, 4.6, 1.3, 1.0)])
    canvas.fill(front, look.fabric, folds=loops, volume=1.4, shadow=0.3, angle=-8)


def belt(canvas: Canvas, look: Look) -> None:
    """Rolled up, buckle in front."""
    canvas.frame(-13.5, -11, 13.5, 10.4, margin=10)
    metal = _GOLD if look.feminine else _STEEL
    for turn, (rx, ry) in enumerate(((11.8, 6.4), (9.9, 5.0), (7.9, 3.7))):
        ring = [ellipse(0, -4.6, rx, ry, count=64), ellipse(0, -4.6, rx - 0.9, ry - 0.75, count=64)]
        canvas.fill(ring[0], look.fabric, holes=[ring[1]], shade=0.06 * turn, volume=0.9)
    lower = arc(0, -4.6, 11.8, 6.4, 0, 180, count=40)
    wall = np.vstack([lower, shifted(lower, 0, 7.6)[::-1]])
    canvas.fill(wall, look.fabric, volume=1.3, shadow=0.2, folds=[Fold(-6.0, 0, -6.0, 9, 3.0, 1.4)])
    canvas.stitch(
        arc(0, -3.4, 11.6, 6.4, 8, 172, count=40),
        arc(0, 2.0, 11.6, 6.4, 8, 172, count=40),
        colour=look.thread(),
        opacity=0.75,
    )
    holes = [(-8.6, 3.4), (-6.6, 4.4)]
    for x, y in holes:
        canvas.flat(ellipse(x, y, 0.4, 0.45), darker(look.colour, 0.75))
    x, y = 3.4, 5.2
    if look.has("detail", "round buckle"):
        frame = [ellipse(x, y, 4.6, 4.8), ellipse(x, y, 3.5, 3.7)]
    else:
        frame = [
            outline(
                [(x - 3.8, y - 4.7, 0.3), (x + 3.8, y - 4.9, 0.3), (x + 3.8, y + 4.5, 0.3), (x - 3.8, y + 4.9, 0.3)]
            ),
            outline([(x - 2.7, y - 3.6), (x + 2.7, y - 3.8), (x + 2.7, y + 3.4), (x - 2.7, y + 3.8)]),
        ]
    steel = look.fabric.plain(metal).of(MATERIALS["steel"])
    canvas.fill(frame[0], steel, holes=[frame[1]], volume=1.5, shadow=0.35, edge=0.5)
    canvas.fill(
        [(x - 3.6, y - 0.5), (x + 4.4, y - 0.5), (x + 4.4, y + 0.6), (x - 3.6, y + 0.6)], steel, volume=1.2, shadow=0.3
    )
    canvas.fill(
        [(x - 7.4, y - 4.4), (x - 5.2, y - 4.2), (x - 5.2, y + 4.4), (x - 7.4, y + 4.0)],
        look.fabric,
        volume=1.0,
        shadow=0.3,
    )


def watch(canvas: Canvas, look: Look) -> None:
    canvas.frame(-6.2, -12.5, 6.2, 12.5, margin=4)
    metallic = look.fabric.material is MATERIALS["steel"]
    case_colour = look.colour if metallic else (_GOLD if look.feminine or look.has("style", "classic") else _STEEL)
    case = look.fabric.plain(case_colour).of(MATERIALS["steel"])
    strap = look.fabric
    for sign in (-1, 1):
        piece: list[Point] = [
            (-1.95, sign * 3.4),
            (1.95, sign * 3.4),
            (1.65, sign * 8.2, 0.5),
            (1.55, sign * 11.6),
            (0, sign * 12.3, 0.9),
            (-1.55, sign * 11.6),
            (-1.65, sign * 8.2, 0.5),
        ]
        canvas.fill(piece if sign > 0 else list(reversed(piece)), strap, volume=1.3)
        if metallic:
            links = [[(-1.9, sign * y), (1.9, sign * y)] for y in np.arange(4.2, 12.0, 0.85)]
            canvas.seam(*links, colour=darker(look.colour, 0.2), opacity=0.8)
            canvas.seam(
                [(-0.7, sign * 3.6), (-0.6, sign * 12)],
                [(0.7, sign * 3.6), (0.6, sign * 12)],
                colour=look.ink(),
                opacity=0.5,
            )
        elif look.fabric.material is MATERIALS["leather"]:
            side: list[Point] = [(1.6, sign * 3.6), (1.35, sign * 8.2, 0.5), (1.25, sign * 11.4)]
            canvas.stitch(side, [(-x, *rest) for x, *rest in side], colour=look.thread(), opacity=0.8)
    for y in (6.8, 8.0, 9.2, 10.4):
        if not metallic:
            canvas.flat(ellipse(0, y, 0.17, 0.22), darker(look.colour, 0.7))
    for sign in (-1, 1):
        canvas.fill([(-2.3, sign * 2.2), (2.3, sign * 2.2), (2.0, sign * 4.1), (-2.0, sign * 4.1)], case, volume=1.0)
    canvas.fill([(3.9, -0.5), (4.6, -0.5), (4.6, 0.5), (3.9, 0.5)], case, volume=1.0)
    canvas.fill(ellipse(0, 0, 4.1, 4.1, count=64), case, volume=1.8, shadow=0.25, edge=0.5)
    dial = (
        (0.96, 0.95, 0.92)
        if look.rng.random() < 0.5
        else darker(look.colour, 0.35)
        if luminance(look.colour) < 0.45
        else (0.15, 0.17, 0.22)
    )
    canvas.fill(ellipse(0, 0, 3.4, 3.4, count=64), look.fabric.plain(dial).of(MATERIALS["silk"]), volume=0.35, edge=0.5)
    ink = (0.15, 0.15, 0.17) if luminance(dial) > 0.5 else (0.93, 0.92, 0.88)
    if look.has("detail", "chronograph"):
        for x, y in ((-1.35, 0.0), (1.35, 0.0), (0.0, 1.4)):
            canvas.flat(ellipse(x, y, 0.85, 0.85), mix(dial, ink, 0.16))
            canvas.line([(x, y), (x + 0.2, y - 0.6)], colour=ink, width=0.4, opacity=0.9)
        for y in (-1.9, 1.9):
            canvas.fill([(3.5, y - 0.4), (4.2, y - 0.4), (4.2, y + 0.4), (3.5, y + 0.4)], case, volume=0.8)
    marks = np.arange(12) * np.pi / 6
    ticks = [
        [(float(np.sin(a) * 2.75), float(-np.cos(a) * 2.75)), (float(np.sin(a) * 3.1), float(-np.cos(a) * 3.1))]
        for a in marks
    ]
    canvas.line(*ticks, colour=ink, width=0.9, opacity=0.9)
    canvas.line([(0, 0), (-1.35, -1.15)], colour=ink, width=1.1, opacity=0.95)
    canvas.line([(0, 0), (1.75, -1.75)], colour=ink, width=0.8, opacity=0.95)
    canvas.line([(0, 0.5), (0.5, 2.5)], colour=(0.8, 0.2, 0.18), width=0.4, opacity=0.9)
    canvas.flat(ellipse(0, 0, 0.22, 0.22), ink)
    canvas.flat([(-2.6, -1.6), (-1.0, -2.9, 0.4), (0.2, -3.1), (-2.9, 0.6)], (1, 1, 1), opacity=0.10)


def sunglasses(canvas: Canvas, look: Look) -> None:
    canvas.frame(-8.2, -5.5, 8.2, 5.5, margin=7)
    shape = look.attributes["shape"]
    wire = look.fabric.material is MATERIALS["steel"]
    lens: list[Point]
    if shape == "round":
        lens = [tuple(p) for p in ellipse(3.8, 0, 2.75, 2.75, count=48).tolist()]
    elif shape == "square":
        lens = [(1.1, -2.1, 0.5), (6.7, -2.4, 0.5), (6.5, 1.7, 0.8), (1.4, 1.9, 0.8)]
    elif shape == "cat-eye":
        lens = [(1.0, -1.2, 0.7), (7.6, -3.1, 0.35), (6.4, 1.1, 1.0), (3.6, 2.2, 1.0), (1.3, 1.1, 1.0)]
    else:
        lens = [(1.0, -1.9, 0.7), (6.8, -2.0, 0.8), (6.3, 1.3, 1.0), (4.2, 2.9, 1.0), (1.7, 1.4, 1.0)]
    polygon = outline(lens) if shape != "round" else np.array(lens)
    centre = polygon.mean(axis=0)
    grow = 0.28 if wire else 0.62
    rim = centre + (polygon - centre) * (1 + grow / 2.6)
    tint = mix((0.16, 0.15, 0.17), look.colour, 0.12) if look.rng.random() < 0.6 else (0.42, 0.30, 0.20)
    for side in (-1, 1):
        temple: list[Point] = [
            (side * 6.6, -1.7),
            (side * 7.6, -1.9, 0.7),
            (side * 7.9, -4.2, 0.8),
            (side * 7.5, -4.3, 0.8),
            (side * 7.0, -2.5, 0.7),
            (side * 6.4, -2.6),
        ]
        canvas.fill(temple, look.fabric, volume=1.0, shade=0.1)
    mirror = np.array([-1.0, 1.0])
    bridge = [(-1.5, -1.0), (0, -1.9, 0.9), (1.5, -1.0)]
    bar = [(-3.8, -2.35), (0, -2.5, 0.4), (3.8, -2.35)]
    if wire:
        canvas.line(bridge, colour=darker(look.colour, 0.4), width=1.5, opacity=1, over=True)
        canvas.line(bridge, colour=look.colour, width=1.0, opacity=1, over=True)
        if shape == "aviator":
            canvas.line(bar, colour=look.colour, width=0.9, opacity=1, over=True)
    else:
        canvas.fill(
            [(-1.8, -1.5), (0, -1.9, 0.8), (1.8, -1.5), (1.8, -0.5), (0, -1.0, 0.8), (-1.8, -0.5)],
            look.fabric,
            volume=1.1,
        )
    for pane, hoop in ((polygon, rim), ((polygon * mirror)[::-1], (rim * mirror)[::-1])):
        canvas.fill(hoop, look.fabric, volume=1.3, edge=0.5)
        canvas.fill(pane, look.fabric.plain(tint).of(MATERIALS["silk"]), volume=0.3, edge=0.5)
        x, y = pane.mean(axis=0)
        canvas.flat(
            [(x - 2.0, y + 1.2), (x - 0.6, y - 1.6), (x + 0.5, y - 1.7), (x - 1.1, y + 1.5)], (1, 1, 1), opacity=0.16
        )
        canvas.flat(
            [(x + 0.3, y + 1.2), (x + 1.4, y - 1.3), (x + 1.8, y - 1.3), (x + 0.7, y + 1.2)], (1, 1, 1), opacity=0.10
        )


def tie(canvas: Canvas, look: Look) -> None:
    canvas.frame(-17, -9, 17, 56, margin=5)
    tail: list[Point] = [(-1.4, 5), (1.8, 5), (4.2, 40), (1.6, 43.5), (-0.9, 40)]
    canvas.fill([(x + 2.0, y) for x, y in tail], look.fabric, angle=45, shade=0.15)
    blade: list[Point] = [(-1.8, 4.5), (1.8, 4.5), (5.0, 46), (0, 53.5), (-5.0, 46)]
    canvas.fill(
        blade,
        look.fabric.scaled(0.8),
        angle=45,
        volume=1.1,
        shadow=0.25,
        folds=[Fold(-0.8, 5, -1.0, 18, 1.0, 0.9), Fold(1.0, 5, 1.6, 14, 0.8, 0.7)],
    )
    for side in (-1, 1):
        loop: list[Point] = [
            (side * 2.4, -1.0),
            (side * 6.2, -5.6, 0.7),
            (side * 6.6, -8.0, 0.5),
            (side * 4.0, -7.6, 0.6),
            (side * 1.6, -2.6),
        ]
        canvas.fill(loop, look.fabric.scaled(0.8), angle=side * -45, shade=0.08, volume=0.9)
    canvas.fill(
        [(-6.2, -7.8), (0, -6.2, 0.8), (6.2, -7.8), (4.4, -5.8), (0, -4.4, 0.8), (-4.4, -5.8)],
        look.fabric.scaled(0.8),
        shade=0.3,
        volume=0.5,
    )
    knot: list[Point] = [(-3.5, -3.0), (0, -3.6, 0.8), (3.5, -3.0), (2.0, 5.2), (0, 5.8, 0.8), (-2.0, 5.2)]
    canvas.fill(knot, look.fabric.scaled(0.8), angle=-30, volume=1.3, shadow=0.3)


def gloves(canvas: Canvas, look: Look) -> None:
    canvas.frame(-17.5, -13.5, 17.5, 15.5, margin=8)
    knitted = look.fabric.material in (MATERIALS["wool"], MATERIALS["merino"])
    right: list[Point] = [
        (3.6, 13.5),
        (3.2, 4, 0.5),
        (0.9, -1.0, 0.7),
        (0.6, -4.4, 1.0),
        (2.4, -4.6, 1.0),
        (4.2, -0.8, 0.6),
        (4.4, -8.6, 0.5),
        (5.5, -10.4, 1.1),
        (6.7, -8.6, 0.5),
        (7.0, -3.2, 0.3),
        (7.6, -10.4, 0.5),
        (8.7, -12.3, 1.1),
        (9.9, -10.4, 0.5),
        (9.9, -3.2, 0.3),
        (11.0, -9.4, 0.5),
        (12.1, -11.0, 1.1),
        (13.1, -9.2, 0.5),
        (12.7, -2.2, 0.3),
        (14.0, -5.8, 0.5),
        (15.2, -7.0, 1.1),
        (16.0, -5.2, 0.6),
        (14.2, 3.2, 0.7),
        (13.2, 8, 0.5),
        (13.6, 13.5),
    ]
    folds = [
        Fold(7, -2.6, 7, 3.0, 0.8, -0.8),
        Fold(10, -2.6, 9.6, 3.0, 0.8, -0.8),
        Fold(12.6, -1.8, 11.8, 3.0, 0.8, -0.8),
        Fold(3.6, 2.0, 7, 5, 1.2, 1.0),
    ]
    cuff: list[Point] = [(3.4, 8.6), (13.3, 8.6), (13.8, 14.2, 0.3), (8.6, 15.0, 0.8), (3.4, 14.2, 0.3)]
    cloth = look.fabric.plain().of(MATERIALS["cotton knit"]) if knitted else look.fabric
    for mirror in (False, True):
        shape, end = (flipped(right), flipped(cuff)) if mirror else (right, cuff)
        turned = [Fold(-f.x0, f.y0, -f.x1, f.y1, f.width, f.depth) for f in folds] if mirror else folds
        canvas.fill(shape, look.fabric, volume=1.5, folds=turned)
        canvas.fill(end, cloth, volume=1.2, shadow=0.2)
        if not knitted:
            sign = -1 if mirror else 1
            lines: list[list[Point]] = [[(sign * x, -0.5), (sign * (x * 0.93 + 0.6), 5.4)] for x in (7.0, 9.7, 12.2)]
            canvas.stitch(*lines, colour=look.thread(), opacity=0.8)
            canvas.line([(sign * 6.5, 11.2), (sign * 10.5, 11.2)], colour=_GOLD, width=0.9, opacity=1)
