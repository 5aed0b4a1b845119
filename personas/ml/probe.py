"""Asking a language model a few questions before it is asked thousands."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from personas.ml.language_model import LabelsRefused, LanguageModel, ModelUnavailable, ModelUnusable

LEAST_MASS = 0.5
"""Mean probability of all labels together. Below it the model would rather say something else."""

TOLERANCES = {"exact": 1e-3, "bounded": 0.05, "simulated": 0.0, "sampling": None}
"""Largest change of a log-probability between asking twice. A server batches its callers together, which moves
float32 by some 1e-4 and half precision by some hundredths; drawn answers are not compared."""


@dataclass(frozen=True)
class Probe:
    """What was found. Figures are None where the model was refused before they could be measured.

    usable: whether it may rate. reason: why not, or what limits it. scoring: see LanguageModel. labels_distinct: each
    label is one distinct token. label_mass_mean, label_mass_min: probability of all labels together, over prompts.
    largest_change: of a log-probability between asking twice; repeatable: whether that is within the tolerance.
    missing_share: of labels that a server did not return and that were bounded. latency_ms: mean per prompt.
    tokens_per_prompt: read by the model, with what prompts share counted once. unavailable: the server was away, which
    says nothing about the model.
    """

    usable: bool
    reason: str
    scoring: str
    labels_distinct: bool | None = None
    label_mass_mean: float | None = None
    label_mass_min: float | None = None
    repeatable: bool | None = None
    largest_change: float | None = None
    tolerance: float | None = None
    missing_share: float | None = None
    latency_ms: float | None = None
    tokens_per_prompt: float | None = None
    prompts: int = 0
    unavailable: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For a JSON field."""
        return asdict(self)


def probe_language_model(
    model: LanguageModel, *, prefix: str, suffixes: Sequence[str], labels: Sequence[str], least_mass: float = LEAST_MASS
) -> Probe:
    """Checks the labels, scores the prompts twice, and judges. Never raises for what the model or its server does."""
    if not suffixes:
        raise ValueError("suffixes: at least one prompt is needed to probe a model, received none")
    scoring = "unknown"
    labels_distinct: bool | None = None
    try:
        scoring = model.scoring
        model.check_labels(labels)
        labels_distinct = True
        before, started = model.usage.copy(), time.perf_counter()
        first = model.score_labels(prefix, suffixes, labels)
        elapsed = time.perf_counter() - started
        used = model.usage.since(before)
        second = model.score_labels(prefix, suffixes, labels)
    except LabelsRefused as error:
        return Probe(False, str(error), scoring, labels_distinct=False)
    except ModelUnusable as error:
        return Probe(False, str(error), scoring, labels_distinct=labels_distinct)
    except ModelUnavailable as error:
        return Probe(False, str(error), scoring, labels_distinct=labels_distinct, unavailable=True)
    for scores in (first, second):
        if scores.shape != (len(suffixes), len(labels)) or not np.isfinite(scores).all():
            shape = f"{scores.shape}, {np.isfinite(scores).mean():.0%} of it finite"
            expected = f"{(len(suffixes), len(labels))} finite ones"
            return Probe(False, f"scores: expected {expected}, received {shape}", scoring)
    mass = np.exp(first.astype(np.float64)).sum(axis=1)
    change = float(np.abs(first - second).max())
    tolerance = TOLERANCES.get(scoring, 0.0)
    repeatable = None if tolerance is None else change <= tolerance
    if mass.mean() < least_mass:
        reason = f"label mass: the labels hold {mass.mean():.3f} of the probability; {least_mass:g} is needed"
    elif mass.max() > 1.01:
        reason = f"label mass: the labels add up to {mass.max():.3f}, which no probabilities do"
    elif repeatable is False:
        reason = f"repeatable: asking twice moved a log-probability by {change:.2g}; {tolerance:g} is allowed"
    else:
        reason = ""
    return Probe(
        usable=not reason,
        reason=reason,
        scoring=scoring,
        labels_distinct=labels_distinct,
        label_mass_mean=float(mass.mean()),
        label_mass_min=float(mass.min()),
        repeatable=repeatable,
        largest_change=change,
        tolerance=tolerance,
        missing_share=float(getattr(model, "missing_share", 0.0)),
        latency_ms=1000 * elapsed / len(suffixes),
        tokens_per_prompt=used.prompt_tokens / len(suffixes),
        prompts=len(suffixes),
    )
