"""Captions and prompts that teach a text tower the words people use for what a product's attributes say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

# Attributes that name the thing, its colour and so on, in our own catalogues and in the Kaggle fashion layout.
NOUNS = ("type", "category", "articleType", "subCategory", "label")
COLOURS = ("colour", "baseColour")
AUDIENCES = ("gender",)
SEASONS = ("season",)
PATTERNS = ("pattern",)
CLOTH = (*PATTERNS, "material")
BRANDS = ("brand",)
# Said, but not seen: no picture is judged by them.
CAPTION_ONLY = BRANDS
# Too coarse or too vague to be said in a caption; prompts still name them.
UNSPOKEN = ("masterCategory", "usage")

_SYNONYMS: dict[str, tuple[str, ...]] = {
    "plain": ("solid", "unpatterned"),
    "striped": ("stripes", "stripy", "pinstripe"),
    "dotted": ("polka dot", "dots", "spotted"),
    "checked": ("plaid", "check", "gingham", "tartan"),
    "floral": ("flowers", "flower print", "flowery"),
    "navy": ("navy blue", "dark blue"),
    "light blue": ("sky blue", "pale blue"),
    "burgundy": ("maroon", "wine red", "dark red"),
    "beige": ("sand", "tan"),
    "cream": ("ivory", "off white"),
    "grey": ("gray",),
    "teal": ("petrol",),
    "camel": ("light brown",),
    "lavender": ("lilac", "light purple"),
    "purple": ("violet",),
    "olive": ("khaki", "olive green"),
    "mustard": ("dark yellow",),
    "pink": ("rose",),
    "trousers": ("pants",),
    "pants": ("trousers",),
    "t-shirts": ("tees", "tshirts", "tee shirts"),
    "t-shirt": ("tee", "tshirt"),
    "sneakers": ("trainers", "sports shoes"),
    "trainers": ("sneakers",),
    "jumpers": ("sweaters", "pullovers"),
    "sweaters": ("jumpers", "pullovers"),
    "knitwear": ("sweater", "jumper", "pullover"),
    "jackets": ("jacket",),
    "outwear": ("outerwear", "jacket", "coat"),
    "longsleeve": ("long sleeve top", "long sleeved shirt"),
    "bags": ("handbags",),
    "women": ("ladies", "woman", "female"),
    "men": ("gents", "man", "male"),
    "girls": ("girl", "kids"),
    "boys": ("boy", "kids"),
}
_ROLES = {
    "noun": NOUNS, "colour": COLOURS, "audience": AUDIENCES, "season": SEASONS, "cloth": CLOTH, "brand": BRANDS,
}  # fmt: skip
_SAID = {
    "noun": 0.93, "colour": 0.8, "audience": 0.45, "season": 0.1, "cloth": 0.6, "brand": 0.2, "other": 0.2,
    "plain": 0.15,
}  # fmt: skip
_SYNONYM_SHARE = 0.3
_PROMPTS = ("{}", "{}", "a photo of {}", "{} fashion", "a {} product", "something {}")


def spoken(value: str) -> str:
    """How a value is written in a caption: lower case, of a path its last part."""
    return " ".join(value.rsplit(">", 1)[-1].lower().split())


def prompt(value: str, rng: np.random.Generator) -> str:
    """A short phrase about one attribute value."""
    return _PROMPTS[rng.integers(len(_PROMPTS))].format(_varied(spoken(value), rng))


def caption_of_attributes(attributes: Mapping[str, str], rng: np.random.Generator) -> tuple[str, list[str]]:
    """A caption that says some of the attributes, and the names of those it says (at least one).

    Whatever has the same values under these names is described by it just as well. Raises ValueError without any
    attribute that can be said.
    """
    candidates = [name for name, value in attributes.items() if value and name not in UNSPOKEN]
    if not candidates:
        raise ValueError(f"attributes: received {dict(attributes)!r}, which name nothing to say")
    said = [name for name in candidates if rng.random() < _share(name, attributes[name])]
    said = said or [candidates[rng.integers(len(candidates))]]
    nouns = [name for name in said if name in NOUNS]
    if len(nouns) > 1:  # shirts, topwear, apparel: one of them is enough
        kept = nouns[rng.integers(len(nouns))]
        said = [name for name in said if name == kept or name not in NOUNS]
    words = {
        name: spoken(attributes[name]) if name in BRANDS else _varied(spoken(attributes[name]), rng) for name in said
    }
    return _phrase(words, rng), said


def _phrase(words: Mapping[str, str], rng: np.random.Generator) -> str:
    noun = " ".join(word for name, word in words.items() if name in NOUNS)
    colour = " ".join(word for name, word in words.items() if name in COLOURS)
    audience = " ".join(word for name, word in words.items() if name in AUDIENCES)
    season = " ".join(word for name, word in words.items() if name in SEASONS)
    brand = " ".join(word for name, word in words.items() if name in BRANDS)
    others = [word for name, word in words.items() if name not in (*NOUNS, *COLOURS, *AUDIENCES, *SEASONS, *BRANDS)]
    rng.shuffle(others)
    if colour and noun and rng.random() < 0.15:
        parts = [*others, noun, "in", colour]
    else:
        adjectives = [colour, *others] if rng.random() < 0.7 else [*others, colour]
        parts = [*adjectives, noun]
    if audience:
        parts = [*parts, "for", audience] if rng.random() < 0.6 else [audience, *parts]
    if season:
        parts = [*parts, "for", season] if rng.random() < 0.5 else [season, *parts]
    if brand:
        parts = [brand, *parts] if rng.random() < 0.5 else [*parts, "by", brand]
    return " ".join(part for part in parts if part)


def _share(name: str, value: str) -> float:
    if value == "plain":
        return _SAID["plain"]
    for role, names in _ROLES.items():
        if name in names:
            return _SAID[role]
    return _SAID["other"]


def _varied(word: str, rng: np.random.Generator) -> str:
    """The word, its singular, or a synonym."""
    synonyms = _SYNONYMS.get(word, ())
    if synonyms and rng.random() < _SYNONYM_SHARE:
        return synonyms[rng.integers(len(synonyms))]
    return _singular(word) if rng.random() < 0.5 else word


def _singular(word: str) -> str:
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith("s") and not word.endswith(("ss", "us", "trousers", "jeans", "shorts", "leggings", "sunglasses")):
        return word[:-1]
    return word


def vocabulary_texts(attribute_rows: Sequence[Mapping[str, str]], *, seed: int, rounds: int = 4) -> list[str]:
    """Texts to learn a vocabulary from: captions of all rows, and every synonym often enough to become a token."""
    rng = np.random.default_rng(seed)
    texts = [word for synonyms in _SYNONYMS.values() for word in synonyms] * 5
    for attributes in attribute_rows:
        if any(value and name not in UNSPOKEN for name, value in attributes.items()):
            texts.extend(caption_of_attributes(attributes, rng)[0] for _ in range(rounds))
        texts.extend(spoken(value) for value in attributes.values() if value)
    return texts
