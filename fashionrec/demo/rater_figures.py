"""What a small rater is worth: measured on personas, products and requests that it was not trained on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from tokenizers import Tokenizer

from fashionrec.demo.persona_corpus import draw_cell
from fashionrec.demo.rater_examples import PARTS, RaterExamples
from personas.ml.near_duplicates import ACCEPTED, PersonaIndex, person_text
from personas.ml.persona_draft import PersonaDraft, persona_messages
from personas.ml.prompt_text import (
    ASCENDING,
    DESCENDING,
    EXAMPLES,
    MEANINGS,
    POINTS,
    example_lines,
    scale_lines,
)
from personas.ml.rater_evaluation import LOW, agreement, pack_log_probabilities, rank_correlation
from personas.ml.rater_examples import RatedPack
from personas.ml.rater_writing import write_texts
from personas.ml.structured_output import completion_prompt, first_json_object

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def unseen_packs(*, seed: int, personas: int, products: int, pool: int = 2_000) -> list[RatedPack]:
    """Each persona's products twice, in ascending and then in descending label order. pool: as in RaterExamples."""
    packs = RaterExamples(seed=seed, products=pool).packs(0, count=personas, size=products)
    return [in_order(pack, order) for pack in packs for order in (ASCENDING, DESCENDING)]


def in_order(pack: RatedPack, order: str) -> RatedPack:
    """The same question with the scale and the examples in the other label order."""
    prefix = pack.prefix
    for lines in (lambda of: scale_lines(MEANINGS, of), lambda of: example_lines(EXAMPLES, of)):
        prefix = prefix.replace(lines(pack.order), lines(order))
    return replace(pack, prefix=prefix, order=order)


def rating_figures(model: PreTrainedModel, tokenizer: Tokenizer, packs: Sequence[RatedPack]) -> dict[str, float]:
    """Figures of `agreement`, and: order_agreement, the rank correlation of expectations in both label orders over
    all cells; disliked_low and disliked_low_teacher, the shares of cells with a disliked word rated 2 or less;
    disliked_fall, how far below the other cells those lie on average; prompts_a_second.
    """
    started = time.perf_counter()
    found = [pack_log_probabilities(model, tokenizer, pack) for pack in packs]
    seconds = time.perf_counter() - started
    figures = agreement(packs, found)
    scale = np.array(POINTS, dtype=np.float64)
    rated = [np.exp(rows) @ scale / np.exp(rows).sum(axis=1) for rows in found]
    wanted = np.concatenate([pack.probabilities @ scale for pack in packs])
    disliked = np.concatenate([_disliked(pack) for pack in packs])
    ratings = np.concatenate(rated)
    figures["order_agreement"] = rank_correlation(np.concatenate(rated[0::2]), np.concatenate(rated[1::2]))
    figures["disliked_low"] = float((ratings[disliked] <= LOW).mean())
    figures["disliked_low_teacher"] = float((wanted[disliked] <= LOW).mean())
    figures["disliked_fall"] = float(ratings[~disliked].mean() - ratings[disliked].mean())
    figures["prompts_a_second"] = figures["cells"] / seconds
    return figures


def writing_figures(
    model: PreTrainedModel, tokenizer: Tokenizer, *, seed: int, count: int, top_p: float = 0.95
) -> dict[str, float]:
    """Figures of answers drawn at temperature 1, as persona runs draw them.

    valid: share that are a PersonaDraft; too_alike: share of those that are too near one before; names: distinct
    names a draft; likes_told: share of bios that name a like or dislike; seconds_a_person.
    """
    rng = np.random.default_rng([seed, 7])
    cells = [draw_cell(rng) for _ in range(count)]
    started = time.perf_counter()
    texts = write_texts(
        model, tokenizer, [completion_prompt(persona_messages(cell)) for cell in cells], seed=seed, top_p=top_p
    )
    seconds = time.perf_counter() - started
    drafts = [draft for text in texts if (draft := _draft(text))]
    told = [any(word in draft.bio for word in (*draft.likes, *draft.dislikes)) for draft in drafts]
    return {
        "asked": float(count),
        "valid": len(drafts) / count,
        "too_alike": _too_alike(drafts),
        "names": len({draft.name for draft in drafts}) / max(len(drafts), 1),
        "likes_told": float(np.mean(told)) if told else 0.0,
        "seconds_a_person": seconds / count,
    }


def _draft(text: str) -> PersonaDraft | None:
    try:
        return PersonaDraft.model_validate(first_json_object(text.split("\n\n")[0]))
    except (ValueError, ValidationError):
        return None


def _too_alike(drafts: Sequence[PersonaDraft]) -> float:
    """Share of drafts that a persona run would refuse for being near one before."""
    index, refused = PersonaIndex(), 0
    for draft in drafts:
        text = person_text(bio=draft.bio, brands=draft.brands, dislikes=draft.dislikes)
        twin = index.nearest(text)
        if twin and twin.cosine > ACCEPTED:
            refused += 1
        else:
            index.add(text)
    return refused / max(len(drafts), 1)


def _disliked(pack: RatedPack) -> NDArray[np.bool_]:
    """Which suffixes the teacher found a disliked word in."""
    if pack.hints is None:
        raise ValueError("pack: expected one with hints, received one without")
    return np.asarray(pack.hints.parts[:, PARTS.index("dislikes")] < 0)
