"""What the arms of a prompt lab are worth on the same cells: a row of figures an arm, and the models compared.

A written arm's rating of a cell is the point read from its text. An arm read by label probabilities has a whole
distribution a cell: its rating is the expectation, and its histogram the mean distribution.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personas.ml.lab_arms import EVERYONE, LETTERS, PROBABILITIES, ArmSettings
from personas.ml.prompt_text import POINTS

FEWEST_CELLS = 3
"""Below this a rank correlation says nothing."""

SIX_AND_EIGHT = (6, 8)


@dataclass(frozen=True)
class CellAnswer:
    """One arm's answer for one cell. probabilities: over POINTS, where they were read. None: no rating in it."""

    persona: int
    product: int
    text: str
    point: int | None
    adherent: bool
    probabilities: Sequence[float] | None = None
    latency_ms: float = 0.0
    tokens: int = 0

    @property
    def cell(self) -> tuple[int, int]:
        return self.persona, self.product

    @property
    def rating(self) -> float | None:
        if self.probabilities is not None:
            return float(np.dot(self.probabilities, POINTS))
        return None if self.point is None else float(self.point)


@dataclass(frozen=True)
class ArmAnswers:
    """An arm with all its answers; `error` says why there are fewer than cells."""

    index: int
    model: str
    template: str
    style: str
    settings: ArmSettings
    answers: Sequence[CellAnswer]
    error: str = ""

    @property
    def ratings(self) -> dict[tuple[int, int], float]:
        return {answer.cell: rating for answer in self.answers if (rating := answer.rating) is not None}

    @property
    def is_reference(self) -> bool:
        return self.style == LETTERS and self.settings.reading == PROBABILITIES


def lab_report(arms: Sequence[ArmAnswers], *, cells: int) -> dict[str, Any]:
    """JSON-ready {"cells", "arms": [row], "models": [row]}. cells: how many every arm was asked.

    Shares and rates are 0..1, entropy is in bits over the eleven points (at most log2 11 = 3.46), standard deviations
    and variances are in points of the scale. A figure that the answers do not allow is None. The rows are described in
    docs/how-to/prompt-lab.md.
    """
    ratings = {arm.index: arm.ratings for arm in arms}
    agreement = {
        frozenset((first.index, second.index)): _agreement(ratings[first.index], ratings[second.index])
        for first, second in combinations(arms, 2)
    }
    return {
        "cells": cells,
        "arms": [_arm_row(arm, arms, ratings[arm.index], agreement, cells) for arm in arms],
        "models": _model_rows(arms, ratings),
    }


def repeated_trigrams(texts: Sequence[str]) -> float:
    """Share of word 3-grams that occurred before in the same text, over all texts: seq-rep-n, Welleck et al. 2020."""
    total = repeated = 0
    for text in texts:
        words = text.lower().split()
        grams = list(zip(words, words[1:], words[2:], strict=False))
        total += len(grams)
        repeated += len(grams) - len(set(grams))
    return repeated / total if total else 0.0


def identical_texts(texts: Sequence[str]) -> float:
    """Share of texts that some earlier text equals, word for word. 0 for fewer than two."""
    counts = Counter(" ".join(text.split()) for text in texts)
    return 1.0 - len(counts) / len(texts) if texts else 0.0


def entropy_bits(shares: NDArray[np.float64]) -> float:
    kept = shares[shares > 0]
    return float(-(kept * np.log2(kept)).sum()) + 0.0


def _arm_row(
    arm: ArmAnswers,
    arms: Sequence[ArmAnswers],
    ratings: dict[tuple[int, int], float],
    agreement: dict[frozenset[int], float | None],
    cells: int,
) -> dict[str, Any]:
    answers, written = arm.answers, _written(arm)
    counts = _histogram(answers)
    total = counts.sum()
    shares = counts / total if total else counts
    values = np.array(list(ratings.values()))
    by_label = arm.settings.reading == PROBABILITIES  # nothing is written: there is no form to keep to
    others = {str(other.index): agreement[frozenset((arm.index, other.index))] for other in arms if other is not arm}
    known = [value for value in others.values() if value is not None]
    return {
        "arm": arm.index,
        "model": arm.model,
        "template": arm.template,
        "style": arm.style,
        **arm.settings.as_json(),
        "error": arm.error,
        "answered": len(answers),
        "answered_share": len(answers) / cells if cells else None,
        "adherence": None if by_label else _share(sum(answer.adherent for answer in answers), len(answers)),
        "parsable": _share(len(ratings), len(answers)),
        "repeated_trigrams": repeated_trigrams(written) if written else None,
        "identical": identical_texts(written) if written else None,
        "mean": float(values.mean()) if len(values) else None,
        "std": float(values.std()) if len(values) else None,
        "entropy": entropy_bits(shares) if total else None,
        "distinct_points": len({answer.point for answer in answers if answer.point is not None}),
        "minus_one": float(shares[0]) if total else None,
        "six_and_eight": float(sum(shares[POINTS.index(point)] for point in SIX_AND_EIGHT)) if total else None,
        "histogram": {str(point): float(share) for point, share in zip(POINTS, shares, strict=True)},
        "between_personas": _variance_of_means(ratings),
        "agreement": others,
        "mean_agreement": float(np.mean(known)) if known else None,
        "letters_agreement": _letters_agreement(arm, arms, others),
        "latency_ms": float(np.mean([answer.latency_ms for answer in answers])) if answers else None,
        "tokens": float(np.mean([answer.tokens for answer in answers])) if answers else None,
    }


def _written(arm: ArmAnswers) -> list[str]:
    """What was written, each text of a shared call once."""
    if arm.style == EVERYONE:
        return [text for _, text in dict.fromkeys((answer.product, answer.text) for answer in arm.answers) if text]
    return [answer.text for answer in arm.answers if answer.text]


def _histogram(answers: Sequence[CellAnswer]) -> NDArray[np.float64]:
    counts = np.zeros(len(POINTS))
    for answer in answers:
        if answer.probabilities is not None:
            counts += np.asarray(answer.probabilities, dtype=np.float64)
        elif answer.point is not None:
            counts[POINTS.index(answer.point)] += 1
    return counts


def _variance_of_means(ratings: dict[tuple[int, int], float]) -> float | None:
    """Variance over personas of their mean rating; None for fewer than two personas."""
    by_persona: dict[int, list[float]] = {}
    for (persona, _), rating in ratings.items():
        by_persona.setdefault(persona, []).append(rating)
    return float(np.var([np.mean(values) for values in by_persona.values()])) if len(by_persona) > 1 else None


def _letters_agreement(arm: ArmAnswers, arms: Sequence[ArmAnswers], others: dict[str, float | None]) -> float | None:
    """With the label probabilities of the same model and bio richness; failing that of the same model, or of any."""
    references = [other for other in arms if other.is_reference and other is not arm]
    if not references:
        return None

    def nearness(other: ArmAnswers) -> tuple[bool, bool, int]:
        return other.model != arm.model, other.settings.bio != arm.settings.bio, other.index

    return others[str(min(references, key=nearness).index)]


def _model_rows(arms: Sequence[ArmAnswers], ratings: dict[int, dict[tuple[int, int], float]]) -> list[dict[str, Any]]:
    """For every template and settings that several models answered: how far they agree, and vary, on the same cells."""
    groups: dict[tuple[str, ArmSettings], list[ArmAnswers]] = {}
    for arm in arms:
        groups.setdefault((arm.template, arm.settings), []).append(arm)
    rows = []
    for (template, settings), members in groups.items():
        if len({arm.model for arm in members}) < 2:
            continue
        pairs = {
            f"{first.model} / {second.model}": _agreement(ratings[first.index], ratings[second.index])
            for first, second in combinations(members, 2)
        }
        known = [value for value in pairs.values() if value is not None]
        common = set.intersection(*(set(ratings[arm.index]) for arm in members))
        spread = [float(np.var([ratings[arm.index][cell] for arm in members])) for cell in sorted(common)]
        rows.append(
            {
                "template": template,
                **settings.as_json(),
                "models": [arm.model for arm in members],
                "common_cells": len(common),
                "consistency": float(np.mean(known)) if known else None,
                "pairs": pairs,
                "variance": float(np.mean(spread)) if spread else None,
            }
        )
    return rows


def _agreement(first: dict[tuple[int, int], float], second: dict[tuple[int, int], float]) -> float | None:
    """Spearman over the cells that both rated; None for under FEWEST_CELLS, or when one side is constant."""
    common = sorted(set(first) & set(second))
    values = np.array([[first[cell], second[cell]] for cell in common]).reshape(-1, 2)
    if len(common) < FEWEST_CELLS or (np.ptp(values, axis=0) == 0).any():
        return None
    # SciPy is a second and 75 MB that a web process, which shows reports, can do without.
    from personas.ml.quality import spearman

    return spearman(values[:, 0], values[:, 1])


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
