"""An evaluation report as pictures: accuracy against what lists are like, and NDCG by length of history."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recommender.ml.study import BASELINES
from recommender.models import ModelKind
from recommender.report_rows import ORACLE, Z, label_of

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 440, 16, 252
LINES_RIGHT = 340
"""Where lines end; their names stand behind."""
LABEL_HEIGHT = 14
CHARACTER = 6.6
"""Width of one at the labels' size, roughly: enough to keep labels off each other."""
MOST_LINES = 6
DODGE = 3
"""Pixels between the lines' points of one length, so that whiskers do not hide each other."""

Box = tuple[float, float, float, float]
"""left, right, top, bottom."""


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Dot:
    """A model in a scatter. label_x, label_y: where its name begins, or ends if anchor is "end".

    label: empty where there is no room for it; words say it all the same.
    """

    label: str
    words: str
    is_reference: bool
    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str

    @property
    def is_far(self) -> bool:
        """Whether a line must lead from the dot to its name."""
        return bool(self.label) and abs(self.label_y - 4 - self.y) > LABEL_HEIGHT / 2

    @property
    def leads_to(self) -> tuple[float, float]:
        return self.label_x + (2 if self.anchor == "end" else -2), round(self.label_y - 4, 1)


@dataclass(frozen=True)
class Scatter:
    title: str
    dots: list[Dot]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    low: float
    high: float
    words: str


@dataclass(frozen=True)
class Line:
    """One model over history lengths. number: 1 to MOST_LINES, its colour."""

    label: str
    number: int
    points: list[Point]
    label_y: float

    @property
    def path(self) -> str:
        """For an SVG polyline."""
        return " ".join(f"{point.x},{point.y}" for point in self.points)

    @property
    def last(self) -> Point:
        return self.points[-1]

    @property
    def label_middle(self) -> float:
        return round(self.label_y - 4, 1)


@dataclass(frozen=True)
class HistoryChart:
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def scatters(models: Mapping[str, Mapping[str, Any]]) -> list[Scatter]:
    """NDCG@10 over coverage and over novelty, of the models that have both; none for fewer than two models."""
    wanted = (("coverage@10", "Share of the catalogue shown"), ("novelty@10", "Novelty of what is shown, bits"))
    return [chart for name, title in wanted if (chart := _scatter(models, name, title)) is not None]


def history_chart(models: Mapping[str, Mapping[str, Any]], best_baseline: str | None) -> HistoryChart | None:
    """NDCG@10 by history length of the learned models beside popularity and the best baseline.

    None where fewer than two lengths were measured: a point is no line.
    """
    name = "ndcg@10_by_history"
    ordered = sorted(models, key=lambda kind: -float(models[kind]["ndcg@10"]))
    references = [kind for kind in (ModelKind.POPULARITY, best_baseline) if kind is not None and kind in models]
    learned = [kind for kind in ordered if kind not in (*BASELINES, ModelKind.RANDOM, ORACLE)]
    chosen = list(dict.fromkeys([*references, *learned, *ordered]))[:MOST_LINES]
    chosen = [kind for kind in ordered if kind in chosen and len(models[kind].get(name, [])) > 1]
    if not chosen:
        return None
    buckets = models[chosen[0]][name]
    highest = max(b["ndcg@10"] + Z * b["standard_error"] for kind in chosen for b in models[kind][name])
    y_of, y_ticks = _axis(0.0, highest, BOTTOM, TOP)
    step = (LINES_RIGHT - LEFT - 40) / (len(buckets) - 1)
    x_of = [round(LEFT + 20 + step * number, 1) for number in range(len(buckets))]
    lines = []
    for number, kind in enumerate(chosen, start=1):
        points = [
            Point(
                x=round(x + DODGE * (number - (len(chosen) + 1) / 2), 1),
                y=y_of(bucket["ndcg@10"]),
                low=y_of(max(0.0, bucket["ndcg@10"] - Z * bucket["standard_error"])),
                high=y_of(bucket["ndcg@10"] + Z * bucket["standard_error"]),
                words=f"{label_of(kind)}, {_length(bucket)} known: {bucket['ndcg@10']:.4f}, {bucket['users']} shoppers",
            )
            for x, bucket in zip(x_of, models[kind][name], strict=True)
        ]
        lines.append(Line(label=label_of(kind), number=number, points=points, label_y=points[-1].y + 4))
    ticks = [Tick(x, _length(bucket)) for x, bucket in zip(x_of, buckets, strict=True)]
    return HistoryChart(lines=_spread(lines), x_ticks=ticks, y_ticks=y_ticks)


def _scatter(models: Mapping[str, Mapping[str, Any]], name: str, title: str) -> Scatter | None:
    known = {kind: figures for kind, figures in models.items() if figures.get(name) is not None}
    if len(known) < 2:
        return None
    across = [float(figures[name]) for figures in known.values()]
    start = 0.0 if name == "coverage@10" else min(across) - 0.08 * (max(across) - min(across) or 1.0)
    x_of, x_ticks = _axis(start, max(across), LEFT, RIGHT)
    y_of, y_ticks = _axis(0.0, max(float(figures["ndcg@10"]) for figures in known.values()), BOTTOM, TOP)
    places = {kind: (x_of(float(row[name])), y_of(float(row["ndcg@10"]))) for kind, row in known.items()}
    boxes = [(x - 5, x + 5, y - 5, y + 5) for x, y in places.values()]
    dots: list[Dot] = []
    for kind in sorted(known, key=lambda kind: (places[kind][1], places[kind][0])):
        words = f"{float(known[kind]['ndcg@10']):.4f} at {float(known[kind][name]):.4g}"
        dots.append(_labelled(kind, *places[kind], words, boxes))
    return Scatter(title=title, dots=dots, x_ticks=x_ticks, y_ticks=y_ticks)


def _labelled(kind: str, x: float, y: float, words: str, taken: list[Box]) -> Dot:
    """The dot with its name beside it, at the nearest height where nothing is in the way; then it is in `taken`."""
    label = label_of(kind)
    is_reference = kind in (ORACLE, ModelKind.RANDOM, *BASELINES)
    for offset in sorted(range(-12, 13), key=abs):
        label_y = round(y + 4 + offset * LABEL_HEIGHT / 2, 1)
        for anchor, label_x in (("start", x + 9), ("end", x - 9)):
            box = _box(label, label_x, label_y, anchor)
            inside = box[0] >= LEFT and box[1] <= WIDTH and TOP <= label_y <= BOTTOM - 2
            if inside and not _hits(box, taken):
                taken.append(box)
                return Dot(label, f"{label}: NDCG@10 {words}", is_reference, x, y, round(label_x, 1), label_y, anchor)
    return Dot("", f"{label}: NDCG@10 {words}", is_reference, x, y, x, y, "start")


def _box(label: str, x: float, y: float, anchor: str) -> Box:
    width = CHARACTER * len(label)
    left = x - width if anchor == "end" else x
    return left, left + width, y - LABEL_HEIGHT + 3, y + 1


def _hits(box: Box, others: Sequence[Box]) -> bool:
    left, right, top, bottom = box
    return any(left < other[1] and other[0] < right and top < other[3] and other[2] < bottom for other in others)


def _spread(lines: list[Line]) -> list[Line]:
    """The same lines, their names moved apart where they would stand on each other."""
    below = -math.inf
    moved = {}
    for line in sorted(lines, key=lambda line: line.label_y):
        below = max(line.label_y, below + LABEL_HEIGHT)
        moved[line.number] = below
    excess = max(0.0, below - BOTTOM)
    return [Line(line.label, line.number, line.points, round(moved[line.number] - excess, 1)) for line in lines]


def _axis(low: float, high: float, begin: float, end: float) -> tuple[Callable[[float], float], list[Tick]]:
    """Where a value stands between the pixels begin and end, and round values to write there."""
    high = high if high > low else low + 1.0
    step = _round_step((high - low) / 5)
    top = math.ceil(round(high / step, 6)) * step

    def place(value: float) -> float:
        return round(begin + (end - begin) * (value - low) / (top - low), 1)

    digits = max(0, -math.floor(math.log10(step)))
    first = math.ceil(round(low / step, 6))
    values = [number * step for number in range(first, round(top / step) + 1)]
    return place, [Tick(place(value), f"{value:.{digits}f}") for value in values]


def _round_step(wanted: float) -> float:
    scale = 10.0 ** math.floor(math.log10(wanted))
    return next(factor * scale for factor in (1, 2, 5, 10) if factor * scale >= wanted * 0.999)


def _length(bucket: Mapping[str, Any]) -> str:
    if bucket["to"] is None:
        return f"{bucket['from']}+"
    return f"{bucket['from']}–{bucket['to']}" if bucket["to"] != bucket["from"] else str(bucket["from"])
