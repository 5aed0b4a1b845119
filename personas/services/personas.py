"""Filling the quota grid with people."""

import hashlib
import json

from django.db import transaction

from fashionrec.common.errors import Invalid
from personas.biographies import write_biography
from personas.models import Persona
from personas.quotas import Quotas, draw_cells, resolve_quotas

MAX_COUNT = 10_000
MAX_SEED = 2**63 - 1


def check_count_and_seed(*, count: int, seed: int) -> None:
    """Raises Invalid unless 1 ≤ count ≤ MAX_COUNT and 0 ≤ seed ≤ MAX_SEED."""
    if not 1 <= count <= MAX_COUNT:
        raise Invalid.for_field("count", count, f"expected 1 to {MAX_COUNT}")
    if not 0 <= seed <= MAX_SEED:
        raise Invalid.for_field("seed", seed, f"expected 0 to {MAX_SEED}")


@transaction.atomic
def generate_personas(*, count: int, seed: int = 0, quotas: Quotas | None = None) -> list[Persona]:
    """Make `count` personas from the quota grid, once: the same count, seed and quotas find the same rows again.

    Raises Invalid unless 1 ≤ count ≤ MAX_COUNT and 0 ≤ seed ≤ MAX_SEED, and for quotas that cannot be met.
    """
    check_count_and_seed(count=count, seed=seed)
    numbers, usual = resolve_quotas(count=count, quotas=quotas), resolve_quotas(count=count)
    set_name = f"p{seed}-{count}" + (f"-{_fingerprint(numbers)}" if numbers != usual else "")
    people = []
    for index, cell in enumerate(draw_cells(count=count, seed=seed, quotas=quotas)):
        person = write_biography(cell, index=index, seed=seed)
        people.append(
            Persona(
                key=f"{set_name}-{index:04d}",
                name=person.name,
                gender=cell["gender"],
                age_band=cell["age_band"],
                region=cell["region"],
                occupation=cell["occupation"],
                style=cell["style"],
                budget=cell["budget"],
                likes=person.likes,
                dislikes=person.dislikes,
                bio=person.bio,
                seed=seed,
                provenance=Persona.TEMPLATE,
            )
        )
    Persona.objects.bulk_create(people, ignore_conflicts=True)
    return list(Persona.objects.filter(key__in=[person.key for person in people]).order_by("key"))


def _fingerprint(numbers: dict[str, dict[str, int]]) -> str:
    return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()[:8]
