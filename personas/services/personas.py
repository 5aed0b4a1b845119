"""Filling the quota grid with people."""

from django.db import transaction

from fashionrec.common.errors import Invalid
from personas.biographies import write_biography
from personas.models import Persona
from personas.quotas import draw_cells

MAX_COUNT = 10_000
MAX_SEED = 2**63 - 1


@transaction.atomic
def generate_personas(*, count: int, seed: int = 0) -> list[Persona]:
    """Make `count` personas from the quota grid, once: the same count and seed find the same rows again.

    Raises Invalid unless 1 ≤ count ≤ MAX_COUNT and 0 ≤ seed ≤ MAX_SEED.
    """
    if not 1 <= count <= MAX_COUNT:
        raise Invalid.for_field("count", count, f"expected 1 to {MAX_COUNT}")
    if not 0 <= seed <= MAX_SEED:
        raise Invalid.for_field("seed", seed, f"expected 0 to {MAX_SEED}")
    people = []
    for index, cell in enumerate(draw_cells(count=count, seed=seed)):
        person = write_biography(cell, index=index, seed=seed)
        people.append(
            Persona(
                key=f"p{seed}-{count}-{index:04d}",
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
