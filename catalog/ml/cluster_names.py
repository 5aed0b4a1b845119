"""Names for clusters of products, out of what sets each apart from all others: "Navy striped shirts"."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COMMON = 0.5
"""A name says of a cluster only what is true of so large a share of it."""

TELLING = 0.12
"""Nats: share × ln(share / share elsewhere), the part of a value in the divergence of the cluster from the rest."""

FIRST_MODIFIERS = 2
MOST_ATTRIBUTES = 8
LONGEST_NAME = 120

_ORDER = ("gender", "colour", "pattern", "material", "word")
_LOOKS_FIRST = ("colour", "pattern", "material", "gender")
_AUDIENCES = {"women": "women’s", "men": "men’s", "girls": "girls’", "boys": "boys’", "unisex": "unisex"}
_SAYS_LITTLE = {"plain", "solid", "multi", "multicolour", "unisex", "other", "none"}
_WORD = re.compile(r"[^\W\d_]{3,}")
_STOP_WORDS = {"and", "with", "the", "for", "from"}


@dataclass(frozen=True)
class ProductFacts:
    """What is known of one product, "" where nothing is; category is a path such as "Women > Dresses"."""

    title: str = ""
    category: str = ""
    colour: str = ""
    pattern: str = ""
    material: str = ""
    gender: str = ""
    brand: str = ""


@dataclass(frozen=True)
class Distinction:
    """A value that is more common inside a cluster than outside; both shares are 0..1."""

    field: str
    value: str
    share: float
    share_elsewhere: float

    @property
    def weight(self) -> float:
        """Nats, above 0; the higher the more it sets the cluster apart."""
        return self.share * math.log((self.share + 1e-3) / (self.share_elsewhere + 1e-3))

    def as_dict(self) -> dict[str, str | float]:
        return {
            "field": self.field, "value": self.value,
            "share": round(self.share, 3), "share_elsewhere": round(self.share_elsewhere, 3),
        }  # fmt: skip


@dataclass(frozen=True)
class Portrait:
    """A cluster in words. name: unlike all others'; distinctions: the most telling first."""

    name: str
    distinctions: list[Distinction]


def portray_clusters(
    products: Sequence[ProductFacts], labels: NDArray[np.int64], *, taken: Collection[str] = ()
) -> dict[int, Portrait]:
    """A portrait per label ≥ 0, in ascending order of labels: an earlier one has the shorter of two like names.

    products, labels: N each; taken: names that none may get. Raises ValueError when the lengths differ.
    """
    if len(products) != len(labels):
        raise ValueError(f"labels: received {len(labels)} for {len(products)} products")
    facts = list(_facts(products))
    totals = Counter(fact for product in facts for fact in product)
    used = {name.casefold() for name in taken}
    portraits = {}
    for label in np.unique(labels[labels >= 0]):
        rows = np.flatnonzero(labels == label)
        inside = Counter(fact for row in rows for fact in facts[row])
        distinctions = _distinctions(inside, len(rows), totals, len(products))
        name = _name(inside, len(rows), distinctions, used)
        used.add(name.casefold())
        portraits[int(label)] = Portrait(name, distinctions[:MOST_ATTRIBUTES])
    return portraits


def _facts(products: Sequence[ProductFacts]) -> Iterator[set[tuple[str, str]]]:
    """(field, value) pairs of each product; of its title only the words that no attribute of any product says."""
    said = set(_STOP_WORDS)
    for product in products:
        for text in (product.category, product.colour, product.pattern, product.material, product.gender):
            said |= _words(text)
        said |= _words(product.brand)
    for product in products:
        path = [part.strip() for part in product.category.split(">") if part.strip()]
        facts = {
            ("category", path[-1].lower() if path else ""),
            *(("shelf", part.lower()) for part in path[:-1] if part.lower() not in _AUDIENCES),
            ("brand", product.brand),
            *((field, getattr(product, field).lower()) for field in ("colour", "pattern", "material", "gender")),
            *(("word", word) for word in _titled(product.title) - said),
        }
        yield {(field, value) for field, value in facts if value}


def _titled(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def _words(text: str) -> set[str]:
    """Lower-cased words of three letters and more, with their singulars: "watch" is said by "watches"."""
    words = _titled(text)
    return words | {word[:-cut] for word in words for cut in (1, 2) if word.endswith("es"[-cut:]) and len(word) > 3}


def _distinctions(
    inside: Counter[tuple[str, str]], size: int, totals: Counter[tuple[str, str]], n: int
) -> list[Distinction]:
    found = []
    for (field, value), count in inside.items():
        elsewhere = (totals[field, value] - count) / (n - size) if n > size else 0.0
        if count / size > max(elsewhere, 0.25):
            found.append(Distinction(field, value, count / size, elsewhere))
    return sorted(found, key=lambda distinction: (-distinction.weight, distinction.field, distinction.value))


def _name(
    inside: Counter[tuple[str, str]], size: int, distinctions: Sequence[Distinction], used: Collection[str]
) -> str:
    noun = _noun(inside, size)
    modifiers = [
        distinction
        for distinction in distinctions
        if distinction.field in (*_ORDER, "brand")
        and distinction.share >= COMMON
        and distinction.weight >= TELLING
        and distinction.value not in _SAYS_LITTLE
        and not _words(distinction.value) <= _words(noun)
    ]
    # Among nearly equal ones looks come first: for whom a thing is, its category mostly says.
    firm = [modifier for modifier in modifiers if modifier.field in _LOOKS_FIRST]
    firm.sort(key=lambda modifier: (-round(modifier.weight, 1), _LOOKS_FIRST.index(modifier.field)))
    chosen: dict[str, str] = {modifier.field: modifier.value for modifier in firm[:FIRST_MODIFIERS]}
    if "colour" not in chosen and len(chosen) < FIRST_MODIFIERS and (pair := _two_colours(distinctions)):
        chosen["colour"] = pair
    spare = [modifier for modifier in modifiers if modifier.field not in chosen]
    spare.sort(key=lambda modifier: modifier.field not in _LOOKS_FIRST)
    # Then what is merely frequent, and values that say little: still a difference between two clusters.
    spare += [
        distinction
        for distinction in distinctions
        if distinction not in modifiers and distinction.field in (*_ORDER, "brand")
    ]
    name = _phrase(chosen, noun)
    for modifier in spare:
        if name.casefold() not in used:
            break
        if modifier.field not in chosen:
            chosen[modifier.field] = modifier.value
            name = _phrase(chosen, noun)
    number, plain = 2, name
    while name.casefold() in used:
        name, number = f"{plain} {number}", number + 1
    return name


def _two_colours(distinctions: Sequence[Distinction]) -> str:
    """ "beige and cream", where two telling colours make up what one would have to; else ""."""
    first, second, *_ = [
        *(one for one in distinctions if one.field == "colour" and one.value not in _SAYS_LITTLE), None, None,
    ]  # fmt: skip
    if first is None or second is None or first.share + second.share < COMMON:
        return ""
    return f"{first.value} and {second.value}"


def _noun(inside: Counter[tuple[str, str]], size: int) -> str:
    """What the products are: a category, two that make up most, the rarest shelf above most, or just pieces."""
    first, second, *_ = [*_most_common(inside, "category", 2), ("", 0), ("", 0)]
    if first[1] >= COMMON * size:
        return first[0]
    if first[1] + second[1] >= 0.6 * size and second[1] >= 0.2 * size:
        return f"{first[0]} and {second[0]}"
    shelves = [shelf for shelf in _most_common(inside, "shelf", len(inside)) if shelf[1] >= COMMON * size]
    return shelves[-1][0] if shelves else "mixed pieces"


def _most_common(inside: Counter[tuple[str, str]], field: str, n: int) -> list[tuple[str, int]]:
    counts = [(value, count) for (name, value), count in inside.items() if name == field]
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))[:n]


def _phrase(chosen: Mapping[str, str], noun: str) -> str:
    words = [_AUDIENCES.get(chosen[field], chosen[field]) for field in _ORDER if field in chosen]
    brand = f" by {chosen['brand']}" if "brand" in chosen else ""
    phrase = " ".join([*words, noun])
    return f"{phrase[:1].upper()}{phrase[1:]}{brand}"[: LONGEST_NAME - 5]
