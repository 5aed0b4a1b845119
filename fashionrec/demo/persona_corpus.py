"""Made-up people in many more words than the templates of personas/biographies.py: what a small model learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fashionrec.demo import persona_phrases as phrases
from fashionrec.demo.persona_words import (
    BRANDS_BY_STYLE,
    COLOURS,
    FIRST_NAMES,
    GARMENTS,
    INVENTED_BRANDS,
    LAST_NAMES,
    MATERIALS,
    NOTIONS,
    PATTERNS,
    STYLE_LIKES,
)
from personas.quotas import QUOTAS

_TERMS: tuple[tuple[str, ...], ...] = (COLOURS, PATTERNS, MATERIALS, GARMENTS, NOTIONS)
_TERM_SHARES = (0.26, 0.16, 0.22, 0.28, 0.08)
_WOMENSWEAR = (
    "blouses", "skirts", "dresses", "heels", "bras", "handbags", "clutches", "camisoles", "sarees", "bodysuits",
    "earrings", "tights", "crop tops", "jumpsuits", "flats", "mules", "lace",
)  # fmt: skip
# What the demo shop sells stands first in each list and is named more often.
_COMMON = (24, 5, 32, 42, 30)


@dataclass(frozen=True)
class Person:
    """What a language model writes about a person: the fields of PersonaDraft."""

    name: str
    likes: list[str]
    dislikes: list[str]
    brands: list[str]
    bio: str


def draw_cell(rng: np.random.Generator) -> dict[str, str]:
    """A quota cell with independent attributes, in the wording that the people of that age would use."""
    cell = {name: str(rng.choice(list(shares))) for name, shares in QUOTAS.items()}
    if rng.random() < 0.5:
        if cell["occupation"] == "retired" and cell["age_band"] in ("18-24", "25-34"):
            cell["occupation"] = "between jobs"
        elif cell["occupation"] == "student" and cell["age_band"] == "65+":
            cell["occupation"] = "part-time student"
    return cell


def write_person(cell: Mapping[str, str], rng: np.random.Generator) -> Person:
    """A person who fills the cell: 2 to 5 likes, 2 to 6 dislikes, 1 to 4 brands, a bio of 2 to 4 sentences."""
    first = _one(rng, FIRST_NAMES[cell["gender"]])
    likes = _likes(cell["style"], rng, without=_WOMENSWEAR if cell["gender"] == "man" else ())
    dislikes = draw_terms(rng, count=int(rng.integers(2, 7)), without=likes)
    brands = _brands(cell["style"], rng)
    bio = _bio(cell, first, likes, dislikes, rng)
    return Person(f"{first} {_one(rng, LAST_NAMES)}", likes, dislikes, brands, bio)


def draw_terms(rng: np.random.Generator, *, count: int, without: Sequence[str] = ()) -> list[str]:
    """Distinct words of fashion, none of which shares a word with those in `without`."""
    taken = {word for term in without for word in term.split()}
    terms: list[str] = []
    while len(terms) < count:
        kind = int(rng.choice(len(_TERMS), p=_TERM_SHARES))
        words = _TERMS[kind][: _COMMON[kind]] if rng.random() < 0.75 else _TERMS[kind]
        term = _one(rng, words)
        if not taken & set(term.split()):
            terms.append(term)
            taken |= set(term.split())
    return terms


def _likes(style: str, rng: np.random.Generator, *, without: Sequence[str]) -> list[str]:
    count = int(rng.integers(2, 6))
    own = [word for word in STYLE_LIKES[style] if word not in without]
    chosen = [str(word) for word in rng.choice(own, size=max(count - int(rng.integers(0, 2)), 1), replace=False)]
    return chosen + draw_terms(rng, count=count - len(chosen), without=[*chosen, *without])


def _brands(style: str, rng: np.random.Generator) -> list[str]:
    brands: list[str] = []
    for _ in range(int(rng.integers(1, 5))):
        brand = _one(rng, BRANDS_BY_STYLE[style] if rng.random() < 0.4 else INVENTED_BRANDS)
        if brand not in brands:
            brands.append(brand)
    return brands


def _bio(
    cell: Mapping[str, str], first: str, likes: Sequence[str], dislikes: Sequence[str], rng: np.random.Generator
) -> str:
    woman = cell["gender"] == "woman"
    words = {
        "first": first,
        "P": "She" if woman else "He",
        "p": "she" if woman else "he",
        "s": "her" if woman else "his",
        "o": "her" if woman else "him",
        "age": _age_in_words(cell["age_band"], rng),
    }
    work = cell["occupation"]
    if work == "retired" and cell["age_band"] in ("18-24", "25-34"):
        work = "between jobs"
    loved = [_as_noun(str(word)) for word in rng.permutation(likes)]
    words |= {
        "life": _one(rng, phrases.LIVES[cell["age_band"]]).format(**words),
        "place": _one(rng, phrases.PLACES[cell["region"]]),
        "work": _one(rng, phrases.WORK[work]),
        "way": _one(rng, phrases.STYLE_WAYS[cell["style"]]),
        "purse": _one(rng, phrases.PURSE[cell["budget"]]).format(**words),
        "like": _one(rng, phrases.LIKE_FRAMES).format(a=loved[0], b=loved[1], **words),
    }
    named = [_as_noun(str(word)) for word in rng.permutation(dislikes)][: int(rng.integers(1, 4))]
    reason = _one(rng, phrases.REASONS)
    words |= {
        "dislike": _one(rng, phrases.DISLIKE_FRAMES).format(d=_listed(named, _one(rng, ("or", "and")))),
        "reason": f"{'' if reason.startswith('and') else ','} {reason}" if reason else "",
    }
    middle = _one(rng, phrases.MIDDLES)
    endings = [ending for ending in phrases.ENDINGS if "{purse}" not in middle or "{purse}" not in ending]
    frames = [_one(rng, phrases.OPENINGS), middle, _one(rng, endings)]
    shape = rng.random()
    if shape < 0.15:
        del frames[0 if rng.random() < 0.5 else 1]
        frames[0] = frames[0].replace("{P}", "{first}", 1)
    elif shape < 0.55:
        frames.insert(int(rng.integers(1, 3)), _one(rng, phrases.DETAILS))
    return " ".join(frame.format(**words) for frame in frames)


def _age_in_words(age_band: str, rng: np.random.Generator) -> str:
    low = int(age_band[:2])
    return str(low + int(rng.integers(0, 7 if low == 18 else 10 if low < 65 else 18)))


def _as_noun(term: str) -> str:
    """ "striped things", "tropical prints": a pattern needs something that bears it."""
    if term not in PATTERNS or term in ("paisley", "polka dots", "houndstooth", "gingham", "tartan"):
        return term
    return f"{term} things" if term in PATTERNS[:5] else term if term.endswith("print") else f"{term} prints"


def _listed(words: Sequence[str], joint: str) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" {joint} {words[-1]}"


def _one(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]
