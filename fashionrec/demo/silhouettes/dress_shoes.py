"""Loafers, ballet flats and heels."""

from __future__ import annotations

import numpy as np

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, arc, band, ellipse
from fashionrec.demo.lighting import Fold
from fashionrec.demo.palette import darker
from fashionrec.demo.silhouettes.body import Look
from fashionrec.demo.silhouettes.footwear import GOLD, INNER, moved, pair


def loafers(canvas: Canvas, look: Look) -> None:
    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return moved(list(points), dx, dy)

        board.fill(
            at((12.4, -6.0), (18, -6.6, 0.6), (26.4, -8.0), (26, -4.6), (16, -3.8)),
            look.fabric.plain(INNER),
            volume=0.5,
        )
        upper = at(
            (0.2, -1.6),
            (0.3, -3.6, 0.9),
            (2.8, -5.4, 1.0),
            (8.4, -6.8, 0.7),
            (13.2, -8.2),
            (15.4, -5.8, 0.8),
            (20.4, -5.2, 0.9),
            (25.4, -7.6, 0.5),
            (26.9, -7.2, 0.8),
            (26.6, -4, 0.7),
            (27.2, -1.6),
        )
        board.fill(
            upper,
            look.fabric,
            folds=[
                Fold(dx + 9, dy - 7, dx + 9.6, dy - 3, 1.0, 0.9),
                Fold(dx + 3, dy - 4.6, dx + 9, dy - 6.2, 1.0, 0.9),
            ],
            volume=1.5,
        )
        board.seam(at((1.8, -3.6), (4.6, -4.8, 0.8), (10.2, -5.6, 0.5), (13.8, -6.2)), colour=look.ink(), opacity=0.85)
        strap = at((9.0, -7.3), (13.4, -8.2), (14.9, -6.0), (16.4, -2.2), (12.2, -2.0), (11.2, -5.2, 0.4))
        board.fill(strap, look.fabric, volume=0.7, shade=0.06, shadow=0.25)
        detail = look.attributes.get("detail", "")
        if detail == "horsebit":
            board.line(at((9.6, -6.9), (12.2, -6.2), (14.4, -6.0)), colour=GOLD, width=1.3, opacity=1)
            board.flat(ellipse(dx + 14.4, dy - 5.6, 0.8, 0.8), GOLD)
        elif detail == "tassel":
            for shift in (0.0, 1.6):
                board.fill(
                    at((10.6 + shift, -7.0), (11.6 + shift, -7.0), (12.0 + shift, -3.6), (9.9 + shift, -3.6)),
                    look.fabric,
                    shadow=0.25,
                    volume=0.7,
                )
        else:
            board.flat(at((11.6, -5.6), (12.8, -5.9), (13.2, -4.3), (12.2, -4.1)), darker(look.colour, 0.6))
        board.fill(
            at(
                (0.1, -1.9, 0.6),
                (9, -1.3, 0.4),
                (18, -1.9, 0.4),
                (27.3, -2.4),
                (27.2, 0),
                (19.8, 0),
                (19.4, -0.9),
                (10, 0.1, 0.4),
                (1.6, 0, 0.6),
            ),
            look.fabric.plain((0.2, 0.14, 0.1)),
            volume=0.8,
        )

    pair(canvas, look, shoe, height=9.0)


def flats(canvas: Canvas, look: Look) -> None:
    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return moved(list(points), dx, dy)

        board.fill(
            at((6.4, -3.2), (14, -4.4, 0.6), (25.4, -6.2), (25.6, -2.6), (12, -1.6)),
            look.fabric.plain(INNER),
            volume=0.5,
        )
        board.fill(
            at(
                (0.2, -0.9),
                (0.4, -2.8, 0.9),
                (2.8, -4.3, 1.0),
                (6.8, -4.8),
                (8.8, -2.9, 0.9),
                (15, -2.3, 0.9),
                (21, -3.4, 0.8),
                (25.2, -6.2, 0.6),
                (26.6, -5.6, 0.9),
                (26.4, -2.6, 0.7),
                (26.8, -0.9),
            ),
            look.fabric,
            volume=1.5,
            folds=[Fold(dx + 3, dy - 3.4, dx + 8, dy - 2, 1.0, 0.9)],
        )
        board.seam(
            at((6.9, -4.0), (9.0, -2.4, 0.9), (15, -1.9, 0.9), (21, -3.0, 0.8), (25.0, -5.7)),
            colour=look.ink(),
            opacity=0.6,
        )
        if look.has("detail", "bow"):
            for side in (-1, 1):
                board.fill(
                    at(
                        (6.0, -4.0),
                        (6.0 + side * 2.4, -5.6, 0.9),
                        (6.0 + side * 3.0, -4.2, 0.9),
                        (6.0 + side * 2.2, -3.0, 0.9),
                    ),
                    look.fabric,
                    shadow=0.3,
                    volume=0.9,
                )
            board.fill(ellipse(dx + 6.0, dy - 4.0, 0.7, 0.7), look.fabric, shadow=0.2)
        board.fill(
            at(
                (0.1, -1.0, 0.6),
                (14, -0.8, 0.4),
                (26.9, -1.2),
                (26.8, 0),
                (20.5, 0),
                (20, -0.4),
                (10, 0.1, 0.4),
                (1.2, 0, 0.6),
            ),
            look.fabric.plain((0.24, 0.17, 0.13)),
            volume=0.5,
        )

    pair(canvas, look, shoe, height=8.0)


def heels(canvas: Canvas, look: Look) -> None:
    shape = look.attributes["shape"]

    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return moved(list(points), dx, dy)

        lift = 8.0 if shape == "block heel" else 10.2
        if shape == "block heel":
            post = at((19.4, -lift + 0.2), (24.8, -lift - 1.6), (24.2, 0), (19.8, 0))
        else:
            post = at(
                (18.8, -lift + 0.2),
                (24.6, -lift - 1.8),
                (23.4, -lift * 0.6, 0.7),
                (23.2, 0),
                (22.2, 0),
                (21.8, -lift * 0.5, 0.7),
            )
        board.fill(post, look.fabric, shade=0.08, volume=1.4)
        board.fill(
            at(
                (6.4, -3.4),
                (13, -6.6, 0.6),
                (24.4, -lift - 4.8),
                (24.4, -lift - 2.2),
                (18, -lift + 0.2, 0.8),
                (12.2, -4.2),
            ),
            look.fabric.plain(INNER),
            volume=0.5,
        )
        upper = at(
            (0.0, -0.6),
            (0.6, -2.0, 0.8),
            (3.8, -3.7, 0.8),
            (7.4, -4.6),
            (9.4, -3.5, 0.9),
            (14, -5.0, 0.8),
            (19.2, -lift - 0.6, 0.8),
            (23.8, -lift - 5.0, 0.6),
            (25.4, -lift - 4.6, 0.8),
            (25.0, -lift - 1.6),
            (18, -lift + 1.0, 0.8),
            (12.4, -3.2, 0.8),
            (7.4, -0.9, 0.6),
        )
        board.fill(upper, look.fabric, volume=1.5, folds=[Fold(dx + 3, dy - 3.0, dx + 9, dy - 2.4, 1.0, 0.9)])
        board.seam(
            at((7.6, -4.2), (9.6, -3.1, 0.9), (14, -4.6, 0.8), (19.4, -lift - 0.2, 0.8), (23.7, -lift - 4.6)),
            colour=look.ink(),
            opacity=0.5,
        )
        board.fill(
            at(
                (0.0, -0.8),
                (7.4, -0.9, 0.6),
                (12.4, -3.0, 0.8),
                (18, -lift + 1.2, 0.8),
                (18, -lift + 1.9, 0.8),
                (12.2, -2.2, 0.8),
                (7.2, 0.0, 0.6),
                (0.6, 0.0),
            ),
            look.fabric.plain((0.24, 0.16, 0.13)),
            volume=0.4,
            edge=0.15,
        )
        if shape == "ankle strap":
            ring = _at_arc(dx + 20.6, dy - lift - 5.6)
            board.fill(band(ring, 1.2), look.fabric, volume=0.9)
            board.fill(
                at((23.6, -lift - 4.4), (25.0, -lift - 4.6), (25.2, -lift - 7.0), (24.0, -lift - 7.0)),
                look.fabric,
                volume=0.6,
            )
            board.flat(ellipse(dx + 16.6, dy - lift - 4.4, 0.7, 0.8), GOLD)

    pair(canvas, look, shoe, height=15.0 if shape != "ankle strap" else 18.0, length=26)


def _at_arc(x: float, y: float) -> np.ndarray:
    return arc(x, y - 0.8, 4.4, 1.9, -20, 200, count=24)
