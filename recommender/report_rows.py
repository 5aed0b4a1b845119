"""An evaluation report as rows of a table: best first, beside its baselines, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recommender.models import ModelKind

ORACLE = "oracle"
"""Knows the taste the simulated shoppers were made with: what no model can beat."""

Z = 1.96
PLOT_WIDTH = 270

LIST_FIGURES = (
    "coverage@10", "gini@10", "diversity@10", "category_diversity@10", "novelty@10", "popularity_lift@10",
)  # fmt: skip
"""What lists are like whether they hit or not, in the order of the table."""


@dataclass(frozen=True)
class Gain:
    """Mean difference of NDCG@10 to another model, paired by shopper, and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    @property
    def in_words(self) -> str:
        return f"{self.difference}  {self.interval}"

    @property
    def difference(self) -> str:
        return _signed(self.mean)

    @property
    def interval(self) -> str:
        return f"[{_signed(self.low)}, {_signed(self.high)}]"


@dataclass(frozen=True)
class ReportRow:
    kind: str
    recall: float
    ndcg: float
    standard_error: float | None
    gain: Gain | None
    scale: float
    """The NDCG at the right edge of the plot."""
    baseline: float | None
    """Popularity's NDCG."""
    gain_over_best: Gain | None = None
    """Over the best baseline."""
    mrr: float | None = None
    seeds: int | None = None
    deviation: float | None = None
    """Of NDCG@10 over training seeds."""
    lists: list[float | None] = field(default_factory=list)
    """LIST_FIGURES; empty where they were not measured."""

    @property
    def label(self) -> str:
        return label_of(self.kind)

    @property
    def is_reference(self) -> bool:
        return self.kind in (ORACLE, ModelKind.RANDOM, ModelKind.POPULARITY)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % normal interval of the mean over shoppers and training seeds."""
        if self.standard_error is None:
            return None
        return max(0.0, self.ndcg - Z * self.standard_error), self.ndcg + Z * self.standard_error

    @property
    def x(self) -> float:
        return self._place(self.ndcg)

    @property
    def x_low(self) -> float:
        return self._place(self.interval[0] if self.interval else self.ndcg)

    @property
    def x_high(self) -> float:
        return self._place(self.interval[1] if self.interval else self.ndcg)

    @property
    def x_baseline(self) -> float | None:
        return None if self.baseline is None else self._place(self.baseline)

    def _place(self, ndcg: float) -> float:
        return round(4 + (PLOT_WIDTH - 8) * min(1.0, ndcg / self.scale), 1)


def report_rows(results: Mapping[str, Any]) -> list[ReportRow]:
    """Of EvaluationReport.results, or of one of its protocols; the oracle first, then by NDCG@10."""
    models: Mapping[str, Mapping[str, Any]] = results.get("models", {})
    if not models:
        return []
    highest = max(figures["ndcg@10"] + Z * figures.get("ndcg@10_standard_error", 0.0) for figures in models.values())
    baseline = models.get(ModelKind.POPULARITY, {}).get("ndcg@10")
    rows = [_row(kind, figures, highest or 1.0, baseline) for kind, figures in models.items()]
    return sorted(rows, key=lambda row: (row.kind != ORACLE, -row.ndcg))


def gain_of(figures: Mapping[str, Any], over: str = "popularity") -> Gain | None:
    """The gain stored in a model's metrics; None for the other model itself and what was not compared."""
    stored = figures.get(f"ndcg@10_minus_{over}")
    return Gain(stored["mean"], stored["low"], stored["high"]) if stored else None


def label_of(kind: str) -> str:
    label = dict(ModelKind.choices).get(kind, kind)
    return f"{label[0].upper()}{label[1:]}"


def _row(kind: str, figures: Mapping[str, Any], scale: float, baseline: float | None) -> ReportRow:
    return ReportRow(
        kind=kind,
        recall=figures["recall@10"],
        ndcg=figures["ndcg@10"],
        standard_error=figures.get("ndcg@10_standard_error"),
        gain=gain_of(figures),
        scale=scale,
        baseline=baseline,
        gain_over_best=gain_of(figures, "best_baseline"),
        mrr=figures.get("mrr"),
        seeds=figures.get("seeds"),
        deviation=figures.get("ndcg@10_deviation_over_seeds"),
        lists=[figures[name] for name in LIST_FIGURES] if all(name in figures for name in LIST_FIGURES) else [],
    )


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")
