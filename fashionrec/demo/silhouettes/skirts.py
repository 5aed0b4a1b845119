"""Skirts, and the flutes of skirts and dresses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, flipped, mirrored
from fashionrec.demo.lighting import Fold
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import darker
from fashionrec.demo.silhouettes.body import Look
from fashionrec.demo.silhouettes.parts import both, buttons


def skirt_outline(waist: float, hip: float, hem: float, length: float, *, scallops: int = 0) -> list[Point]:
    """Waist at y = 0, `hem` half-width at `length`."""
    bottom: list[Point] = [(hem * 0.5, length + 1.6, 0.9), (0, length + 2.2, 0.9)]
    if scallops:
        xs = np.linspace(hem, 0, scallops + 1)[1:]
        bottom = [
            (float(x), length + (1.9 if index % 2 else 0.4) + (1 - (x / hem) ** 2) * 1.4, 0.8)
            for index, x in enumerate(xs)
        ]
        bottom[-1] = (0, *bottom[-1][1:])
    return mirrored([(0, 0.8, 0.9), (waist, 0), (hip, min(18.0, length * 0.45), 0.9), (hem, length), *bottom])


def skirt_folds(
    rng: np.random.Generator, waist: float, hem: float, top: float, bottom: float, *, count: int, depth: float
) -> list[Fold]:
    """Flutes that open from the waist towards the hem."""
    made = []
    for share in np.linspace(-0.86, 0.86, count):
        share += rng.uniform(-0.05, 0.05)
        made.append(
            Fold(
                share * hem,
                bottom + 3,
                share * waist * 0.9,
                top + (bottom - top) * rng.uniform(0.0, 0.3),
                max(hem / count * 0.55, 1.2),
                depth * rng.uniform(0.7, 1.2),
            )
        )
    return made


def skirt(canvas: Canvas, look: Look) -> None:
    small = 0.74 if look.small else 1.0
    waist, hip = 16.5 * (0.88 if look.small else 1.0), 23.0 * small
    length = {"mini": 40.0, "midi": 66.0, "maxi": 92.0}[look.attributes["length"]] * small
    shape = look.attributes["shape"]
    hem = {"a-line": hip + length * 0.24, "pleated": hip + length * 0.26, "pencil": hip - 2.5}[shape]
    canvas.frame(-max(hem, hip) - 2, -3, max(hem, hip) + 2, length + 4, margin=8)
    canvas.fill(
        [(-waist, 0), (0, -1.8, 0.9), (waist, 0), (0, 3, 0.9)], look.fabric.plain(darker(look.colour, 0.35)), volume=0.3
    )
    outline = skirt_outline(
        waist, hip if shape != "pleated" else waist + 5, hem, length, scallops=8 if shape == "pleated" else 0
    )
    if shape == "pleated":
        folds = skirt_folds(look.rng, waist, hem, 2, length, count=13, depth=1.6)
    elif shape == "a-line":
        folds = skirt_folds(look.rng, waist, hem, 4, length, count=6, depth=1.5)
    else:
        folds = both([Fold(hip * 0.9, 20, hip * 0.3, 26, 1.4, 0.8), Fold(hip * 0.2, length, hip * 0.3, 30, 3.0, 0.7)])
    canvas.fill(outline, look.fabric, folds=folds)
    if shape == "pleated":
        lines: Sequence[list[Point]] = [
            [(float(s * waist * 1.05), 5.0), (float(s * hem), length + 1.0)] for s in np.linspace(-0.82, 0.82, 12)
        ]
        canvas.seam(*lines, colour=look.ink(), opacity=0.4)
    if shape == "pencil":
        canvas.seam([(0, length - 14), (0, length + 2)], colour=look.ink(), opacity=0.8)
        dart: list[Point] = [(waist * 0.5, 4), (waist * 0.6, 14)]
        canvas.seam(dart, flipped(dart), colour=look.ink(), opacity=0.4)
    low = waist + 0.9
    canvas.fill(
        [(-waist, 0), (0, 1.0, 0.9), (waist, 0), (low, 4), (0, 5.2, 0.9), (-low, 4)],
        look.fabric.plain(),
        volume=0.7,
        shadow=0.2,
    )
    if look.fabric.material is MATERIALS["denim"] or look.has("style", "casual"):
        step = (length - 12) / 5
        buttons(
            canvas,
            [(0, 3)] + ([(0, 9 + index * step) for index in range(5)] if shape == "a-line" else []),
            (0.75, 0.6, 0.42),
            radius=1.0,
        )
    if shape != "pleated":
        canvas.seam(
            [(-hem + 1, length - 1.6), (0, length + 0.6, 0.9), (hem - 1, length - 1.6)], colour=look.ink(), opacity=0.3
        )
