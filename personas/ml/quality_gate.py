"""Whether a run may be published. Reads what the model said, never what calibration made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GateThresholds:
    """The least a run must show. Calibration changes no figure that is compared with them."""

    cells: int = 200
    """Below it a rank correlation of .3 between independent answers is no rarity (standard error 1/√n = .07)."""

    retests: int = 20
    """Two dozen pairs tell a correlation of .7 from none with certainty (p < .001 at n = 20)."""

    products: int = 20
    """The interval resamples products; with fewer clusters a percentile interval is known to be too narrow."""

    label_mass_mean: float = 0.5
    """With less, most of the model's answer is something other than a letter, and what is read is the remainder."""

    label_mass_p05: float = 0.1
    """One prompt in twenty may be answered oddly; if it is worse there, whole kinds of products are misread."""

    order_agreement: float = 0.3
    """Rank correlation of both label orders. By Spearman–Brown .3 gives their mean a reliability of .46: below it more
    than half of the ratings' variance is the order of the letters."""

    test_retest: float = 0.7
    """The usual least reliability for comparing groups (Nunnally 1978). Scoring is deterministic and reaches 1;
    a sampling model reaches it with enough draws; fresh noise reaches 0."""

    persona_effect_low: float = 0.0
    """The interval's lower end must lie above it: a model that rates alike whoever is asked is no panel of personas."""

    distinct_expectations: float = 0.1
    """Picking one letter in each of two orders gives at most 66 different means, .066 of 1,000 cells: below it the
    model grades in a handful of steps, and no quantile map can tell its ties apart."""


def gate(figures: Mapping[str, Any], thresholds: GateThresholds | None = None) -> list[str]:
    """Why a run with these figures (of `quality_figures`) may not be published, in plain words; empty: it may."""
    least = thresholds or GateThresholds()
    n = figures["n"]
    reasons = []
    if n["cells"] < least.cells:
        reasons.append(f"too few cells to judge: {n['cells']}, at least {least.cells} are needed")
    if n["retests"] < least.retests:
        reasons.append(f"too few cells asked twice: {n['retests']}, at least {least.retests} are needed")
    mass, distinct = figures["label_mass"], figures["distinct_expectations"]
    if mass["mean"] < least.label_mass_mean:
        reasons.append(
            f"the model gives the letters {mass['mean']:.3f} of its probability on average, "
            f"at least {least.label_mass_mean:g} is needed"
        )
    if mass["p05"] < least.label_mass_p05:
        reasons.append(
            f"in one prompt of twenty the letters get {mass['p05']:.3f} of the probability or less, "
            f"at least {least.label_mass_p05:g} is needed"
        )
    reasons += _reliability(figures, least)
    reasons += _persona_effect(figures["persona_effect"], least)
    if distinct["share"] < least.distinct_expectations:
        reasons.append(
            f"only {distinct['share']:.3f} of {distinct['among']} expectations differ, "
            f"at least {least.distinct_expectations:g} is needed"
        )
    return reasons


def _reliability(figures: Mapping[str, Any], least: GateThresholds) -> list[str]:
    reasons = []
    orders, retest = figures["order_agreement"], figures["test_retest"]
    if orders is None:
        reasons.append("asked in one label order only: agreement of the orders cannot be judged")
    elif orders["spearman"] < least.order_agreement:
        reasons.append(
            f"ascending and descending label order agree by {orders['spearman']:.3f} (rank correlation), "
            f"at least {least.order_agreement:g} is needed"
        )
    if retest is not None and retest["correlation"] < least.test_retest:
        reasons.append(
            f"asked twice, the answers correlate by {retest['correlation']:.3f}, "
            f"at least {least.test_retest:g} is needed"
        )
    return reasons


def _persona_effect(effect: Mapping[str, Any] | None, least: GateThresholds) -> list[str]:
    if effect is None:
        return ["no product was asked about with two personas in both label orders: their effect cannot be judged"]
    reasons = []
    if effect["products"] < least.products:
        reasons.append(
            f"too few products with two personas to judge their effect: {effect['products']}, "
            f"at least {least.products} are needed"
        )
    if effect["low"] <= least.persona_effect_low:
        reasons.append(
            f"the persona hardly matters: effect {effect['effect']:.3f} over the shuffled control "
            f"(95% interval {effect['low']:.3f} to {effect['high']:.3f}), "
            f"the lower end must be above {least.persona_effect_low:g}"
        )
    return reasons
