"""A quality report as its admin page shows it: a histogram in numbers ready to be drawn, and figures in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personas.models import SCALE, QualityReport

WIDTH, HEIGHT = 660, 180
STEP = WIDTH // len(SCALE)
BAR = 18


@dataclass(frozen=True)
class PointBars:
    """One point of the scale in the histogram: shares before and after calibration, and the target's height."""

    label: str
    before: float
    after: float
    target: float
    x: int
    y_before: float
    y_after: float
    y_target: float

    @property
    def x_after(self) -> int:
        return self.x + BAR + 2

    @property
    def x_end(self) -> int:
        return self.x + 2 * BAR + 2

    @property
    def middle(self) -> float:
        return self.x + BAR + 1

    @property
    def height_before(self) -> float:
        return round(HEIGHT - self.y_before, 1)

    @property
    def height_after(self) -> float:
        return round(HEIGHT - self.y_after, 1)


@dataclass(frozen=True)
class Figure:
    """One line of the report. gated: the publishing gate reads it."""

    name: str
    value: str
    meaning: str
    gated: bool = False


def histogram(report: QualityReport) -> list[PointBars]:
    """The most likely points before calibration, the ratings after it, and the wanted shares."""
    raw, calibrated = report.figures["raw"], report.figures["calibrated"]
    before, after, target = raw["histogram"], calibrated["histogram"], report.figures["target"]
    highest = max([*before, *after, *target]) or 1.0

    def y(share: float) -> float:
        return round(HEIGHT - (HEIGHT - 12) * share / highest, 1)

    return [
        PointBars(
            label=str(point).replace("-", "−"),
            before=before[i],
            after=after[i],
            target=target[i],
            x=8 + STEP * i,
            y_before=y(before[i]),
            y_after=y(after[i]),
            y_target=y(target[i]),
        )
        for i, point in enumerate(SCALE)
    ]


def in_words(bars: Sequence[PointBars]) -> str:
    """The histogram for those who do not see it."""
    return "; ".join(f"{bar.label}: {bar.before:.0%} before, {bar.after:.0%} after calibration" for bar in bars)


def figures_in_words(report: QualityReport) -> list[Figure]:
    """What was measured, the gate's figures first; what could not be measured says so."""
    figures = report.figures
    raw, after = figures["raw"], figures["calibrated"]
    return [
        Figure("Answers", _counts(figures["n"]), "cells asked, and asked again", gated=True),
        Figure(
            "Label mass",
            f"{figures['label_mass']['mean']:.3f} on average, {figures['label_mass']['p05']:.3f} at the 5th percentile",
            "how much of its probability the model gave to the letters at all",
            gated=True,
        ),
        Figure(
            "Order agreement",
            _of(figures["order_agreement"], "spearman"),
            "rank correlation of ascending and descending label order",
            gated=True,
        ),
        Figure("Test–retest", _of(figures["test_retest"], "correlation"), "the same cell asked twice", gated=True),
        Figure(
            "Persona effect",
            _effect(figures["persona_effect"]),
            "agreement with the same persona’s other answer, minus that with another persona’s about the same product",
            gated=True,
        ),
        Figure(
            "Distinct expectations",
            f"{figures['distinct_expectations']['share']:.3f}",
            "share of different mean ratings; a constant model has one",
            gated=True,
        ),
        Figure("Between personas", _of(figures["between_personas"], "icc"), "agreement of a product’s raters, ICC(1)"),
        Figure("Labels used", f"{raw['labels_used']} before, {after['labels_used']} after calibration", "of 11"),
        Figure(
            "Share of −1",
            f"{raw['share_of_minus_one']:.1%} before, {after['share_of_minus_one']:.1%} after",
            f"target {figures['target'][0]:.1%}",
        ),
        Figure(
            "Entropy", f"{raw['entropy_bits']:.2f} bits before, {after['entropy_bits']:.2f} after", "at most 3.46 bits"
        ),
        Figure(
            "KS to the target",
            f"{raw['ks_to_target']:.3f} before, {after['ks_to_target']:.3f} after",
            "largest distance of the cumulative shares",
        ),
    ]


def _counts(n: Mapping[str, int]) -> str:
    return (
        f"{n['cells']} cells, {n['personas']} personas, {n['products']} products, "
        f"{n['retests']} retests, {n['controls']} controls"
    )


def _of(section: Mapping[str, Any] | None, name: str) -> str:
    value = None if section is None else section[name]
    return "not measured" if value is None else f"{value:.3f}"


def _effect(effect: Mapping[str, float] | None) -> str:
    if effect is None:
        return "not measured"
    interval = f"[{effect['low']:+.3f}, {effect['high']:+.3f}]"
    return f"{effect['effect']:+.3f} {interval}: matched {effect['matched']:.3f}, shuffled {effect['control']:.3f}"
