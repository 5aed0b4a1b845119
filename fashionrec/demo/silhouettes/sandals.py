"""Sandals."""

from __future__ import annotations

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, band, ellipse, outline
from fashionrec.demo.lighting import Fold
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import darker
from fashionrec.demo.silhouettes.body import Look
from fashionrec.demo.silhouettes.footwear import GOLD, INNER, moved, pair


def sandals(canvas: Canvas, look: Look) -> None:
    shape = look.attributes["shape"]

    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return moved(list(points), dx, dy)

        cork = look.fabric.plain((0.74, 0.57, 0.40)).of(MATERIALS["suede"])
        board.fill(
            at(
                (0.2, -1.0, 0.7),
                (3, -2.9, 0.8),
                (14, -2.5, 0.6),
                (26, -3.2, 0.6),
                (27.4, -2.2, 0.8),
                (27.0, 0, 0.4),
                (15, -0.4, 0.4),
                (2, 0, 0.5),
            ),
            cork,
            volume=1.0,
        )
        board.line(at((0.4, -0.7), (14, -0.7, 0.4), (27.2, -0.6)), colour=(0.22, 0.16, 0.12), width=1.1, opacity=0.9)
        board.fill(
            at(
                (1.2, -2.6, 0.6),
                (3.4, -3.3, 0.8),
                (14, -2.9, 0.6),
                (26, -3.8, 0.6),
                (26.6, -3.0),
                (14, -2.2, 0.6),
                (3, -2.3),
            ),
            look.fabric.plain(INNER),
            volume=0.3,
            edge=0.1,
        )

        def strap(points: list[Point], width: float) -> None:
            board.fill(band(outline(moved(points, dx, dy), closed=False), width), look.fabric, volume=1.2, shadow=0.2)

        if shape == "slide":
            wide = at(
                (4.6, -2.4), (5.8, -5.6, 0.8), (9.4, -7.6, 0.7), (13.6, -7.4, 0.7), (15.6, -4.4, 0.7), (16.2, -2.2)
            )
            board.fill(
                wide, look.fabric, volume=1.6, shadow=0.2, folds=[Fold(dx + 9, dy - 7, dx + 8, dy - 3, 1.6, 0.8)]
            )
            board.stitch(at((5.3, -2.8), (6.5, -5.4, 0.8), (9.6, -7.0, 0.7)), colour=look.thread())
            board.flat(ellipse(dx + 13.4, dy - 5.4, 1.0, 1.0), GOLD)
            board.flat(ellipse(dx + 13.4, dy - 5.4, 0.5, 0.5), look.colour)
            return
        strap([(4.2, -2.4), (5.4, -5.0, 0.9), (8.6, -5.4, 0.9), (10.4, -2.5)], 1.5)
        strap([(7.4, -2.4), (9.2, -6.4, 0.9), (12.4, -6.4, 0.9), (13.8, -2.5)], 1.3)
        board.fill(at((23.2, -3.0), (23.4, -8.2, 0.6), (26.4, -8.6, 0.6), (27.0, -3.2)), look.fabric, volume=1.2)
        strap([(16.8, -8.6), (20, -7.4, 0.9), (25.8, -8.2, 0.5)], 1.4)
        strap([(16.8, -8.6), (16.4, -9.8, 0.9), (19, -10.6, 0.9), (26, -8.6, 0.5)], 1.2)
        strap([(11.2, -6.2), (14.6, -7.6, 0.6), (17.2, -8.8)], 1.2)
        if shape == "gladiator":
            for level in (-12.4, -15.6):
                strap([(16.6, level + 0.6), (20.4, level + 1.9, 0.9), (25.6, level + 0.4)], 1.2)
                strap([(16.6, level + 0.6), (20.6, level - 1.2, 0.9), (25.6, level + 0.4)], 0.9)
            strap([(25.4, -8.6), (25.6, -15.4)], 1.2)
            strap([(17.0, -8.8), (16.6, -15.0)], 1.1)
        board.flat(ellipse(dx + 22.2, dy - 7.5, 0.8, 0.9), GOLD)
        board.flat(ellipse(dx + 22.2, dy - 7.5, 0.4, 0.45), darker(look.colour, 0.2))

    pair(canvas, look, shoe, height={"slide": 9.0, "strappy": 11.5, "gladiator": 17.5}[shape])
