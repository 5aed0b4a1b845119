"""Prompt templates as rows, and their words filled with personas and products."""

from decimal import Decimal

from catalog.models import Product
from personas.ml import prompt_text
from personas.ml.prompt_text import ASCENDING, fill_prefix, fill_suffix, template_sha256
from personas.models import Persona, PromptTemplate

NAME = "letter scale"
VERSION = 2


def default_template() -> PromptTemplate:
    """The row of the template in prompt_text.py."""
    template, _ = PromptTemplate.objects.get_or_create(
        name=NAME,
        version=VERSION,
        defaults={
            "style": PromptTemplate.Style.LETTERS,
            "prefix": prompt_text.PREFIX,
            "suffix": prompt_text.SUFFIX,
            "meanings": list(prompt_text.MEANINGS),
            "examples": [list(example) for example in prompt_text.EXAMPLES],
            "sha256": template_sha256(
                prompt_text.PREFIX, prompt_text.SUFFIX, prompt_text.MEANINGS, prompt_text.EXAMPLES
            ),
        },
    )
    return template


def persona_fields(persona: Persona) -> dict[str, str]:
    return {
        "name": persona.name,
        "gender": persona.gender,
        "age_band": persona.age_band,
        "region": persona.region,
        "occupation": persona.occupation,
        "style": persona.style,
        "budget": persona.budget,
        "likes": ", ".join(persona.likes),
        "dislikes": ", ".join(persona.dislikes),
        "brands": ", ".join(persona.brands),
        "bio": persona.bio,
    }


def product_fields(product: Product) -> dict[str, str]:
    attributes = product.attributes
    return {
        "title": product.title,
        "brand": product.brand.name if product.brand else "",
        "category": product.category.name if product.category else "",
        "gender": product.gender,
        "colour": product.colour,
        "pattern": product.pattern,
        "material": product.material,
        "season": product.season,
        "style": str(attributes.get("style") or attributes.get("usage") or ""),
        "price": _price(product.price),
    }


def render_prefix(template: PromptTemplate, persona: Persona, *, order: str = ASCENDING) -> str:
    return fill_prefix(
        template.prefix, persona_fields(persona), order=order, meanings=template.meanings, examples=template.examples
    )


def render_suffix(template: PromptTemplate, product: Product) -> str:
    return fill_suffix(template.suffix, product_fields(product))


def _price(price: Decimal | None) -> str:
    return f"{price:.2f}" if price is not None else ""
