"""Rows of one product gathered while they stand near each other, in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.formats.first_rows import FirstRows
from catalog.formats.row import Row
from fashionrec.common.errors import FieldError

OPEN_PRODUCTS = 1_000
"""Products that may begin before the last row of an earlier one has come."""
MOST_HELD = 16_000_000
"""Characters of rows that wait for more of their product; beyond it the oldest product is taken as complete."""
CHARACTERS_OF_A_ROW = 200
"""Counted for every row beside its texts: some memory it takes however empty it is."""
LONGEST_SHOWN = 200


@dataclass(slots=True)
class _Group:
    key: str
    rows: list[Row] = field(default_factory=list)
    held: int = 0


def gathered(
    rows: Iterable[Row], *, column: str, key: Callable[[Mapping[str, Any]], str], begins: Callable[[Row], str]
) -> Iterator[Row | list[Row]]:
    """The rows of each product, in the order of the products' first rows; rows with an error pass in their place.

    rows: with texts, or lists of them, as their record. key: what rows of one product have in common, named `column`
    in errors; a row without it stands alone. begins: why a row cannot be a product's first, or "".
    A row whose product has been given out already becomes an error that says so.
    """
    open_groups: dict[str, _Group] = {}
    waiting: deque[Row | _Group] = deque()
    held = 0
    with FirstRows() as first_rows:
        for row in rows:
            name = key(row.record)
            group = open_groups.get(name)
            if row.error:
                waiting.append(row)
            elif group is None and (problem := _refusal(row, name, column, begins, first_rows)):
                waiting.append(Row(row.number, error=problem))
            else:
                if group is None:
                    group = _Group(name)
                    waiting.append(group)
                    if name:
                        open_groups[name] = group
                size = CHARACTERS_OF_A_ROW + sum(map(_length, row.record.values()))
                group.rows.append(row)
                group.held += size
                held += size
            while waiting and (isinstance(waiting[0], Row) or len(waiting) > OPEN_PRODUCTS or held > MOST_HELD):
                oldest = waiting.popleft()
                if isinstance(oldest, _Group):
                    held -= oldest.held
                    open_groups.pop(oldest.key, None)
                yield oldest.rows if isinstance(oldest, _Group) else oldest
    for rest in waiting:
        yield rest.rows if isinstance(rest, _Group) else rest


def _length(cell: str | list[str]) -> int:
    return len(cell) if isinstance(cell, str) else sum(map(len, cell))


def _refusal(
    row: Row, name: str, column: str, begins: Callable[[Row], str], first_rows: FirstRows
) -> FieldError | None:
    if problem := begins(row):
        return FieldError(column, name[:LONGEST_SHOWN], problem)
    first = first_rows.claim(name, row.number) if name else row.number
    if first == row.number:
        return None
    reason = (
        f"belongs to the product of row {first}, which is complete: "
        f"rows of one product may have at most {OPEN_PRODUCTS} others between them"
    )
    return FieldError(column, name[:LONGEST_SHOWN], reason)
