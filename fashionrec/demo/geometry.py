"""Outlines for drawings: corners and smooth points become polygons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Polygon = npt.NDArray[np.float64]
# (x, y) is a corner; (x, y, roundness) is a point the outline passes smoothly (1.1 is close to a circle).
Point = tuple[float, ...]

_STEPS = 9
_T = np.linspace(0.0, 1.0, _STEPS, endpoint=False)[:, None]
# Cubic Hermite basis, one column each for start, start tangent, end, end tangent.
_HERMITE = np.hstack([2 * _T**3 - 3 * _T**2 + 1, _T**3 - 2 * _T**2 + _T, -2 * _T**3 + 3 * _T**2, _T**3 - _T**2])


def outline(points: Sequence[Point], *, closed: bool = True) -> Polygon:
    """Polygon (N, 2) through `points`; smooth points get a tangent along the line between their neighbours."""
    xy = np.array([point[:2] for point in points], dtype=np.float64)
    roundness = np.array([point[2] if len(point) > 2 else 0.0 for point in points])
    if not roundness.any():
        return xy
    direction = np.roll(xy, -1, axis=0) - np.roll(xy, 1, axis=0)
    if not closed:
        direction[0], direction[-1] = xy[1] - xy[0], xy[-1] - xy[-2]
    norm = np.hypot(direction[:, 0], direction[:, 1])
    direction *= (roundness / np.maximum(norm, 1e-9))[:, None]
    following = np.roll(xy, -1, axis=0)
    length = np.hypot(*(following - xy).T)[:, None]
    segments = np.stack([xy, direction * length, following, np.roll(direction, -1, axis=0) * length])
    curve = np.einsum("tk,knd->ntd", _HERMITE, segments)
    if not closed:
        return np.vstack([curve[:-1].reshape(-1, 2), xy[-1:]])
    return curve.reshape(-1, 2)


def mirrored(half: Sequence[Point]) -> list[Point]:
    """The whole symmetric outline from its right half, given from the top of the axis x = 0 to its bottom."""
    return [*half, *flipped([point for point in half if point[0] != 0.0])]


def flipped(points: Sequence[Point]) -> list[Point]:
    """The mirror image about x = 0, in reverse order so that the winding stays the same."""
    return [(-point[0], *point[1:]) for point in reversed(points)]


def shifted(polygon: Polygon, dx: float, dy: float) -> Polygon:
    """The polygon (N, 2) moved."""
    return polygon + np.array([dx, dy])


def ellipse(x: float, y: float, rx: float, ry: float, *, angle: float = 0.0, count: int = 40) -> Polygon:
    """Polygon (count, 2) of an ellipse; `angle` in radians."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    px, py = rx * np.cos(turn), ry * np.sin(turn)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.column_stack([x + px * cosine - py * sine, y + px * sine + py * cosine])


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float, *, count: int = 24) -> Polygon:
    """Open polyline (count, 2) along an ellipse; angles in degrees, 0 to the right and 90 downwards."""
    turn = np.radians(np.linspace(start, stop, count))
    return np.column_stack([x + rx * np.cos(turn), y + ry * np.sin(turn)])


def band(centre: Polygon, width: float | Sequence[float]) -> Polygon:
    """Closed polygon of a ribbon around an open polyline (N, 2); `width` may differ from start to end."""
    step = np.gradient(centre, axis=0)
    step /= np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)[:, None]
    normal = np.column_stack([-step[:, 1], step[:, 0]])
    widths = np.atleast_1d(np.asarray(width, dtype=np.float64))
    half = np.interp(np.linspace(0, 1, len(centre)), np.linspace(0, 1, len(widths)), widths)[:, None] / 2
    return np.vstack([centre + normal * half, (centre - normal * half)[::-1]])


def dashes(line: Polygon, *, dash: float, gap: float) -> list[Polygon]:
    """Cuts an open polyline (N, 2) into stitches of length `dash` with `gap` between them."""
    travelled = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    starts = np.arange(0.0, max(travelled[-1] - dash, 0.0) + 1e-9, dash + gap)
    at = np.column_stack([starts, starts + dash])
    x, y = np.interp(at, travelled, line[:, 0]), np.interp(at, travelled, line[:, 1])
    return [np.column_stack(pair) for pair in zip(x, y, strict=True)]
