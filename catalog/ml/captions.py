"""The sentence that stands for a product in front of a text tower."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")
_AUDIENCES = {"women": "for women", "men": "for men", "girls": "for girls", "boys": "for boys", "unisex": "unisex"}


def product_caption(
    *,
    title: str,
    brand: str = "",
    category: str = "",
    gender: str = "",
    colour: str = "",
    pattern: str = "",
    material: str = "",
) -> str:
    """What is known of a product, attributes first because a text tower cuts off the end, then its title.

    category: a path such as "Women > Dresses"; the last part counts.
    A fact is left out where it is missing or where the title and the facts before it already say it.
    >>> product_caption(title="Wrap Dress", category="Women > Dresses", gender="women", colour="red", pattern="floral")
    'red floral dresses for women, Wrap Dress'
    """
    title = " ".join(title.split())
    said = _words(title)
    facts = []
    leaf = category.rsplit(">", 1)[-1]
    for fact in (colour, "" if pattern == "plain" else pattern, material, leaf, _AUDIENCES.get(gender, gender)):
        fact = " ".join(fact.split())
        news = _words(fact) - said - {"for"}
        if news:
            facts.append(fact)
            said |= news
    if _words(brand) - said:
        facts.append(f"by {' '.join(brand.split())}")
    return ", ".join(part for part in (" ".join(facts), title) if part)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}
