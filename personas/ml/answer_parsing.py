"""A point of the scale out of what a model wrote, and whether it wrote only what was asked for.

Reading is lenient where the meaning is plain ("8/10", "Rating: 7", "minus one"), and refuses to guess: two different
numbers, a number off the scale or prose without a rating are no answer. Adherence is strict: a number asked for is a
number and nothing else, not even a full stop.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from personas.ml.prompt_text import ASCENDING, POINTS, labels_by_point

_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
}  # fmt: skip
_MINUS = re.compile(r"[−–‒﹣－]")  # what models type for a minus sign, besides the ASCII hyphen
_NUMBER = r"-?\d+(?:\.\d+)?"
_VALUE = rf"({_NUMBER}|(?:(?:minus|negative)\s+)?(?:{'|'.join(_WORDS)})\b|(?:minus|negative)\s+1\b)"
_OF_TEN = re.compile(rf"(?<![\w.-]){_VALUE}\s*(?:/|out of)\s*10\b(?!\.\d)", re.IGNORECASE)
_ANNOUNCED = re.compile(
    rf"\b(?:rating|rate|rated|score|scores|answer|give)\b(?:\s+(?:it|th(?:is|at)(?:\s+one)?|is|would|be|of|as|at|an?|the|my))*"
    rf"\s*[:=]?\s*{_VALUE}(?!\d|\.\d|\s*/|-\d)",
    re.IGNORECASE,
)
_LONE = re.compile(rf"(?<![\w.,/-])({_NUMBER})(?![\w/]|[.,-]\d)")
_NEGATED_WORD = re.compile(rf"\b(?:minus|negative)\s+({'|'.join(_WORDS)}|1)\b", re.IGNORECASE)
_LETTER_ALONE = re.compile(r"^\W*([A-K])\W*$")
_LETTER_LED = re.compile(r"^\W*([A-K])\s*(?:[:.)–-]|\n)")
_LETTER_ANNOUNCED = re.compile(r"\b(?i:rating|answer|letter|choose|pick|give it)\b\W{1,4}(?:an?\s+)?([A-K])\b")
_PERSON_LINE = re.compile(r"^\s*(?:person\s+)?(\d+)\s*[:.)-]\s*(.*?)\s*$", re.IGNORECASE)

FEWEST_WORDS_OF_PROSE = 3


@dataclass(frozen=True)
class ParsedAnswer:
    """point: −1 or 1..10, None if none can be read. adherent: the text is what was asked for and nothing else."""

    point: int | None
    adherent: bool


def parse_number(text: str) -> int | None:
    """The rating in a text: an announced one first, then "n/10", then the only number there is. None otherwise."""
    plain = _MINUS.sub("-", text).replace("*", "").replace("_", " ").strip()
    whole = plain.strip(" .!\"'\n\t").lower()
    if (point := _on_scale(whole)) is not None:
        return point
    for pattern in (_ANNOUNCED, _OF_TEN):
        if found := {_value(match) for match in pattern.findall(plain)}:
            return _only_point(found)
    found = {_value(match) for match in _LONE.findall(plain)}
    found |= {_value(f"minus {match}") for match in _NEGATED_WORD.findall(plain)}
    return _only_point(found)


def parse_letter(text: str, order: str = ASCENDING) -> int | None:
    """The point of the letter that a text gives, under a label order; a plain rating in numbers counts too."""
    for pattern in (_LETTER_ALONE, _LETTER_LED, _LETTER_ANNOUNCED):
        if letters := set(pattern.findall(text.strip())):
            return _point_of_letter(letters.pop(), order) if len(letters) == 1 else None
    return parse_number(text)


def parse_answer(style: str, text: str, *, order: str = ASCENDING) -> ParsedAnswer:
    """`style`: letters, number or open (a template's style). Raises ValueError for another one."""
    stripped = text.strip()
    if style == "letters":
        return ParsedAnswer(parse_letter(text, order), stripped in labels_by_point(order))
    if style == "number":
        return ParsedAnswer(parse_number(text), stripped.replace("−", "-") in {str(point) for point in POINTS})
    if style == "open":
        point = parse_number(text)
        return ParsedAnswer(point, point is not None and len(stripped.split()) >= FEWEST_WORDS_OF_PROSE)
    raise ValueError(f"style: expected letters, number or open, received {style!r}")


def parse_everyone(text: str, count: int) -> list[tuple[str, ParsedAnswer]]:
    """For each of `count` people their line of the answer ("" if missing) and what it says.

    Asked for is one line "n: rating" per person in order: one line too many, too few or astray, and nobody's line is
    adherent. Of two lines for one person the first counts.
    """
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    matched = [_PERSON_LINE.match(line) for line in lines]
    in_order = [match is not None and int(match[1]) == place for place, match in enumerate(matched, start=1)]
    strict = len(lines) == count and all(in_order) and all(re.fullmatch(r"\d+: \S+", line) for line in lines)
    by_person: dict[int, tuple[str, str]] = {}
    for line, match in zip(lines, matched, strict=True):
        if match is not None:
            by_person.setdefault(int(match[1]), (line, match[2]))
    answers = []
    for person in range(1, count + 1):
        line, said = by_person.get(person, ("", ""))
        parsed = parse_answer("number", said) if said else ParsedAnswer(None, False)
        answers.append((line, ParsedAnswer(parsed.point, strict and parsed.adherent)))
    return answers


def _only_point(found: Sequence[float | None] | set[float | None]) -> int | None:
    values = set(found)
    if len(values) != 1:
        return None
    value = values.pop()
    return int(value) if value in POINTS else None


def _on_scale(text: str) -> int | None:
    return _only_point([_value(text)])


def _value(text: str) -> float | None:
    words = text.lower().split()
    sign = -1 if words and words[0] in ("minus", "negative") else 1
    last = words[-1] if words else ""
    if last in _WORDS and len(words) <= 2 and (len(words) == 1 or sign < 0):
        return float(sign * _WORDS[last])
    return sign * float(last) if re.fullmatch(_NUMBER, last) and (len(words) == 1 or sign < 0) else None


def _point_of_letter(letter: str, order: str) -> int:
    return POINTS[labels_by_point(order).index(letter)]
