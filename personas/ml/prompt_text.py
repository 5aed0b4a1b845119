"""The words that ask for a rating, without any row: the persona, the scale and examples first, then one product.

Letters stand for the points of the scale, because digits and "10" are no single tokens. In ascending order A is −1
and K is 10, in descending order A is 10: averaging both takes out a model's liking for a letter.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence

from personas.ml.language_model import LABELS

POINTS: tuple[int, ...] = (-1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)

ASCENDING, DESCENDING = "ascending", "descending"
LABEL_ORDERS: tuple[str, ...] = (ASCENDING, DESCENDING)

MEANINGS: tuple[str, ...] = (
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
"""What each point means to the persona, from worst to best."""

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
Brands: {brands}
About you: {bio}

Rate each product with one letter. Most products are not for you: say so.
{scale}

Examples from somebody who dislikes neon and fur, and likes navy and wool:
{examples}
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

EXAMPLES: tuple[tuple[str, int], ...] = (
    ("Neon mesh top, colour neon", -1),
    ("Navy wool coat, colour navy, material wool", 10),
    ("Hooded coat with fur trim, material fur", -1),
    ("Grey cotton shirt, colour grey", 6),
    ("Brown canvas belt, colour brown", 4),
)
"""Two of five are −1: shown no refusal, models refuse nothing."""

PERSONA_FIELDS = (
    "name", "gender", "age_band", "region", "occupation", "style", "budget", "likes", "dislikes", "brands", "bio",
)  # fmt: skip
PRODUCT_FIELDS = (
    "title", "brand", "category", "gender", "colour", "pattern", "material", "season", "style", "price",
)  # fmt: skip


def labels_by_point(order: str) -> tuple[str, ...]:
    """The letter of each point of the scale, worst first: A..K ascending, K..A descending."""
    if order not in LABEL_ORDERS:
        raise ValueError(f"order: expected one of {', '.join(LABEL_ORDERS)}, received {order!r}")
    return LABELS if order == ASCENDING else LABELS[::-1]


def scale_lines(meanings: Sequence[str], order: str) -> str:
    """The scale, one line a letter from A to K. No meaning given leaves the points bare."""
    described = meanings or [""] * len(POINTS)
    of_letter = dict(zip(labels_by_point(order), zip(POINTS, described, strict=True), strict=True))
    lines = []
    for letter in LABELS:
        point, meaning = of_letter[letter]
        lines.append(f"{letter}: {point}" + (f" - {meaning}" if meaning else ""))
    return "\n".join(lines)


def example_lines(examples: Sequence[Sequence[object]], order: str) -> str:
    letters = dict(zip(POINTS, labels_by_point(order), strict=True))
    return "\n".join(f"{product} Rating: {letters[int(str(point))]}" for product, point in examples)


def fill_prefix(
    text: str,
    persona: Mapping[str, str],
    *,
    order: str = ASCENDING,
    meanings: Sequence[str] = MEANINGS,
    examples: Sequence[Sequence[object]] = EXAMPLES,
) -> str:
    """The prefix for a persona (PERSONA_FIELDS; lists already joined by commas). Empty lines' fields are left out."""
    values = {name: one_line(persona.get(name, "")) for name in PERSONA_FIELDS}
    filled = text.format(**values, scale=scale_lines(meanings, order), examples=example_lines(examples, order))
    return without_empty_fields(filled)


def fill_suffix(text: str, product: Mapping[str, str]) -> str:
    """The suffix for a product (PRODUCT_FIELDS). Fields without a value are left out: "unknown" reads like a fact."""
    return without_empty_fields(text.format(**{name: one_line(product.get(name, "")) for name in PRODUCT_FIELDS}))


def without_empty_fields(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.endswith(": "))


def one_line(value: str) -> str:
    """One line: a value that somebody typed must not be able to add lines of its own to the prompt."""
    return " ".join(value.split())


def probe_prompts() -> tuple[str, list[str]]:
    """A prefix and suffixes that say nothing of any shop's own: what probing a model asks."""
    persona = {
        "name": "Alex Moreau", "gender": "woman", "age_band": "25-34", "region": "capital",
        "occupation": "office worker", "style": "minimal", "budget": "medium",
        "likes": "wool, navy, plain", "dislikes": "floral, pink",
        "bio": "Alex walks to work in all weathers. She will not wear floral or pink.",
    }  # fmt: skip
    products = (
        {"title": "Navy wool coat", "category": "Coats", "gender": "women", "colour": "navy", "material": "wool"},
        {"title": "Pink floral dress", "category": "Dresses", "gender": "women", "colour": "pink", "pattern": "floral"},
        {"title": "Grey cotton T-shirt", "category": "T-shirts", "gender": "women", "colour": "grey", "price": "19.00"},
    )
    return fill_prefix(PREFIX, persona), [fill_suffix(SUFFIX, product) for product in products]


def template_sha256(prefix: str, suffix: str, meanings: Sequence[str], examples: Sequence[Sequence[object]]) -> str:
    """Digest of everything that a template says."""
    said = json.dumps([prefix, suffix, list(meanings), [list(example) for example in examples]])
    return hashlib.sha256(said.encode()).hexdigest()


def prompt_sha256(prefix: str, suffix: str) -> str:
    return hashlib.sha256((prefix + suffix).encode()).hexdigest()
