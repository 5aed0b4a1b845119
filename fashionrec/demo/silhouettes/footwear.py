"""Shoes: a pair seen from the side, the nearer one in front; the toe points left, y = 0 on the ground.

Lengths are centimetres of a 28 cm shoe; heights go up, so y is negative above the ground.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, arc, band, ellipse, outline
from fashionrec.demo.lighting import Fold
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import RGB, darker, luminance, mix
from fashionrec.demo.silhouettes.body import Look

_GOLD: RGB = (0.82, 0.67, 0.36)
_RUBBER: RGB = (0.95, 0.94, 0.91)
_INNER: RGB = (0.80, 0.66, 0.50)

# Draws one shoe with its toe at x = dx and its sole at y = dy.
Shoe = Callable[[Canvas, Look, float, float], None]


def _moved(points: list[Point], dx: float, dy: float) -> list[Point]:
    return [(point[0] + dx, point[1] + dy, *point[2:]) for point in points]


def _pair(canvas: Canvas, look: Look, shoe: Shoe, *, height: float, length: float = 28.0) -> None:
    """The farther shoe up and to the right, the nearer one over it."""
    canvas.frame(-1.0, -height - 4.2, length + 6.5, 1.2, margin=8)
    shoe(canvas, look, 5.2, -3.6)
    canvas.dim(
        _moved(
            [
                (0, 0),
                (length, 0),
                (length * 0.95, -height * 0.55, 0.8),
                (length * 0.5, -height * 0.5, 0.8),
                (0, -3, 0.8),
            ],
            1.2,
            -0.6,
        ),
        0.22,
        blur=3.0,
    )
    shoe(canvas, look, 0.0, 0.0)


def sneakers(canvas: Canvas, look: Look) -> None:
    shape = look.attributes["shape"]
    high = shape == "high-top"
    top = -16.5 if high else -10.6

    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return _moved(list(points), dx, dy)

        sole = look.fabric.plain(_RUBBER if luminance(look.colour) < 0.8 else (0.9, 0.88,
            0.83)).of(MATERIALS["rubber"])
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
        lace = _RUBBER if luminance(look.colour) < 0.75 else (0.86, 0.85, 0.83)
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
            colour=look.trim if shape == "low-top" else darker(_RUBBER, 0.3),
            width=0.7,
            opacity=0.75,
        )

    _pair(canvas, look, shoe, height=-top + 0.6)


def boots(canvas: Canvas, look: Look) -> None:
    shape = look.attributes["shape"]
    top = {"knee-high": -34.0, "ankle": -17.0, "chelsea": -19.0, "lace-up": -20.5}[shape]
    heel = 4.6 if shape in ("knee-high", "ankle") and look.feminine and not look.small else 2.4

    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return _moved(list(points), dx, dy)

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
                gore, look.fabric.plain(darker(look.colour, 0.3)).of(MATERIALS["cotton knit"]), volume=0.3,
                shadow=0.12
            )
            board.fill(
                at((26.3, top - 1.2), (27.6, top - 1.0), (27.2, top + 2.4), (26.2, top + 2.4)), look.fabric,
                volume=0.4
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
                board.flat(ellipse(dx + x + 3.5, dy + y + 0.9, 0.35, 0.35), _GOLD)
        elif shape == "ankle":
            board.line(at((22.6, top + 1.5), (22.6, -6)), colour=_GOLD, width=0.7, opacity=0.9)
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

    _pair(canvas, look, shoe, height=-top + 0.6)


def loafers(canvas: Canvas, look: Look) -> None:
    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return _moved(list(points), dx, dy)

        board.fill(
            at((12.4, -6.0), (18, -6.6, 0.6), (26.4, -8.0), (26, -4.6), (16, -3.8)),
            look.fabric.plain(_INNER),
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
        board.seam(at((1.8, -3.6), (4.6, -4.8, 0.8), (10.2, -5.6, 0.5), (13.8, -6.2)), colour=look.ink(),
                   opacity=0.85)
        strap = at((9.0, -7.3), (13.4, -8.2), (14.9, -6.0), (16.4, -2.2), (12.2, -2.0), (11.2, -5.2, 0.4))
        board.fill(strap, look.fabric, volume=0.7, shade=0.06, shadow=0.25)
        detail = look.attributes.get("detail", "")
        if detail == "horsebit":
            board.line(at((9.6, -6.9), (12.2, -6.2), (14.4, -6.0)), colour=_GOLD, width=1.3, opacity=1)
            board.flat(ellipse(dx + 14.4, dy - 5.6, 0.8, 0.8), _GOLD)
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

    _pair(canvas, look, shoe, height=9.0)


def flats(canvas: Canvas, look: Look) -> None:
    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return _moved(list(points), dx, dy)

        board.fill(
            at((6.4, -3.2), (14, -4.4, 0.6), (25.4, -6.2), (25.6, -2.6), (12, -1.6)),
            look.fabric.plain(_INNER),
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

    _pair(canvas, look, shoe, height=8.0)


def heels(canvas: Canvas, look: Look) -> None:
    shape = look.attributes["shape"]

    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return _moved(list(points), dx, dy)

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
            look.fabric.plain(_INNER),
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
            board.flat(ellipse(dx + 16.6, dy - lift - 4.4, 0.7, 0.8), _GOLD)

    _pair(canvas, look, shoe, height=15.0 if shape != "ankle strap" else 18.0, length=26)


def _at_arc(x: float, y: float) -> np.ndarray:
    return arc(x, y - 0.8, 4.4, 1.9, -20, 200, count=24)


def sandals(canvas: Canvas, look: Look) -> None:
    shape = look.attributes["shape"]

    def shoe(board: Canvas, look: Look, dx: float, dy: float) -> None:
        def at(*points: Point) -> list[Point]:
            return _moved(list(points), dx, dy)

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
            look.fabric.plain(_INNER),
            volume=0.3,
            edge=0.1,
        )

        def strap(points: list[Point], width: float) -> None:
            board.fill(band(outline(_moved(points, dx, dy), closed=False), width), look.fabric, volume=1.2,
                       shadow=0.2)

        if shape == "slide":
            wide = at(
                (4.6, -2.4), (5.8, -5.6, 0.8), (9.4, -7.6, 0.7), (13.6, -7.4, 0.7), (15.6, -4.4, 0.7), (16.2, -2.2)
            )
            board.fill(
                wide, look.fabric, volume=1.6, shadow=0.2, folds=[Fold(dx + 9, dy - 7, dx + 8, dy - 3, 1.6, 0.8)]
            )
            board.stitch(at((5.3, -2.8), (6.5, -5.4, 0.8), (9.6, -7.0, 0.7)), colour=look.thread())
            board.flat(ellipse(dx + 13.4, dy - 5.4, 1.0, 1.0), _GOLD)
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
        board.flat(ellipse(dx + 22.2, dy - 7.5, 0.8, 0.9), _GOLD)
        board.flat(ellipse(dx + 22.2, dy - 7.5, 0.4, 0.45), darker(look.colour, 0.2))

    _pair(canvas, look, shoe, height={"slide": 9.0, "strappy": 11.5, "gladiator": 17.5}[shape])
