"""Rows of one product, however they are mixed with others."""

import random

import pytest

from catalog.formats import gathering
from catalog.formats.gathering import gathered
from catalog.formats.row import Row
from fashionrec.common.errors import FieldError


def gather(names: str, *, begins: str = "") -> list[str]:
    """Products of rows that are named by one letter: "a1a3" has two rows; "!2" is an error of row 2."""
    rows = [
        Row(number, error=FieldError("row", "", "broken")) if name == "!" else Row(number, record={"name": name})
        for number, name in enumerate(names, start=1)
    ]
    found = gathered(
        rows,
        column="name",
        key=lambda cells: cells.get("name", "").strip(),
        begins=lambda row: "cannot begin" if begins and row.record["name"] in begins else "",
    )
    return [
        f"!{entry.number}" if isinstance(entry, Row) else "".join(f"{row.record['name']}{row.number}" for row in entry)
        for entry in found
    ]


def test_rows_come_together_in_the_order_of_their_products_first_rows() -> None:
    assert gather("abacb") == ["a1a3", "b2b5", "c4"]


def test_rows_with_an_error_keep_their_place() -> None:
    assert gather("!ab!a!") == ["!1", "a2a5", "b3", "!4", "!6"]


def test_rows_without_a_name_stand_alone() -> None:
    assert gather("  a") == [" 1", " 2", "a3"]


def test_a_row_that_cannot_begin_a_product_is_an_error() -> None:
    assert gather("axa", begins="x") == ["a1a3", "!2"]


def test_a_row_whose_product_is_complete_is_an_error_that_names_its_first_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "OPEN_PRODUCTS", 2)
    assert gather("abcaa") == ["a1", "b2", "c3", "!4", "!5"]
    rows = [Row(number, record={"name": name}) for number, name in enumerate("abca", start=1)]
    *_, last = gathered(rows, column="Handle", key=lambda cells: cells["name"], begins=lambda row: "")
    assert isinstance(last, Row)
    assert last.error is not None
    assert (last.error.field, last.error.value) == ("Handle", "a")
    assert last.error.reason.startswith("belongs to the product of row 1, which is complete")


def test_long_rows_close_the_oldest_product_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_HELD", 2 * (gathering.CHARACTERS_OF_A_ROW + 1))
    assert gather("abbca") == ["a1", "b2b3", "c4", "!5"]


def test_every_character_of_a_list_of_texts_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_HELD", 5_000)
    monkeypatch.setattr(gathering, "OPEN_PRODUCTS", 5)
    rows = [Row(number, record={"id": [name], "text": ["x" * 4_000]}) for number, name in enumerate("aba", start=1)]
    found = gathered(rows, column="id", key=lambda cells: cells["id"][0], begins=lambda row: "")
    assert [[row.number for row in entry] for entry in found if isinstance(entry, list)] == [[1], [2]]


def test_a_long_name_is_shown_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "OPEN_PRODUCTS", 1)
    rows = [Row(number, record={"name": name}) for number, name in enumerate(["a" * 9_000, "b", "a" * 9_000], start=1)]
    *_, last = gathered(rows, column="Handle", key=lambda cells: cells["name"], begins=lambda row: "")
    assert isinstance(last, Row)
    assert last.error is not None
    assert last.error.value == "a" * 200


def test_numbers_rise_and_no_row_is_lost_however_rows_are_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "OPEN_PRODUCTS", 3)
    generator = random.Random(5)
    for _ in range(50):
        names = "".join(generator.choices("abcdefg! ", k=60))
        found = gather(names)
        numbers = [int("".join(filter(str.isdigit, entry[1:3]))) for entry in found]
        assert numbers == sorted(set(numbers))
        assert sum(len([character for character in entry if not character.isdigit()]) for entry in found) == 60
