"""CSV as people write it: a broken row is reported and costs no other row."""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from catalog.formats.lines import Line, read_lines
from fashionrec.common.errors import FieldError, Invalid

MOST_LINES = 100
"""Physical lines that one quoted row may span. A quote that is never closed would swallow the rest of the file."""

_DELIMITERS = ",;\t|"
_UNFINISHED = "unexpected end of data"


@dataclass(frozen=True, slots=True)
class Table:
    columns: list[str]
    records: "Iterator[list[str] | FieldError]"


@dataclass(slots=True)
class _Lines:
    """Lines that can be given back."""

    source: Iterator[Line]
    returned: deque[Line] = field(default_factory=deque)

    def take(self) -> Line | None:
        return self.returned.popleft() if self.returned else next(self.source, None)

    def give_back(self, lines: list[Line]) -> None:
        self.returned.extendleft(reversed(lines))


def read_table(stream: IO[bytes], *, encoding: str) -> Table:
    """The header, and every record after it: its fields, or the error that makes it unreadable.

    The delimiter (, ; tab |) is the one that the header has most of. Blank lines are no records. When quotes do not
    balance, the first physical line is reported and reading goes on at the next. Raises Invalid without a header.
    """
    lines = _Lines(read_lines(stream, encoding=encoding))
    header = _header_line(lines)
    delimiter = max(_DELIMITERS, key=header.count)
    columns = next(csv.reader([header], delimiter=delimiter), [])
    return Table(
        columns=[" ".join(column.split()) for column in columns],
        records=_records(lines, width=len(columns), delimiter=delimiter),
    )


def _header_line(lines: _Lines) -> str:
    line = lines.take()
    while line is not None and not line.error and not line.text.strip():
        line = lines.take()
    if line is None:
        raise Invalid.for_field("file", "", "is empty; expected a header and rows")
    if line.error:
        raise Invalid.for_field("file", line.error.value, f"not a CSV text: {line.error.reason}")
    text = line.text.rstrip("\r\n")
    if any(ord(character) < 32 and character != "\t" for character in text):
        raise Invalid.for_field("file", text[:60], "not a CSV text: the header has control characters")
    return text


def _records(lines: _Lines, *, width: int, delimiter: str) -> Iterator[list[str] | FieldError]:
    while (first := lines.take()) is not None:
        if first.error:
            yield first.error
        elif first.text.strip():
            yield _record(first, lines, width=width, delimiter=delimiter)


def _record(first: Line, lines: _Lines, *, width: int, delimiter: str) -> list[str] | FieldError:
    taken, reason = [first], ""
    while not reason:
        try:
            fields = next(csv.reader([line.text for line in taken], delimiter=delimiter, strict=True))
        except csv.Error as error:
            reason = str(error)
            if reason == _UNFINISHED:
                reason = "" if _extend(taken, lines) else "a quote is never closed"
        else:
            if len(fields) == width:
                return fields
            reason = f"{len(fields)} fields, the header has {width}"
    lines.give_back(taken[1:])
    shown = first.text.rstrip("\r\n").replace("\x00", "\\x00")
    return FieldError("row", shown[:200] + "…" if len(shown) > 200 else shown, reason)


def _extend(taken: list[Line], lines: _Lines) -> bool:
    """Take lines up to the next one that could close the quote; False when there is none within the limit."""
    while len(taken) < MOST_LINES:
        line = lines.take()
        if line is None:
            return False
        if line.error:
            lines.give_back([line])
            return False
        taken.append(line)
        if '"' in line.text:
            return True
    return False
