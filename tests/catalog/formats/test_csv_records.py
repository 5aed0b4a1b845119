"""Broken CSV costs the broken row and no other."""

import io

import pytest

from catalog.formats.csv_records import MOST_LINES, read_table
from catalog.formats.lines import LONGEST_LINE
from fashionrec.common.errors import FieldError, Invalid


def read(text: str | bytes, encoding: str = "utf-8") -> list[list[str] | str]:
    """Fields of good records, reasons of bad ones."""
    content = text.encode() if isinstance(text, str) else text
    table = read_table(io.BytesIO(content), encoding=encoding)
    return [entry.reason if isinstance(entry, FieldError) else entry for entry in table.records]


def test_quotes_delimiters_and_line_breaks_inside_fields_are_read() -> None:
    assert read('id,title\n1,"a, b"\n2,"x\ny"\n3,"say ""hi"""\n') == [
        ["1", "a, b"],
        ["2", "x\ny"],
        ["3", 'say "hi"'],
    ]


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_do_not_matter() -> None:
    table = read_table(io.BytesIO("\ufeffid,title\r\n\r\n1,a\r\n\r\n2,b".encode()), encoding="utf-8")
    assert table.columns == ["id", "title"]
    assert list(table.records) == [["1", "a"], ["2", "b"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_that_of_the_header(delimiter: str) -> None:
    assert read(f"id{delimiter}title\n1{delimiter}a\n") == [["1", "a"]]


def test_a_quote_that_is_never_closed_costs_only_its_own_line() -> None:
    rows = read('id,title\n1,a\n2,"broken\n3,c\n4,"d, d"\n5,e\n')
    assert rows[0] == ["1", "a"]
    assert isinstance(rows[1], str)
    assert rows[2:] == [["3", "c"], ["4", "d, d"], ["5", "e"]]


def test_an_unclosed_quote_at_the_end_of_a_long_file_costs_only_its_own_line() -> None:
    body = "".join(f"{number},t{number}\n" for number in range(3 * MOST_LINES))
    rows = read(f'id,title\n0,"broken\n{body}')
    assert rows[0] == "a quote is never closed"
    assert len(rows) == 1 + 3 * MOST_LINES
    assert all(isinstance(row, list) for row in rows[1:])


def test_text_after_a_closing_quote_is_broken_quoting() -> None:
    rows = read('id,title\n1,"a"b\n2,c\n')
    assert rows == ["',' expected after '\"'", ["2", "c"]]


def test_too_few_and_too_many_fields_are_reported_with_both_counts() -> None:
    assert read("id,title\n1\n2,b,c\n3,d\n") == [
        "1 fields, the header has 2",
        "3 fields, the header has 2",
        ["3", "d"],
    ]


def test_undecodable_bytes_cost_only_their_line_and_are_named() -> None:
    rows = read(b"id,title\n1,caf\xe9\n2,b\n")
    assert rows == ["byte 6 of the line is not utf-8: 0xe9", ["2", "b"]]
    assert read(b"id,title\n1,caf\xe9\n", encoding="latin-1") == [["1", "café"]]


def test_an_oversize_line_is_skipped_without_losing_the_next() -> None:
    rows = read(b"id,title\n1," + b"x" * (3 * LONGEST_LINE) + b"\n2,b\n")
    assert rows == [f"the line is longer than {LONGEST_LINE} bytes", ["2", "b"]]


def test_a_field_beyond_the_limit_of_csv_is_reported() -> None:
    rows = read("id,title\n1," + "x" * 200_000 + "\n2,b\n")
    assert rows == ["field larger than field limit (131072)", ["2", "b"]]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a CSV text"),
        (b"PK\x03\x04\x14\x00\x06\x00", "not a CSV text"),
        (b"id\x00,title\n", "not a CSV text"),
    ],
)
def test_a_file_without_a_readable_header_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        read(content)


@pytest.mark.parametrize("encoding", ["utf-16", "klingon", "rot13"])
def test_an_encoding_that_is_no_superset_of_ascii_is_refused(encoding: str) -> None:
    with pytest.raises(Invalid, match="encoding"):
        read("id,title\n", encoding=encoding)
