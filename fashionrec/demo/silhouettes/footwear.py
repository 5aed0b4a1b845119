"""Shoes: a pair seen from the side, the nearer one in front; the toe points left, y = 0 on the ground.

Lengths are centimetres of a 28 cm shoe; heights go up, so y is negative above the ground.
"""

from __future__ import annotations

from collections.abc import Callable

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point
from fashionrec.demo.palette import RGB
from fashionrec.demo.silhouettes.body import Look

GOLD: RGB = (0.82, 0.67, 0.36)

RUBBER: RGB = (0.95, 0.94, 0.91)

INNER: RGB = (0.80, 0.66, 0.50)

# Draws one shoe with its toe at x = dx and its sole at y = dy.
Shoe = Callable[[Canvas, Look, float, float], None]


def moved(points: list[Point], dx: float, dy: float) -> list[Point]:
    return [(point[0] + dx, point[1] + dy, *point[2:]) for point in points]


def pair(canvas: Canvas, look: Look, shoe: Shoe, *, height: float, length: float = 28.0) -> None:
    """The farther shoe up and to the right, the nearer one over it."""
    canvas.frame(-1.0, -height - 4.2, length + 6.5, 1.2, margin=8)
    shoe(canvas, look, 5.2, -3.6)
    canvas.dim(
        moved(
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
