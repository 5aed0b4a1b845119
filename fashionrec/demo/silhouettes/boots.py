"""Boots."""

from __future__ import annotations

import numpy as np

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, ellipse
from fashionrec.demo.lighting import Fold
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import darker, luminance
from fashionrec.demo.silhouettes.body import Look
from fashionrec.demo.silhouettes.footwear import GOLD, moved, pair


def boots(canvas: Canvas, look: Look) -> None:
    shape = look.attributes["shape"]
    top = {"knee-high": -34.0, "ankle": -17.0, "chelsea": -19.0, "lace-up": -20.5}[shape]
    heel = 4.6 if shape in ("knee-high", "ankle") and look.feminine and not look.small else 2.4

    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return moved(list(points), dx, dy)

        wide = 27.0 if shape != "knee-high" else 27.6
        front = 14.6 if shape != "knee-high" else 13.6
        board.fill(
            at((front + 0.4, top + 0.5), (20, top - 0.9, 0.8), (wide - 0.4, top + 0.5), (20, top + 1.8, 0.8)),
            look.fabric.plain(darker(look.colour, 0.5)),
            volume=0.3,
        )
        upper = at(
            (0.3, -1.6),
            (0.4, -4.6, 0.9),
            (2.8, -6.6, 1.0),
            (8.0, -7.4, 0.8),
            (12.6, -9.8, 0.8),
            (14.4, -13.4, 0.8),
            (front, top + 0.5),
            (20, top + 1.4, 0.8),
            (wide, top + 0.5),
            (26.4, -12, 0.7),
            (25.6, -8.4, 0.8),
            (27.0, -4.5, 0.8),
            (26.4, -1.2),
        )
        creases = [
            Fold(dx + 13.2, dy - 11.4, dx + 20, dy - 8.6, 1.1, 1.4),
            Fold(dx + 25.8, dy - 9.6, dx + 19, dy - 10.6, 1.0, 1.1),
            Fold(dx + 9, dy - 7.6, dx + 10, dy - 3.6, 0.9, 0.9),
            Fold(dx + 16, dy + top + 3, dx + 17, dy - 12, 1.8, 0.9),
        ]
        if shape == "knee-high":
            creases += [
                Fold(dx + 25, dy - 16, dx + 17, dy - 14, 1.2, 1.3),
                Fold(dx + 15, dy - 18, dx + 22, dy - 16.6, 1.2, 1.0),
            ]
        board.fill(upper, look.fabric, folds=creases, volume=1.4)
        board.seam(
            at((8.6, -2), (10.6, -6, 0.5), (11.6, -8.6)),
            at((21.6, -2), (22.6, -7.5, 0.6), (26.0, -9.0)),
            colour=look.ink(),
            opacity=0.55,
        )
        if shape == "chelsea":
            gore = at((18.0, top + 1.6), (23.4, top + 1.5), (22.4, -9.4, 0.5), (19.4, -9.4, 0.5))
            board.fill(
                gore, look.fabric.plain(darker(look.colour, 0.3)).of(MATERIALS["cotton knit"]), volume=0.3, shadow=0.12
            )
            board.fill(
                at((26.3, top - 1.2), (27.6, top - 1.0), (27.2, top + 2.4), (26.2, top + 2.4)), look.fabric, volume=0.4
            )
        elif shape == "lace-up":
            board.fill(
                at(
                    (11.6, -8.8),
                    (14.2, -12.2, 0.6),
                    (14.4, top + 0.6),
                    (17.8, top + 1.2),
                    (17.6, -12, 0.6),
                    (14.2, -6.6),
                ),
                look.fabric,
                shade=0.05,
                volume=0.6,
                shadow=0.15,
            )
            lace = darker(look.trim, 0.05) if luminance(look.colour) < 0.3 else (0.25, 0.2, 0.17)
            for step in range(6):
                y = np.interp(step, [0, 5], [-9.2, top + 1.8])
                x = np.interp(y, [-20, -12, -9], [14.2, 14.2, 12.2])
                board.line(at((x - 0.3, y), (x + 3.4, y + 0.9)), colour=lace, width=0.9, opacity=0.95)
                board.flat(ellipse(dx + x + 3.5, dy + y + 0.9, 0.35, 0.35), GOLD)
        elif shape == "ankle":
            board.line(at((22.6, top + 1.5), (22.6, -6)), colour=GOLD, width=0.7, opacity=0.9)
        else:
            board.line(at((18.4, top + 1.6), (19.2, -10)), colour=look.ink(), width=0.5, opacity=0.7)
            board.fill(
                at((13.7, top + 3.6), (27.5, top + 3.6), (27.4, top + 5.6), (13.8, top + 5.6)),
                look.fabric,
                shade=0.1,
                volume=0.5,
                shadow=0.1,
            )
        sole = look.fabric.plain(
            (0.16, 0.14, 0.13) if luminance(look.colour) > 0.1 or look.has("style", "outdoor") else (0.24, 0.2, 0.18)
        ).of(MATERIALS["rubber"])
        board.fill(
            at(
                (0.2, -1.9, 0.5),
                (10, -1.5, 0.4),
                (18, -heel * 0.75, 0.5),
                (27.2, -heel * 0.9),
                (26.8 if heel > 4 else 27.4, 0),
                (20.6, 0),
                (19.8, -heel * 0.5, 0.4),
                (16, -0.8 - heel * 0.08, 0.5),
                (10, 0.1, 0.4),
                (2, 0.1, 0.5),
            ),
            sole,
            volume=0.8,
            edge=0.4,
        )

    pair(canvas, look, shoe, height=-top + 0.6)
