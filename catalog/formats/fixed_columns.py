"""Tables whose columns are the format: nothing to map, and some of them must be there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from catalog.formats.csv_records import read_table
from fashionrec.common.errors import FieldError, Invalid


def read_cells(
    stream: IO[bytes], *, mapping: Mapping[str, str], encoding: str, required: Sequence[str]
) -> Iterator[tuple[int, dict[str, str] | FieldError]]:
    """(number of the row from 1, its cells by column without surrounding spaces, or what is wrong with it).

    Raises Invalid for a `mapping`, and when a column of `required` is not in the file.
    """
    if mapping:
        raise Invalid.for_field("mapping", dict(mapping), "this format has fixed columns; use format csv to map")
    table = read_table(stream, encoding=encoding)
    positions = {column: position for position, column in enumerate(table.columns)}
    if missing := [column for column in required if column not in positions]:
        listed = ", ".join(repr(column) for column in table.columns)
        raise Invalid.for_field("columns", ", ".join(missing), f"not in the file, whose columns are {listed[:500]}")
    for number, fields in enumerate(table.records, start=1):
        if isinstance(fields, FieldError):
            yield number, fields
        else:
            yield number, {column: fields[position].strip() for column, position in positions.items()}
