"""Titles and descriptions: a small grammar over a product's attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fashionrec.demo.phrases import (
    CHARACTER,
    FEEL,
    MATERIAL_WORDS,
    OCCASIONS,
    PATTERN_PHRASES,
    UNSPOKEN,
    VISIBLE,
    WEARER,
)
from fashionrec.demo.vocabulary import Kind


@dataclass(frozen=True)
class Subject:
    """What the grammar speaks about."""

    kind: Kind
    brand: str
    gender: str
    colour: str
    material: str
    pattern: str
    season: str
    attributes: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")


_SAID_IN_TITLE = ("shape", "length", "fit", "neckline", "sleeve")


def title(subject: Subject, rng: np.random.Generator) -> str:
    """Title such as "Marlow & Finch checked flannel shirt", at most 100 characters."""
    kind = subject.kind
    words: list[str] = []
    spoken = [subject.get(name) for name in _SAID_IN_TITLE]
    spoken = [value for value in spoken if value and value not in UNSPOKEN and value not in kind.noun]
    if spoken and rng.random() < 0.75:
        words.append(spoken[0])
        if len(spoken) > 1 and rng.random() < 0.35:
            words.append(spoken[1])
    naming = rng.random()
    if naming < 0.4:
        words.append(subject.colour)
    if subject.pattern != "plain":
        words.append(subject.pattern)
    show_material = subject.material not in kind.noun and (rng.random() < 0.7 or subject.pattern == "plain")
    if show_material:
        words.append(MATERIAL_WORDS.get(subject.material, subject.material))
    noun = kind.noun
    if "shirt dress" in words and noun == "dress":
        words.remove("shirt dress")
        noun = "shirt dress"
    phrase = " ".join(words)
    named = f"{phrase} {noun}".strip()
    if 0.4 <= naming < 0.85:
        named += f" in {subject.colour}"
    return f"{subject.brand} {named}"[:100]


def description(subject: Subject, rng: np.random.Generator) -> str:
    """Two to four sentences: cut and colour, the feel of the material, an occasion, care."""
    sentences = [_opening(subject, rng)]
    middle = [_feel(subject, rng), _occasion(subject, rng), _cut(subject, rng)]
    middle = [sentence for sentence in middle if sentence]
    keep = 1 + int(rng.random() < 0.6)
    chosen = sorted(rng.permutation(len(middle))[:keep].tolist())
    sentences += [middle[index] for index in chosen]
    if rng.random() < 0.65:
        sentences.append(_care(subject, rng))
    return " ".join(sentences)


def _pick(rng: np.random.Generator, options: tuple[str, ...] | list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _article(words: str) -> str:
    return f"{'an' if words[:1].lower() in 'aeio' else 'a'} {words}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _opening(subject: Subject, rng: np.random.Generator) -> str:
    kind, noun = subject.kind, subject.kind.noun
    character = _pick(rng, CHARACTER[subject.get("style")])
    if character == "feminine" and subject.gender not in ("women", "girls"):
        character = "soft"
    if character == "weatherproof" and subject.material not in ("nylon", "polyester", "recycled polyester", "rubber"):
        character = "hard-wearing"
    printed = _pick(rng, PATTERN_PHRASES[subject.pattern]) if subject.pattern != "plain" else ""
    thing = f"{character} {subject.colour} {noun}"
    for_whom = f" for {WEARER[subject.gender]}"
    tail = f", {printed}" if printed else ""
    made = f" in {subject.material}" if subject.material not in noun else ""
    if kind.plural:
        return _pick(
            rng,
            (
                f"{_sentence(thing)}{made}{for_whom}{tail}.",
                f"These {thing} come{made}{tail}.",
                f"{subject.brand} cuts these {thing}{made}{for_whom}{tail}.",
            ),
        )
    return _pick(
        rng,
        (
            f"{_sentence(_article(thing))}{made}{for_whom}{tail}.",
            f"This {thing} comes{made}{tail}.",
            f"{subject.brand} makes this {thing}{made}{for_whom}{tail}.",
            f"Meet {_article(thing)}{made}{tail}.",
        ),
    )


def _feel(subject: Subject, rng: np.random.Generator) -> str:
    return _sentence(_pick(rng, FEEL[subject.material])) + "."


def _occasion(subject: Subject, rng: np.random.Generator) -> str:
    said = _pick(rng, OCCASIONS[subject.get("occasion")])
    if subject.season and rng.random() < 0.4:
        said = said[:-1] + _pick(rng, (f", a favourite for {subject.season}.", f", best in {subject.season}."))
    return said.replace("Pack it", "Pack them").replace("Take it", "Take them") if subject.kind.plural else said


def _cut(subject: Subject, rng: np.random.Generator) -> str:
    names = ("fit", "shape", "neckline", "sleeve", "length", "closure", "detail")
    parts = [VISIBLE[subject.get(name)] for name in names if subject.get(name) in VISIBLE]
    if not parts:
        return ""
    chosen = [parts[index] for index in sorted(rng.permutation(len(parts))[: 2 + int(rng.random() < 0.4)].tolist())]
    listed = " and ".join([", ".join(chosen[:-1]), chosen[-1]]) if len(chosen) > 1 else chosen[0]
    verb = _pick(
        rng, ("come with", "have", "are cut with") if subject.kind.plural else ("comes with", "has", "is cut with")
    )
    they = "They" if subject.kind.plural else "It"
    if subject.kind.group != "Clothing":
        verb = verb.replace("are cut with", "feature").replace("is cut with", "features")
    return f"{they} {verb} {listed}."


def _care(subject: Subject, rng: np.random.Generator) -> str:
    material = subject.material
    if subject.kind.group == "Shoes" or material in ("leather", "patent leather", "suede", "vegan leather"):
        return _pick(
            rng,
            (
                "Wipe clean and let dry away from heat.",
                "Treat with care cream twice a year.",
                "Brush off dirt with a soft brush.",
            )
            if material != "suede"
            else ("Brush gently and protect with spray.", "Keep away from rain."),
        )
    if subject.kind.category in ("Watches", "Sunglasses", "Hats", "Belts"):
        return _pick(rng, ("Wipe with a soft cloth.", "Comes in a protective case.", "Store it dry."))
    if material in ("wool", "merino", "cashmere", "cable knit", "silk", "tweed", "velvet", "felt"):
        return _pick(
            rng, ("Hand wash cold, dry flat.", "Dry clean or wash by hand.", "Use a wool programme and dry flat.")
        )
    return _pick(
        rng, ("Machine wash at 30 °C.", "Wash cold with similar colours.", "Machine washable; do not tumble dry.")
    )
