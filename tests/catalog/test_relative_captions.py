"""What shoppers want otherwise, read from their words."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from catalog.relative_captions import AttributeWords, Change, Value, parse_change, wishes_of
from fashionrec.demo.vocabulary import EVERY_COLOURS

CAPTIONS = Path(settings.BASE_DIR).parent / "shared" / "data" / "language"

KNOWN = AttributeWords(
    {
        "colour": EVERY_COLOURS,
        "pattern": ("plain", "striped", "dotted", "checked", "floral"),
        "material": ("cotton", "denim", "linen", "satin", "cotton knit"),
        "category": ("Dresses", "Shirts", "T-shirts"),
        "sleeve": ("long sleeve", "short sleeve", "sleeveless"),
        "length": ("mini", "midi", "maxi"),
        "neckline": ("v-neck", "collar", "round neck"),
        "fit": ("slim", "regular", "relaxed"),
    }
)


def said(text: str) -> tuple[list[str], list[str]]:
    change = parse_change(text, KNOWN)
    return [value for _, value in change.wanted], [value for _, value in change.unwanted]


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("is solid black with no sleeves", ["plain", "black", "sleeveless"], []),
        ("has a floral pattern", ["floral"], []),
        ("is red instead", ["red"], []),
        ("but striped", ["striped"], []),
        ("in navy blue linen", ["navy", "linen"], []),
        ("dark blue or grey", ["navy", "grey"], []),
        ("has no stripes", [], ["striped"]),
        ("not floral, but polka dots", ["dotted"], ["floral"]),
        ("without a collar and plaid", ["checked"], ["collar"]),
        ("no red with short sleeves", ["short sleeve"], ["red"]),
        ("a gray t shirt in cotton knit", ["grey", "T-shirts", "cotton knit"], []),
        ("V neck, knee-length", ["v-neck"], []),
        ("is not black but is black", ["black"], []),  # what is wanted outweighs what is not
        ("", [], []),
        ("!?; -- ’’ 3/4", [], []),
    ],
)
def test_values_are_wanted_or_not(text: str, wanted: list[str], unwanted: list[str]) -> None:
    assert said(text) == (wanted, unwanted)


def test_comparatives_tones_and_patterns_are_understood() -> None:
    assert parse_change("is longer and darker", KNOWN) == Change(longer={"length": 1}, tones=("darker",))
    assert parse_change("has shorter sleeves", KNOWN) == Change(longer={"sleeve": -1})
    assert parse_change("less colourful, tighter", KNOWN) == Change(longer={"fit": -1}, tones=("duller",))
    assert parse_change("patterned", KNOWN) == Change(patterned=True)
    assert parse_change("no pattern", KNOWN) == Change(patterned=False)
    assert parse_change("I like it", KNOWN).is_empty


def wishes(text: str, **current: str) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    seen = wishes_of(parse_change(text, KNOWN), current=current, known=KNOWN)
    return seen.wanted, seen.unwanted


def test_a_change_is_seen_from_the_product() -> None:
    assert wishes("longer", length="mini") == ({"length": ("midi", "maxi")}, {})
    assert wishes("shorter", length="midi") == ({"length": ("mini",)}, {})
    assert wishes("longer", length="maxi") == ({}, {})
    assert wishes("longer sleeves", sleeve="short sleeve") == ({"sleeve": ("long sleeve",)}, {})
    assert wishes("looser") == ({"fit": ("relaxed",)}, {})
    assert wishes("patterned", pattern="plain") == ({}, {"pattern": ("plain",)})
    assert wishes("no pattern") == ({"pattern": ("plain",)}, {})
    darker, _ = wishes("darker", colour="red")
    assert set(darker["colour"]) == {"black", "navy", "brown", "burgundy"}
    assert darker["colour"][0] == "burgundy"  # the nearest first
    lighter, _ = wishes("lighter, not white", colour="beige")
    assert lighter == {"colour": ("cream",)}
    assert wishes("brighter", colour="grey")[0]["colour"][0] != "black"
    assert wishes("darker red", colour="pink") == ({"colour": ("red",)}, {})


def test_the_wanted_words_are_the_catalogues() -> None:
    seen = wishes_of(parse_change("gray with flowers", KNOWN), current={}, known=KNOWN)
    assert seen.words == "grey floral"


def test_a_value_the_catalogue_does_not_have_is_not_recognised() -> None:
    few = AttributeWords({"colour": ("red",)})
    assert parse_change("blue with stripes", few).is_empty
    assert parse_change("reddish", few).wanted == (Value("colour", "red"),)


def captions() -> Iterator[str]:
    for path in sorted(CAPTIONS.glob("fashioniq.*.json.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for pair in json.load(stream):
                yield from pair["captions"]


@pytest.mark.skipif(not CAPTIONS.is_dir(), reason="people's relative captions are not here")
def test_nine_in_ten_captions_by_people_say_something_we_understand() -> None:
    understood, fields, count = 0, Counter[str](), 0
    for caption in captions():
        change = parse_change(caption, KNOWN)
        wishes_of(change, current={"colour": "blue", "length": "midi"}, known=KNOWN)
        count += 1
        understood += not change.is_empty
        fields.update({value.field for value in change.wanted + change.unwanted} | set(change.tones))
    assert count == 36_000
    assert understood / count > 0.85
    # Colour is what people speak of most, then how light it is and the sleeves.
    assert fields.most_common(1)[0][0] == "colour"
    assert fields["colour"] / count > 0.4
    assert min(fields[name] for name in ("sleeve", "pattern", "darker", "lighter")) / count > 0.03
