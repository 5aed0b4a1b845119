"""What stored ratings and preferences have to teach a language model. Reads rows, loads no model."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import numpy as np
from django.core.exceptions import ValidationError

from fashionrec.common.batching import batched
from fashionrec.common.errors import Invalid
from personas.ml.prompt_text import LABEL_ORDERS
from personas.ml.rater_examples import Preference, RatedPack
from personas.models import PreferencePair, PromptTemplate, Rating, RatingRun
from personas.prompts import render_prefix, render_suffix
from personas.services.preferences import PROVENANCES

PACK_SIZE = 16
"""Products that share a pass over their persona."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Lessons:
    """Packs to learn from, and packs of other personas to measure on."""

    training: list[RatedPack]
    held_out: list[RatedPack]
    ratings: int


def rated_lessons(run_id: str, *, held_out: float = 0.1, seed: int = 0) -> Lessons:
    """The distributions of a finished rating run, asked with its own template in both label orders.

    A rating's calibrated distribution teaches where there is one, else the model's own. `held_out` is a share of
    the personas, one at least; their ratings are measured on and never learned from.
    Raises Invalid for an unknown or unfinished run, one without ratings or with those of one persona only, one of
    a model that samples its ratings, or of a template that does not ask for letters.
    """
    run = _finished_run(run_id)
    by_persona: dict[int, list[Rating]] = defaultdict(list)
    ratings = Rating.objects.filter(run=run).select_related("persona", "product__brand", "product__category")
    for rating in ratings.order_by("persona_id", "product_id"):
        by_persona[rating.persona_id].append(rating)
    if len(by_persona) < 2:
        reason = "ratings of at least two personas are needed, one of them to measure on"
        raise Invalid.for_field("run", run_id, f"{reason}; it has those of {len(by_persona)}")
    training, kept = split_off(sorted(by_persona), share=held_out, seed=seed)
    return Lessons(
        training=[pack for persona in training for pack in _packs(run, by_persona[persona])],
        held_out=[pack for persona in kept for pack in _packs(run, by_persona[persona])],
        ratings=sum(map(len, by_persona.values())),
    )


def stored_preferences(provenance: str = "") -> list[Preference]:
    """Every preference pair, or those of one provenance. Raises Invalid for an unknown provenance or when none is."""
    if provenance and provenance not in PROVENANCES:
        raise Invalid.for_field("provenance", provenance, f"expected one of {', '.join(PROVENANCES)}")
    pairs = PreferencePair.objects.order_by("created_at", "pk")
    if provenance:
        pairs = pairs.filter(provenance=provenance)
    found = [Preference(*values) for values in pairs.values_list("prompt", "preferred", "rejected").iterator()]
    if len(found) < 2:
        reason = "at least two preference pairs are needed, one of them to measure on"
        raise Invalid.for_field("provenance", provenance or "any", f"{reason}; there are {len(found)}")
    return found


def split_off(items: Sequence[Item], *, share: float, seed: int) -> tuple[list[Item], list[Item]]:
    """(the rest, a share drawn by the seed), neither of them empty. Needs two items."""
    if len(items) < 2 or not 0.0 < share < 1.0:
        raise ValueError(f"items, share: at least two and within (0, 1) needed, received {len(items)} and {share!r}")
    count = min(max(round(share * len(items)), 1), len(items) - 1)
    chosen = set(np.random.default_rng(seed).choice(len(items), size=count, replace=False).tolist())
    parts: tuple[list[Item], list[Item]] = ([], [])
    for index, item in enumerate(items):
        parts[index in chosen].append(item)
    return parts


def _finished_run(run_id: str) -> RatingRun:
    try:
        run = RatingRun.objects.select_related("language_model", "template").filter(pk=UUID(str(run_id))).first()
    except (ValueError, ValidationError):
        run = None
    if run is None:
        raise Invalid.for_field("run", run_id, "no rating run has this id")
    if run.state != RatingRun.State.DONE:
        raise Invalid.for_field("run", run_id, f"only a finished run teaches; this one is {run.state}")
    if run.language_model.scoring == "sampling":
        raise Invalid.for_field("run", run_id, "its model samples ratings, which teach noise: distributions are needed")
    if run.template.style != PromptTemplate.Style.LETTERS:
        raise Invalid.for_field("run", run_id, f"its template asks for {run.template.style}, not for letters")
    return run


def _packs(run: RatingRun, ratings: Sequence[Rating]) -> Iterator[RatedPack]:
    for batch in batched(ratings, PACK_SIZE):
        rows = list(batch)
        suffixes = [render_suffix(run.template, rating.product) for rating in rows]
        wanted = np.array([rating.calibrated_probabilities or rating.probabilities for rating in rows], np.float32)
        wanted /= wanted.sum(axis=1, keepdims=True)
        for order in LABEL_ORDERS:
            prefix = render_prefix(run.template, rows[0].persona, order=order)
            yield RatedPack(prefix=prefix, suffixes=suffixes, probabilities=wanted, order=order)
