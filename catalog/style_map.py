"""The map of the catalogue as values for its picture: dots, one colour a style, and pictures where styles lie."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlencode
from uuid import UUID

from catalog.models import Product, StyleCluster
from catalog.style_selectors import MapPoint, map_points, show_styles, standing_styles

SIDE = 1000
"""Width and height of the picture in its own units."""

ZOOMS = (1, 2, 4, 8)
MOST_DOTS = 5_000
"""A browser draws so many links smoothly; of more, a drawn sample is shown, and zooming in brings out the rest."""

DOT = 4.5
PICTURE = 26
"""Radius of a style's picture, in units at zoom 1."""

MOST_PICTURES = 28
GOLDEN_ANGLE = 137.508


@dataclass(frozen=True)
class Window:
    """The part of the map that is looked at: zoom, one of ZOOMS, and its centre, 0..1."""

    zoom: int = 1
    x: float = 0.5
    y: float = 0.5

    @classmethod
    def within(cls, zoom: int, x: float, y: float) -> "Window":
        """The nearest window that lies on the map."""
        zoom = min(ZOOMS, key=lambda known: abs(known - zoom))
        half = 0.5 / zoom
        return cls(zoom, min(max(x, half), 1 - half), min(max(y, half), 1 - half))

    @property
    def half(self) -> float:
        return 0.5 / self.zoom

    @property
    def view_box(self) -> str:
        side = SIDE / self.zoom
        return f"{(self.x - self.half) * SIDE:.1f} {(self.y - self.half) * SIDE:.1f} {side:.1f} {side:.1f}"

    def holds(self, x: float, y: float) -> bool:
        return abs(x - self.x) <= self.half and abs(y - self.y) <= self.half

    def address(self, style: UUID | None) -> str:
        """Query string of this window."""
        values = {"zoom": self.zoom, "x": f"{self.x:.3f}", "y": f"{self.y:.3f}"} if self.zoom > 1 else {}
        return "?" + urlencode({**values, **({"style": str(style)} if style else {})})

    def moves(self, style: UUID | None) -> list[tuple[str, str, str]]:
        """(sign, words, query string) of the ways to look elsewhere that lead to another window."""
        place = ZOOMS.index(self.zoom)
        closer, farther = ZOOMS[min(place + 1, len(ZOOMS) - 1)], ZOOMS[max(place - 1, 0)]
        step = self.half
        ways = [
            ("+", "Zoom in", Window.within(closer, self.x, self.y)),
            ("−", "Zoom out", Window.within(farther, self.x, self.y)),
            ("←", "Left", Window.within(self.zoom, self.x - step, self.y)),
            ("↑", "Up", Window.within(self.zoom, self.x, self.y - step)),
            ("↓", "Down", Window.within(self.zoom, self.x, self.y + step)),
            ("→", "Right", Window.within(self.zoom, self.x + step, self.y)),
        ]
        return [(sign, words, window.address(style)) for sign, words, window in ways if window != self]


@dataclass(frozen=True)
class Dot:
    product: int
    title: str
    x: float
    y: float


@dataclass(frozen=True)
class DotGroup:
    """The dots of one style, or of none."""

    style: StyleCluster | None
    colour: str
    size: int
    dots: list[Dot] = field(default_factory=list)
    faded: bool = False

    @property
    def name(self) -> str:
        return self.style.name if self.style else "Like no others"


@dataclass(frozen=True)
class PlacedPicture:
    style: StyleCluster
    product: Product
    colour: str
    x: float
    y: float


@dataclass(frozen=True)
class StyleMap:
    window: Window
    groups: list[DotGroup]
    pictures: list[PlacedPicture]
    total: int
    """Products with a place in the window."""
    shown: int
    dot: float
    picture: float

    @property
    def picture_side(self) -> float:
        return round(2 * self.picture, 2)

    @property
    def is_sampled(self) -> bool:
        return self.shown < self.total


def style_map(*, window: Window, only: StyleCluster | None = None) -> StyleMap:
    """What to draw; `only`: one style in its colour, all others faded. Four queries, however many products."""
    styles = list(standing_styles())
    points = [point for point in map_points() if window.holds(point.x, point.y)]
    kept = _sampled(points, only)
    colours = {style.pk: colour(place) for place, style in enumerate(styles)}
    members: dict[UUID | None, list[MapPoint]] = {}
    for point in kept:
        members.setdefault(point.style, []).append(point)
    groups = [
        DotGroup(
            style,
            colours[style.pk],
            style.size,  # type: ignore[attr-defined]
            [Dot(p.product, p.title, round(p.x * SIDE, 1), round(p.y * SIDE, 1)) for p in members.get(style.pk, [])],
            faded=only is not None and style.pk != only.pk,
        )
        for style in styles
    ]
    alone = [Dot(p.product, p.title, round(p.x * SIDE, 1), round(p.y * SIDE, 1)) for p in members.get(None, [])]
    # Noise lies below all colours.
    groups.insert(0, DotGroup(None, NEUTRAL, len(alone), alone, faded=only is not None))
    scale = window.zoom**0.75
    shown = [style for style in styles if only is None or style.pk == only.pk]
    pictures = _pictures(shown, members, colours, radius=PICTURE / scale)
    return StyleMap(window, groups, pictures, len(points), len(kept), round(DOT / scale, 2), round(PICTURE / scale, 2))


NEUTRAL = "#9a948b"


def colour(place: int) -> str:
    """As unlike its neighbours in the list as hues allow; three lightnesses part those that come near each other."""
    return f"hsl({place * GOLDEN_ANGLE % 360:.0f} {(62, 48, 70)[place % 3]}% {(44, 56, 34)[place % 3]}%)"


def _sampled(points: list[MapPoint], only: StyleCluster | None) -> list[MapPoint]:
    """At most MOST_DOTS, those of `only` first; the same ones each time."""
    if len(points) <= MOST_DOTS:
        return points
    wanted = [point for point in points if only is not None and point.style == only.pk][:MOST_DOTS]
    others = [point for point in points if only is None or point.style != only.pk]
    drawn = Random(0).sample(others, min(MOST_DOTS - len(wanted), len(others)))
    return sorted([*wanted, *drawn], key=lambda point: point.product)


def _pictures(
    styles: Sequence[StyleCluster],
    members: dict[UUID | None, list[MapPoint]],
    colours: dict[UUID, str],
    *,
    radius: float,
) -> list[PlacedPicture]:
    """The most typical picture of each style at the median of its dots, where no larger style's picture lies."""
    placed: list[PlacedPicture] = []
    for shown in show_styles([style for style in styles if members.get(style.pk)], pictures=4):
        product = next((product for product in shown.products if product.images.all()), None)
        if product is None or len(placed) >= MOST_PICTURES:
            continue
        dots = members[shown.style.pk]
        x = SIDE * sorted(dot.x for dot in dots)[len(dots) // 2]
        y = SIDE * sorted(dot.y for dot in dots)[len(dots) // 2]
        if all((x - other.x) ** 2 + (y - other.y) ** 2 > (2.1 * radius) ** 2 for other in placed):
            placed.append(PlacedPicture(shown.style, product, colours[shown.style.pk], round(x, 1), round(y, 1)))
    return placed
