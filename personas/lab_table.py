"""The lab's report as people see it: a table of figures, and a histogram of each arm as bars."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from personas.models import SCALE

Row = Mapping[str, Any]


def _percent(name: str) -> Callable[[Row], str]:
    return lambda row: "–" if row[name] is None else f"{100 * row[name]:.0f} %"


def _number(name: str, digits: int = 2) -> Callable[[Row], str]:
    return lambda row: "–" if row[name] is None else f"{row[name]:.{digits}f}"


def settings_in_words(row: Row) -> str:
    """An arm's settings (reading, bio, sampling) without those that are neutral."""
    told = f"bio {row['bio']}"
    if row["reading"] == "probabilities":
        return f"label probabilities, {told}"
    extras = [f"top-p {row['top_p']:g}"] if row["top_p"] != 1 else []
    extras += [f"top-k {row['top_k']}"] if row["top_k"] else []
    extras += [f"penalty {row['repetition_penalty']:g}"] if row["repetition_penalty"] != 1 else []
    return ", ".join([f"T {row['temperature']:g}", *extras, told])


COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("arm", lambda row: str(row["arm"])),
    ("model", lambda row: str(row["model"])),
    ("template", lambda row: str(row["template"])),
    ("settings", settings_in_words),
    ("answers", lambda row: str(row["answered"])),
    ("adherent", _percent("adherence")),
    ("parsable", _percent("parsable")),
    ("repeated 3-grams", _percent("repeated_trigrams")),
    ("identical", _percent("identical")),
    ("mean", _number("mean")),
    ("std", _number("std")),
    ("entropy", _number("entropy")),
    ("points", lambda row: str(row["distinct_points"])),
    ("−1", _percent("minus_one")),
    ("6 and 8", _percent("six_and_eight")),
    ("agreement", _number("mean_agreement")),
    ("with letters", _number("letters_agreement")),
    ("var. of personas", _number("between_personas")),
    ("ms", _number("latency_ms", 1)),
    ("tokens", _number("tokens", 0)),
)
"""Heading and the text of a report's row."""

BAR_STEP, BAR_WIDTH, CHART_HEIGHT = 14, 11, 44


@dataclass(frozen=True)
class HistogramBar:
    """In units of the chart's view box; y grows downwards."""

    label: str
    share: float
    x: int
    y: float
    height: float

    @property
    def middle(self) -> float:
        return self.x + BAR_WIDTH / 2


@dataclass(frozen=True)
class Histogram:
    """One arm's ratings over the scale; every chart of a run has the same height for the same share."""

    title: str
    bars: list[HistogramBar]
    spread: str

    @property
    def in_words(self) -> str:
        return ", ".join(f"{bar.label}: {100 * bar.share:.0f} %" for bar in self.bars)


def table_rows(report: Row) -> list[list[str]]:
    """The texts of the table, one list an arm, in the order of COLUMNS."""
    return [[text(row) for _, text in COLUMNS] for row in report["arms"]]


def histograms(report: Row) -> list[Histogram]:
    """A chart for each arm that gave a rating."""
    rated = [row for row in report["arms"] if row["entropy"] is not None]
    highest = max((share for row in rated for share in row["histogram"].values()), default=0.0) or 1.0
    charts = []
    for row in rated:
        bars = []
        for place, point in enumerate(SCALE):  # the database keeps an object's keys in an order of its own
            share = row["histogram"][str(point)]
            height = round(CHART_HEIGHT * share / highest, 1)
            label = str(point).replace("-", "−")
            bars.append(HistogramBar(label, share, 2 + BAR_STEP * place, round(CHART_HEIGHT - height, 1), height))
        spread = f"std {row['std']:.2f}, entropy {row['entropy']:.2f} bits"
        charts.append(
            Histogram(f"{row['arm']}: {row['model']}, {row['template']}, {settings_in_words(row)}", bars, spread)
        )
    return charts
