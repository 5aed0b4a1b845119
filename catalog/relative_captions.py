"""What a shopper wants changed: "is solid black with no sleeves" as values wanted and not wanted.

Read against the catalogue's own values. A value is recognised in its own words and in others that mean the same
(catalog.relative_words); comparatives ("longer", "darker") and "no", "without", "less" are understood in relation to
the product that stands beside them. Plain text work, no database: the values come from catalog.relative_search.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from catalog import relative_words as words

_TOKEN = re.compile(r"[a-z0-9]+(?:[/'-][a-z0-9]+)*|,|;|\.")
_STOPS = {",", ";", "."}
LONGEST_PHRASE = 4
LONGEST_SCOPE = 4
"""Words after a negation that it still concerns."""


class Value(NamedTuple):
    """A value of a field of the catalogue, such as ("sleeve", "long sleeve")."""

    field: str
    value: str


@dataclass(frozen=True)
class AttributeWords:
    """The catalogue's values, by every phrase that means them."""

    values: dict[str, tuple[str, ...]]
    """By field: its values as the catalogue writes them, the commonest first."""
    phrases: dict[tuple[str, ...], Value] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        groups = {" ".join(_tokens(phrase)): group for group in reversed(words.SAME) for phrase in group}
        own: list[tuple[str, Value]] = []
        meant: list[tuple[str, Value]] = []
        for name, values in self.values.items():
            for value in values:
                said = " ".join(_tokens(value))
                own += [(said, Value(name, value)), (_other_number(said), Value(name, value))]
                alike = groups.get(said) or groups.get(_other_number(said), ())
                meant += [(phrase, Value(name, value)) for phrase in alike]
        # A value's own words outrank what they may also mean: "short" is a length where the catalogue has one.
        for phrase, meaning in (*own, *meant):
            if tokens := tuple(_tokens(phrase)):
                self.phrases.setdefault(tokens, meaning)


@dataclass(frozen=True)
class Change:
    """wanted, unwanted: values said; longer: by field, +1 for more of it and −1 for less; tones: as in
    relative_words.TONES; patterned: whether some pattern is wanted (True), or none (False)."""

    wanted: tuple[Value, ...] = ()
    unwanted: tuple[Value, ...] = ()
    longer: Mapping[str, int] = field(default_factory=dict)
    tones: tuple[str, ...] = ()
    patterned: bool | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.wanted or self.unwanted or self.longer or self.tones or self.patterned is not None)


@dataclass(frozen=True)
class Wishes:
    """A change as seen from one product. By field: values of which one should hold, values of which none should."""

    wanted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unwanted: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What is wanted, in the catalogue's words; of several acceptable values the first."""
        return " ".join(values[0] for values in self.wanted.values() if values)


def parse_change(text: str, known: AttributeWords) -> Change:
    """Any text parses; what is not understood is left out."""
    tokens = _tokens(text)
    wanted: list[Value] = []
    unwanted: list[Value] = []
    longer: dict[str, int] = {}
    tones: list[str] = []
    patterned: bool | None = None
    negated = 0  # tokens that the last negation still reaches
    position = 0
    while position < len(tokens):
        token = tokens[position]
        length, value = _longest_phrase(tokens, position, known)
        if value is not None:
            (unwanted if negated else wanted).append(value)
        elif token in words.NEGATIONS:
            negated, position = LONGEST_SCOPE + 1, position + 1
            continue
        elif token in _STOPS or token in words.SCOPE_ENDS:
            negated = 0
        elif token in words.MORE or token in words.LESS:
            name = (words.MORE | words.LESS)[token]
            if name == "length" and any(near.startswith("sleeve") for near in tokens[position + 1 : position + 3]):
                name = "sleeve"
            longer[name] = (1 if token in words.MORE else -1) * (-1 if negated else 1)
        elif token in words.TONES:
            tones.append(_opposite(words.TONES[token]) if negated else words.TONES[token])
        elif token in words.PATTERNED:
            patterned = not negated
        elif token.startswith("sleeve") and negated:
            wanted += [Value("sleeve", v) for v in known.values.get("sleeve", ()) if v == "sleeveless"]
        position += length
        negated = max(0, negated - length)
    said = set(wanted)
    return Change(tuple(dict.fromkeys(wanted)), tuple(v for v in dict.fromkeys(unwanted) if v not in said),
                  longer, tuple(dict.fromkeys(tones)), patterned)  # fmt: skip


def wishes_of(change: Change, *, current: Mapping[str, str], known: AttributeWords) -> Wishes:
    """`change` as seen from a product with the values `current`, by field.

    Comparatives become the values beyond the product's own, the nearest first; without any such value they say
    nothing.
    """
    wanted: dict[str, list[str]] = {}
    unwanted: dict[str, list[str]] = {}
    for name, value in change.wanted:
        wanted.setdefault(name, []).append(value)
    for name, value in change.unwanted:
        unwanted.setdefault(name, []).append(value)
    for name, direction in change.longer.items():
        beyond = _beyond(name, direction, current.get(name, ""), known)
        if beyond and name not in wanted:
            wanted[name] = beyond
    if change.patterned is not None and "pattern" not in wanted:
        plain = [value for value in known.values.get("pattern", ()) if value == "plain"]
        if change.patterned:
            unwanted.setdefault("pattern", []).extend(plain)
        elif plain:
            wanted["pattern"] = plain
    if change.tones and "colour" not in wanted:
        colours = _toned(change.tones, current.get("colour", ""), known.values.get("colour", ()))
        if colours:
            wanted["colour"] = colours
    for name, values in unwanted.items():
        if name in wanted:
            wanted[name] = [value for value in wanted[name] if value not in values] or wanted[name]
    return Wishes(
        {name: tuple(values) for name, values in wanted.items()},
        {name: tuple(values) for name, values in unwanted.items() if values},
    )


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower().replace("’", "'"))


def _other_number(phrase: str) -> str:
    """ "dresses" for "dress" and back: as a shopper may say it."""
    if phrase.endswith(("sses", "ches")):
        return phrase[:-2]
    if phrase.endswith("s") and not phrase.endswith("ss"):
        return phrase[:-1]
    return phrase + ("es" if phrase.endswith(("ss", "ch")) else "s")


def _longest_phrase(tokens: list[str], position: int, known: AttributeWords) -> tuple[int, Value | None]:
    for length in range(min(LONGEST_PHRASE, len(tokens) - position), 0, -1):
        value = known.phrases.get(tuple(tokens[position : position + length]))
        if value is not None:
            return length, value
    return 1, None


def _beyond(name: str, direction: int, now: str, known: AttributeWords) -> list[str]:
    order = [value for value in words.ORDERED.get(name, ()) if value in known.values.get(name, ())]
    if not order:
        return []
    if now not in order:
        return [order[-1] if direction > 0 else order[0]]
    place = order.index(now)
    return order[place + 1 :] if direction > 0 else list(reversed(order[:place]))


def _opposite(tone: str) -> str:
    return {"darker": "lighter", "lighter": "darker", "brighter": "duller", "duller": "brighter"}[tone]


def _toned(tones: Iterable[str], now: str, colours: Iterable[str]) -> list[str]:
    """Colours of these tones beside the colour `now` (unknown: beside a middle one), the nearest first."""
    lightness, chroma = words.COLOURS.get(now, (55, 25))
    fitting = []
    for colour in colours:
        if colour not in words.COLOURS or colour == now:
            continue
        other_lightness, other_chroma = words.COLOURS[colour]
        steps = {
            "darker": lightness - other_lightness,
            "lighter": other_lightness - lightness,
            "brighter": other_chroma - chroma,
            "duller": chroma - other_chroma,
        }
        if all(steps[tone] >= words.CLEARLY for tone in tones):
            fitting.append((abs(other_lightness - lightness) + abs(other_chroma - chroma), colour))
    return [colour for _, colour in sorted(fitting)]
