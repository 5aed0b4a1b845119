"""The prompts of the lab: any style of template, with as much of the bio as an arm tells."""

from collections.abc import Sequence

from catalog.models import Product
from personas.ml.lab_arms import LETTERS, everyone_prefix, person_prefix, shorten_bio
from personas.ml.prompt_text import ASCENDING, fill_prefix
from personas.models import Persona, PromptTemplate
from personas.prompts import persona_fields, render_suffix


def lab_prefix(template: PromptTemplate, persona: Persona, *, bio: str, order: str = ASCENDING) -> str:
    """The prefix for one persona; `order` matters to letters templates only."""
    fields = _with_bio(persona, bio)
    if template.style == LETTERS:
        return fill_prefix(template.prefix, fields, order=order, meanings=template.meanings, examples=template.examples)
    return person_prefix(template.prefix, fields, meanings=template.meanings, examples=template.examples)


def everyone_prompt(template: PromptTemplate, personas: Sequence[Persona], product: Product, *, bio: str) -> str:
    """The whole prompt of a call that asks for all personas' ratings of one product."""
    people = [_with_bio(persona, bio) for persona in personas]
    return everyone_prefix(template.prefix, people) + render_suffix(template, product)


def _with_bio(persona: Persona, richness: str) -> dict[str, str]:
    fields = persona_fields(persona)
    return {**fields, "bio": shorten_bio(fields["bio"], richness)}
