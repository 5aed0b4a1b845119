"""The words that ask for a rating: the persona and the scale first, then one product."""

import hashlib
from decimal import Decimal

from catalog.models import Product
from personas.ml.language_model import LABELS
from personas.models import SCALE, Persona, PromptTemplate

NAME = "letter scale"
VERSION = 1

MEANINGS = (
    "strongly dislikes it and would never wear it",
    "would not take it for free",
    "finds it wrong in most ways",
    "does not care for it",
    "would pass it by",
    "has no feeling either way",
    "might look twice",
    "likes it",
    "likes it a lot",
    "would buy it soon",
    "loves it and would buy it today",
)
"""What each point of SCALE means to the persona, in order."""

PREFIX = """\
You are {name}, and you rate clothes for yourself alone.
Gender: {gender}
Age: {age_band}
Region: {region}
Occupation: {occupation}
Style: {style}
Budget: {budget}
Likes: {likes}
Dislikes: {dislikes}
About you: {bio}

Rate each product with one letter:
{scale}
"""
SUFFIX = """
Product
Title: {title}
Brand: {brand}
Category: {category}
Gender: {gender}
Colour: {colour}
Pattern: {pattern}
Material: {material}
Season: {season}
Style: {style}
Price: {price}
Rating:"""


def default_template() -> PromptTemplate:
    """The row of the template in this file."""
    digest = hashlib.sha256((PREFIX + "\x00" + SUFFIX + "\x00" + "\x00".join(MEANINGS)).encode()).hexdigest()
    template, _ = PromptTemplate.objects.get_or_create(
        name=NAME, version=VERSION, defaults={"prefix": PREFIX, "suffix": SUFFIX, "sha256": digest}
    )
    return template


def render_prefix(template: PromptTemplate, persona: Persona) -> str:
    scale = "\n".join(
        f"{label}: {point} - {meaning}" for label, point, meaning in zip(LABELS, SCALE, MEANINGS, strict=True)
    )
    return template.prefix.format(
        name=_line(persona.name),
        gender=persona.gender,
        age_band=persona.age_band,
        region=persona.region,
        occupation=persona.occupation,
        style=persona.style,
        budget=persona.budget,
        likes=_line(", ".join(persona.likes)),
        dislikes=_line(", ".join(persona.dislikes)),
        bio=_line(persona.bio),
        scale=scale,
    )


def render_suffix(template: PromptTemplate, product: Product) -> str:
    """Lines without a value are left out: "unknown" would read like a fact."""
    attributes = product.attributes
    filled = template.suffix.format(
        title=_line(product.title),
        brand=_line(product.brand.name if product.brand else ""),
        category=_line(product.category.name if product.category else ""),
        gender=_line(product.gender),
        colour=_line(product.colour),
        pattern=_line(product.pattern),
        material=_line(product.material),
        season=_line(product.season),
        style=_line(str(attributes.get("style") or attributes.get("usage") or "")),
        price=_price(product.price),
    )
    return "\n".join(line for line in filled.split("\n") if not line.endswith(": "))


def prompt_sha256(prefix: str, suffix: str) -> str:
    return hashlib.sha256((prefix + suffix).encode()).hexdigest()


def _line(value: str) -> str:
    """One line: a value that somebody typed must not be able to add lines of its own to the prompt."""
    return " ".join(value.split())


def _price(price: Decimal | None) -> str:
    return f"{price:.2f}" if price is not None else ""
