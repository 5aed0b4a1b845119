"""Sneakers: low, high and for running."""

from __future__ import annotations

import numpy as np

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, ellipse
from fashionrec.demo.lighting import Fold
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import darker, luminance, mix
from fashionrec.demo.silhouettes.body import Look
from fashionrec.demo.silhouettes.footwear import RUBBER, moved, pair


def sneakers(canvas: Canvas, look: Look) -> None:
    shape = look.attributes["shape"]
    high = shape == "high-top"
    top = -16.5 if high else -10.6

    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return moved(list(points), dx, dy)

        sole = look.fabric.plain(RUBBER if luminance(look.colour) < 0.8 else (0.9, 0.88, 0.83)).of(MATERIALS["rubber"])
        lining = look.fabric.plain(darker(look.colour, 0.45))
        board.fill(
            at((16.5, top + 1.4), (20, top - 0.2, 0.6), (25.8, top - 0.4), (25.6, top + 3.5), (18, top + 4.5)),
            lining,
            volume=0.5,
        )
        upper = at(
            (0.3, -2.0),
            (0.4, -4.4, 0.9),
            (2.6, -6.2, 1.0),
            (6.6, -6.9, 0.8),
            (10.2, -8.6, 0.7),
            (13.4, top + 0.6 if not high else -12.0, 0.6),
            (15.0, top - 0.8),
            (17.2, top - 0.2, 0.6),
            (21.6, top + 2.2 if not high else top + 1.2, 0.9),
            (25.6, top - 1.2, 0.6),
            (27.2, top + 0.8, 0.9),
            (27.0, -6.0, 0.8),
            (27.6, -2.0),
        )
        creases = [Fold(dx + 6 + i * 1.6, dy - 6.6, dx + 5 + i * 1.7, dy - 3, 0.7, 0.9) for i in range(3)]
        board.fill(upper, look.fabric, folds=creases, volume=1.3)
        accent = look.fabric.plain(
            look.trim
            if look.has("style", "streetwear", "sporty")
            else mix(look.colour, (1, 1, 1), 0.2)
            if luminance(look.colour) < 0.2
            else darker(look.colour, 0.14)
        )
        board.fill(
            at((0.5, -1.9), (0.6, -4.2, 0.9), (2.8, -5.8, 1.0), (5.8, -6.2, 0.6), (7.2, -2.0)),
            accent if shape == "runner" else look.fabric,
            volume=0.8,
            shade=0.05,
            shadow=0.15,
        )
        board.fill(
            at((22.6, -2), (23.0, -7.2, 0.7), (25.2, -8.6, 0.5), (27.1, -8.0), (27.0, -5, 0.8), (27.6, -2)),
            accent,
            volume=0.8,
            shadow=0.15,
        )
        if shape == "runner":
            for step in range(3):
                board.fill(
                    at(
                        (12.2 + step * 2.7, -2.2),
                        (14.6 + step * 2.5, -7.4),
                        (15.9 + step * 2.5, -7.4),
                        (13.8 + step * 2.7, -2.2),
                    ),
                    accent,
                    volume=0.4,
                    edge=0.1,
                )
        elif high:
            board.fill(ellipse(dx + 21.4, dy - 12.2, 2.3, 2.3), accent, volume=0.5)
        else:
            board.stitch(at((8.5, -2.4), (11.4, -6.2, 0.6), (17.0, -6.6, 0.6), (19.8, -2.4)), colour=look.thread())
        facing = at(
            (8.2, -6.9),
            (13.4, top + 2.2 if not high else -11.8, 0.4),
            (16.2, top + 0.1),
            (18.2, top + 2.0),
            (15.6, -8.0 if not high else -11, 0.6),
            (11.0, -5.0),
        )
        board.fill(facing, look.fabric.plain(), volume=0.6, shade=-0.03, shadow=0.16)
        lace = RUBBER if luminance(look.colour) < 0.75 else (0.86, 0.85, 0.83)
        rungs = 7 if high else 5
        for step in range(rungs):
            t = (step + 0.5) / rungs
            x, y = (
                np.interp(t, [0, 1], [9.0, 15.6]),
                np.interp(t, [0, 0.5, 1], [-6.9, -9.0 if not high else -10.8, top + 1.0]),
            )
            board.line(at((x - 0.7, y - 0.6), (x + 2.2, y + 1.3)), colour=darker(lace, 0.45), width=1.5, opacity=0.5)
            board.line(at((x - 0.7, y - 0.7), (x + 2.2, y + 1.1)), colour=lace, width=1.0, opacity=1.0)
        thick = 1.0 if shape == "runner" else 0.0
        board.fill(
            at(
                (0.1, -0.5 - thick * 0.3, 0.6),
                (-0.1, -2.2, 0.8),
                (1.4, -2.9, 0.5),
                (9, -2.5, 0.5),
                (20, -2.7 - thick, 0.5),
                (27.4, -3.2 - thick, 0.5),
                (28.4, -2.2 - thick, 0.9),
                (28.2, -0.3, 0.7),
                (26, 0.1),
                (4, 0.1, 0.4),
            ),
            sole,
            volume=1.0,
            shadow=0.12,
        )
        board.line(
            at((0.3, -1.1), (9, -0.9, 0.4), (28.0, -1.2)),
            colour=look.trim if shape == "low-top" else darker(RUBBER, 0.3),
            width=0.7,
            opacity=0.75,
        )

    pair(canvas, look, shoe, height=-top + 0.6)
