"""Planning prompt lab runs: the same cells in every arm; and keeping what was answered."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import F

from catalog.models import Product
from fashionrec.common.errors import Invalid
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.models import Chunk
from fashionrec.common.queue import enqueue
from fashionrec.common.runs import LeaseLost
from personas.ml.lab_arms import BIO_RICHNESS, EVERYONE, LIMITS, PROBABILITIES, ArmSettings, grid_arms
from personas.ml.prompt_text import LABEL_ORDERS
from personas.models import LabChunk, LabOutput, LabRun, LanguageModel, Persona, PromptTemplate
from personas.services.personas import MAX_SEED

MAX_PERSONAS = 50
MAX_PRODUCTS = 200
MAX_ARMS = 120
MAX_CALLS = 50_000

DEFAULT_GRID: dict[str, list[Any]] = {
    "temperature": [0.7],
    "top_p": [1.0],
    "top_k": [0],
    "repetition_penalty": [1.0],
    "bio": ["full"],
}


@transaction.atomic
def plan_lab_run(
    *,
    language_models: Sequence[LanguageModel],
    templates: Sequence[PromptTemplate],
    personas: Sequence[Persona],
    products: Sequence[Product],
    grid: Mapping[str, Sequence[Any]] | None = None,
    seed: int = 0,
) -> LabRun:
    """Queue a run that asks every arm of the grid about every persona and product; its `plan` says how many calls.

    grid: lists by parameter (temperature, top_p, top_k, repetition_penalty, bio); what it does not name is as in
    DEFAULT_GRID. The same plan that is still open is the same run. Raises Invalid naming the field for an empty list,
    an unknown parameter, a value outside its limits, or a plan over MAX_ARMS, MAX_PERSONAS, MAX_PRODUCTS or MAX_CALLS.
    """
    if not 0 <= seed <= MAX_SEED:
        raise Invalid.for_field("seed", seed, f"expected 0 to {MAX_SEED}")
    for name, rows, most in (
        ("language_models", language_models, MAX_ARMS),
        ("templates", templates, MAX_ARMS),
        ("personas", personas, MAX_PERSONAS),
        ("products", products, MAX_PRODUCTS),
    ):
        if not 1 <= len(rows) <= most:
            raise Invalid.for_field(name, len(rows), f"expected 1 to {most}")
    checked = checked_grid(grid or {})
    arms = [
        (model, template, settings)
        for model in language_models
        for template in templates
        for settings in grid_arms(template.style, checked)
    ]
    if len(arms) > MAX_ARMS:
        raise Invalid.for_field("grid", len(arms), f"makes more than {MAX_ARMS} arms; leave out values or templates")
    cells = [[persona.pk, product.pk] for persona in personas for product in products]
    calls = sum(_calls(template.style, settings, len(personas), len(products)) for _, template, settings in arms)
    if calls > MAX_CALLS:
        raise Invalid.for_field(
            "grid", calls, f"makes more than {MAX_CALLS} calls; leave out personas, products or arms"
        )
    plan = {
        "grid": checked,
        "language_models": [model.name for model in language_models],
        "templates": [str(template) for template in templates],
        "personas": len(personas),
        "products": len(products),
        "arms": len(arms),
        "cells": len(cells),
        "calls": calls,
    }
    take_lock(Lock.RATING_PLAN)
    run = LabRun.objects.filter(plan=plan, cells=cells, seed=seed, state__in=LabRun.OPEN_STATES).first()
    if run is None:
        run = LabRun.objects.create(plan=plan, cells=cells, seed=seed, total=len(cells) * len(arms))
        LabChunk.objects.bulk_create(
            LabChunk(
                run=run,
                index=index,
                size=len(cells),
                language_model=model,
                template=template,
                arm=settings.as_json(),
            )
            for index, (model, template, settings) in enumerate(arms)
        )
    enqueue(LabRun.task_name, str(run.pk))
    return run


def checked_grid(grid: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The grid with every parameter, each value once. Raises Invalid naming the parameter and the value."""
    for name in grid:
        if name not in DEFAULT_GRID:
            raise Invalid.for_field("grid", name, f"expected {', '.join(DEFAULT_GRID)}")
    checked: dict[str, list[Any]] = {}
    for name, default in DEFAULT_GRID.items():
        values = list(dict.fromkeys(grid.get(name, default)))
        if not values:
            raise Invalid.for_field(name, values, "expected at least one value")
        for value in values:
            _check_value(name, value)
        checked[name] = [type(default[0])(value) for value in values]
    return checked


def sample_personas(*, count: int, seed: int) -> list[Persona]:
    """`count` personas (or all there are), drawn by `seed`, in the order of their keys. Raises Invalid for none."""
    if not 1 <= count <= MAX_PERSONAS:
        raise Invalid.for_field("personas", count, f"expected 1 to {MAX_PERSONAS}")
    chosen = _sample(list(Persona.objects.order_by("key").values_list("pk", flat=True)), count, seed)
    if not chosen:
        raise Invalid.for_field("personas", 0, "there are no personas yet: generate some first")
    return list(Persona.objects.filter(pk__in=chosen).order_by("key"))


def sample_products(*, count: int, seed: int) -> list[Product]:
    """`count` visible products (or all there are), drawn by `seed`, by primary key. Raises Invalid for none."""
    if not 1 <= count <= MAX_PRODUCTS:
        raise Invalid.for_field("products", count, f"expected 1 to {MAX_PRODUCTS}")
    chosen = _sample(list(Product.objects.visible().order_by("pk").values_list("pk", flat=True)), count, seed)
    if not chosen:
        raise Invalid.for_field("products", 0, "the catalogue has no visible product")
    return list(Product.objects.filter(pk__in=chosen).order_by("pk"))


@transaction.atomic
def store_outputs(*, run: LabRun, chunk: LabChunk, outputs: Sequence[LabOutput]) -> None:
    """Keep answers as they come. Raises LeaseLost, keeping none, when another worker holds the arm now."""
    # An arm that got on is no poison: the count of attempts starts anew.
    held = LabChunk.objects.filter(pk=chunk.pk, lease_owner=chunk.lease_owner, state=Chunk.State.PENDING)
    if not held.update(attempts=1):
        raise LeaseLost(f"{run.pk} chunk {chunk.index}")
    LabOutput.objects.bulk_create(outputs)
    LabRun.objects.filter(pk=run.pk).update(done=F("done") + len(outputs))


def store_report(*, run: LabRun, report: dict[str, Any]) -> LabRun:
    """Keep the report of a run that ended. Arms that no model could answer do not make a failure of the others."""
    LabRun.objects.filter(pk=run.pk).update(report=report)
    if run.chunks.filter(state=Chunk.State.DONE).exists():
        LabRun.objects.filter(pk=run.pk, state=LabRun.State.FAILED).update(state=LabRun.State.DONE)
    run.refresh_from_db()
    return run


def _calls(style: str, settings: ArmSettings, personas: int, products: int) -> int:
    if style == EVERYONE:
        return products
    return personas * products * (len(LABEL_ORDERS) if settings.reading == PROBABILITIES else 1)


def _check_value(name: str, value: Any) -> None:
    if name == "bio":
        if value not in BIO_RICHNESS:
            raise Invalid.for_field(name, value, f"expected one of {', '.join(BIO_RICHNESS)}")
        return
    low, high = LIMITS[name]
    whole = name != "top_k" or isinstance(value, int)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not whole or not low <= value <= high:
        kind = "a whole number from" if name == "top_k" else "a number from"
        raise Invalid.for_field(name, value, f"expected {kind} {low:g} to {high:g}")


def _sample(keys: list[int], count: int, seed: int) -> list[int]:
    if len(keys) <= count:
        return keys
    return [keys[place] for place in np.random.default_rng(seed).choice(len(keys), size=count, replace=False)]
