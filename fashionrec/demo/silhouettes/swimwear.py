"""Swimsuits and bikinis."""

from __future__ import annotations

from dataclasses import replace

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, flipped, mirrored
from fashionrec.demo.lighting import Fold
from fashionrec.demo.palette import darker, luminance
from fashionrec.demo.silhouettes.body import Look
from fashionrec.demo.silhouettes.parts import both


def swimsuit(canvas: Canvas, look: Look) -> None:
    small = 0.8 if look.small else 1.0
    canvas.frame(-25 * small, -3, 25 * small, 70 * small, margin=9)
    s = small
    deep = {"scoop neck": 18.0, "v-neck": 25.0, "sweetheart": 17.0}.get(look.attributes.get("neckline", ""), 18.0)
    shape = look.attributes.get("neckline", "")
    neck: list[Point] = [(0, deep * s)] if shape == "v-neck" else [(0, deep * s, 1.0), (7.5 * s, deep * 0.74 * s, 0.9)]
    if shape == "sweetheart":
        neck = [(0, (deep + 2) * s), (5 * s, (deep - 3.5) * s, 1.0), (9.6 * s, (deep - 5) * s, 0.5)]
    canvas.fill(
        [
            (-11 * s, 0),
            (-9 * s, 0),
            (0, 24 * s, 0.9),
            (9 * s, 0),
            (11 * s, 0),
            (15 * s, 24 * s),
            (0, 30 * s),
            (-15 * s, 24 * s),
        ],
        look.fabric.plain(darker(look.colour, 0.35)),
        volume=0.4,
    )
    outline = mirrored(
        [
            *neck,
            (9.3 * s, 0),
            (12.2 * s, 0),
            (13 * s, 10 * s, 0.8),
            (17.8 * s, 20 * s),
            (15 * s, 38 * s, 0.9),
            (19.6 * s, 54 * s, 0.8),
            (18.8 * s, 56 * s),
            (10 * s, 60 * s, 0.8),
            (4.2 * s, 69 * s),
            (0, 69.6 * s, 0.8),
        ]
    )
    waist_pulls = both(
        [
            Fold(15 * s, 38 * s, 3 * s, 42 * s, 1.6, 0.9),
            Fold(15 * s, 33 * s, 5 * s, 31 * s, 1.4, 0.7),
            Fold(12 * s, 24 * s, 3 * s, 30 * s, 2.0, 0.8),
        ]
    )
    canvas.fill(outline, look.fabric, folds=waist_pulls, volume=1.3)
    leg: list[Point] = [(18.2 * s, 55 * s), (9.4 * s, 59 * s, 0.8), (3.6 * s, 68.6 * s)]
    arm: list[Point] = [(12.0 * s, 1), (12.4 * s, 10 * s, 0.8), (17.0 * s, 20 * s)]
    canvas.seam(leg, flipped(leg), arm, flipped(arm), colour=look.ink(), opacity=0.5)
    trimmed = [(x + 0.0, y + 1.0 * s, *rest) for x, y, *rest in neck] + [(10.2 * s, 0.6)]
    canvas.seam(trimmed, flipped(trimmed), colour=look.ink(), opacity=0.5)


def bikini(canvas: Canvas, look: Look) -> None:
    canvas.frame(-22, -4, 22, 47, margin=9)
    cord = look.colour if luminance(look.colour) < 0.85 else darker(look.colour, 0.12)
    neck: list[Point] = [(7.6, 9.5), (5.2, 0, 0.5), (2.4, -3)]
    band: list[Point] = [(0, 20.6), (13, 20, 0.5), (20, 17)]
    canvas.line(neck, flipped(neck), band, flipped(band), colour=darker(cord, 0.35), width=1.15, opacity=0.9, over=True)
    canvas.line(neck, flipped(neck), band, flipped(band), colour=cord, width=0.8, opacity=1, over=True)
    cup: list[Point] = [(7.6, 8.6), (13.6, 15.5, 0.9), (14.2, 20.6), (7, 21.6, 0.7), (0.7, 20.8), (3.2, 14, 0.8)]
    folds = [Fold(7.5, 20.5, 7.6, 12, 1.6, 1.1), Fold(11, 20.5, 9, 14, 1.2, 0.6), Fold(4, 20.5, 6, 14, 1.2, 0.6)]
    canvas.fill(cup, look.fabric, folds=folds, volume=1.5)
    canvas.fill(flipped(cup), look.fabric, folds=[replace(f, x0=-f.x0, x1=-f.x1) for f in folds], volume=1.5)
    canvas.fill(
        mirrored([(0, 29.2, 0.8), (17.6, 28.4), (17.8, 31.6), (8.6, 35.5, 0.9), (3.4, 45.4), (0, 46, 0.8)]),
        look.fabric,
        folds=both([Fold(16, 30, 4, 34, 1.6, 0.8)]),
        volume=1.3,
    )
    for side in (-1, 1):
        bow = [(side * 17.4, 30.0, 0.5), (side * 21, 33, 0.9), (side * 19.4, 38)]
        loop = [(side * 17.4, 30.0, 0.5), (side * 21, 27.5, 0.9), (side * 20.4, 30.8, 0.9), (side * 17.6, 30.2)]
        canvas.line(bow, loop, colour=darker(cord, 0.2), width=0.8, opacity=1, over=True)
    edge: list[Point] = [(16.8, 32.0), (8.2, 36.2, 0.9), (3.0, 45)]
    canvas.seam(edge, flipped(edge), colour=look.ink(), opacity=0.4)
