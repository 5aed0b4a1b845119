"""Planning a rating run: which cells, and what asking them will take."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import transaction

from catalog.models import Product
from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.queue import enqueue
from fashionrec.common.runs import resume_paused
from personas.ml.plan import assign, estimate_tokens, spread_order
from personas.ml.prompt_text import LABEL_ORDERS
from personas.models import LanguageModel, Persona, PromptTemplate, Purpose, RatingChunk, RatingRun
from personas.prompts import default_template, render_prefix, render_suffix
from personas.services.language_models import check_usable
from personas.services.personas import MAX_SEED

CHUNK_SIZE = 64
HIGHEST_BUDGET = {"max_tokens": 2**63 - 1, "max_cost": 99_999_999}
RECHECKED_SHARE = 0.05
RECHECKED_BOUNDS = (60, 400)
"""Cells that are asked a second time for test–retest; as many are asked with another persona's words (the control)
where a product has one rater only. 60 is what the gate needs to say anything; 400 pin a correlation down to ± .02."""


@dataclass(frozen=True)
class RatingPlan:
    """Cells per persona and purpose, and what they are expected to take."""

    cells: list[tuple[Purpose, Persona, list[int]]]
    figures: dict[str, Any]


def draw_plan(
    *,
    personas: Sequence[Persona],
    language_model: LanguageModel,
    raters_per_product: int,
    seed: int = 0,
    template: PromptTemplate | None = None,
    products: int | None = None,
) -> RatingPlan:
    """Every visible product (or `products` of them, drawn) rated by `raters_per_product` personas who differ.

    Stores nothing. Raises Invalid without personas or products, when fewer exist than are asked for, for a negative
    seed, or for a template whose answers are not read as label probabilities.
    """
    if not 0 <= seed <= MAX_SEED:
        raise Invalid.for_field("seed", seed, f"expected 0 to {MAX_SEED}")
    if not 1 <= raters_per_product <= len(personas):
        raise Invalid.for_field(
            "raters_per_product", raters_per_product, f"expected 1 to {len(personas)}, the personas"
        )
    template = template or default_template()
    if template.style != PromptTemplate.Style.LETTERS:
        raise Invalid.for_field("template", str(template), "its answers are not letters; only the prompt lab asks it")
    visible = list(Product.objects.visible().order_by("pk").values_list("pk", flat=True))
    if not visible:
        raise Invalid.for_field("products", 0, "the catalogue has no visible product to rate")
    if products is not None and not 1 <= products <= len(visible):
        raise Invalid.for_field("products", products, f"expected 1 to {len(visible)}, the visible products")
    generator = np.random.default_rng(seed)
    if products is not None:
        visible = sorted(int(pk) for pk in generator.choice(visible, size=products, replace=False))
    attributes = [(p.gender, p.age_band, p.region, p.occupation, p.style, p.budget) for p in personas]
    order = spread_order(attributes, window=raters_per_product, generator=generator)
    assigned = assign(visible, order, raters=raters_per_product, generator=generator)
    cells = [
        (Purpose.RATING, persona, product_ids)
        for persona, product_ids in zip(personas, assigned, strict=True)
        if product_ids
    ]
    rechecked = _rechecked(assigned, generator)
    cells += [(Purpose.RETEST, personas[row], product_ids) for row, product_ids in rechecked.items()]
    if raters_per_product == 1 and len(personas) > 1:
        # The next person in the spread order is one who has little in common with the product's rater.
        follower = dict(zip(order, order[1:] + order[:1], strict=True))
        cells += [(Purpose.CONTROL, personas[follower[row]], product_ids) for row, product_ids in rechecked.items()]
    return RatingPlan(cells, _figures(cells, visible, personas, raters_per_product, template, language_model))


@transaction.atomic
def plan_rating_run(
    *,
    personas: Sequence[Persona],
    language_model: LanguageModel,
    raters_per_product: int,
    seed: int = 0,
    template: PromptTemplate | None = None,
    products: int | None = None,
    max_tokens: int | None = None,
    max_cost: Decimal | None = None,
) -> RatingRun:
    """Queue a run of the cells that `draw_plan` draws; it pauses before it exceeds a budget.

    Raises Invalid as `draw_plan` does, for a budget that is not positive, or for a cost budget of a model without a
    price; Conflict while a run of the same language model is open or paused, or when probing refused it.
    """
    _check_budget(language_model, max_tokens, max_cost)
    template = template or default_template()
    plan = draw_plan(
        personas=personas,
        language_model=language_model,
        raters_per_product=raters_per_product,
        seed=seed,
        template=template,
        products=products,
    )
    check_usable(language_model)
    take_lock(Lock.RATING_PLAN)
    unfinished = [*RatingRun.OPEN_STATES, RatingRun.State.PAUSED]
    if RatingRun.objects.filter(language_model=language_model, state__in=unfinished).exists():
        raise Conflict.for_field("language_model", language_model.name, "a run of it is queued, running or paused")
    run = RatingRun.objects.create(
        language_model=language_model,
        template=template,
        seed=seed,
        total=sum(len(product_ids) for _, _, product_ids in plan.cells),
        plan=plan.figures,
        max_tokens=max_tokens,
        max_cost=max_cost,
    )
    chunks: list[RatingChunk] = []
    for purpose, persona, product_ids in plan.cells:
        for start in range(0, len(product_ids), CHUNK_SIZE):
            piece = product_ids[start : start + CHUNK_SIZE]
            chunks.append(
                RatingChunk(
                    run=run, index=len(chunks), size=len(piece), persona=persona, product_ids=piece, purpose=purpose
                )
            )
    RatingChunk.objects.bulk_create(chunks)
    enqueue(RatingRun.task_name, str(run.pk))
    return run


@transaction.atomic
def resume_with_budget(*, run: RatingRun, max_tokens: int | None = None, max_cost: Decimal | None = None) -> None:
    """Let a paused run go on under another budget; None lifts it. Raises Conflict unless the run is paused, Invalid as
    `change_budget` does.
    """
    resume_paused(run=run)
    change_budget(run=run, max_tokens=max_tokens, max_cost=max_cost)


def change_budget(*, run: RatingRun, max_tokens: int | None, max_cost: Decimal | None) -> None:
    """Give a run that goes on another budget; None lifts it. Its workers heed it from the next call on.

    Raises Invalid for a budget that is not positive, or for a cost budget of a model without a price.
    """
    _check_budget(run.language_model, max_tokens, max_cost)
    RatingRun.objects.filter(pk=run.pk).update(max_tokens=max_tokens, max_cost=max_cost)


def _check_budget(language_model: LanguageModel, max_tokens: int | None, max_cost: Decimal | None) -> None:
    for name, value in (("max_tokens", max_tokens), ("max_cost", max_cost)):
        if value is not None and not 0 < value <= HIGHEST_BUDGET[name]:
            raise Invalid.for_field(name, value, f"expected more than 0 and at most {HIGHEST_BUDGET[name]}")
    if max_cost is not None and not (language_model.prompt_price or language_model.completion_price):
        reason = f"{language_model.name} has no price, so it would never be reached"
        raise Invalid.for_field("max_cost", max_cost, reason)


def _rechecked(assigned: Sequence[Sequence[int]], generator: np.random.Generator) -> dict[int, list[int]]:
    """Cells to be asked again, by row of the persona: drawn from all of them."""
    cells = [(row, product) for row, products in enumerate(assigned) for product in products]
    low, high = RECHECKED_BOUNDS
    size = min(len(cells), max(low, min(high, round(RECHECKED_SHARE * len(cells)))))
    drawn: dict[int, list[int]] = {}
    for index in sorted(generator.choice(len(cells), size=size, replace=False)):
        row, product = cells[int(index)]
        drawn.setdefault(row, []).append(product)
    return drawn


def _figures(
    cells: Sequence[tuple[Purpose, Persona, list[int]]],
    visible: Sequence[int],
    personas: Sequence[Persona],
    raters_per_product: int,
    template: PromptTemplate,
    language_model: LanguageModel,
) -> dict[str, Any]:
    sample = Product.objects.filter(pk__in=visible[:: max(1, len(visible) // 50)]).select_related("brand", "category")
    suffix = float(np.mean([len(render_suffix(template, product)) for product in sample]))
    counts = dict.fromkeys(Purpose, 0)
    characters = 0.0
    for purpose, persona, product_ids in cells:
        counts[purpose] += len(product_ids)
        characters += len(LABEL_ORDERS) * len(product_ids) * (len(render_prefix(template, persona)) + suffix)
    calls = len(LABEL_ORDERS) * sum(counts.values())
    tokens = estimate_tokens(characters)
    price = Decimal(language_model.prompt_price) * tokens + Decimal(language_model.completion_price) * calls
    return {
        "personas": len(personas),
        "products": len(visible),
        "raters_per_product": raters_per_product,
        "cells": {str(purpose): count for purpose, count in counts.items() if count},
        "calls": calls,
        "estimated_tokens": tokens,
        "estimated_cost": round(float(price) / 1e6, 4),
    }
