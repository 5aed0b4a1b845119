"""Reading a catalogue out of a text."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.formats import Row, opened, read_rows


@pytest.fixture
def read() -> Callable[..., list[Row]]:
    """`read(text, "shopify", currency="EUR")` -> rows, whose numbers rise."""

    def rows_of(text: str | bytes, format: str, folder: Path | None = None, **mapping: str) -> list[Row]:
        content = text.encode() if isinstance(text, str) else text
        with opened(io.BytesIO(content)) as stream:
            rows = list(read_rows(stream, format=format, mapping=mapping, encoding="utf-8", folder=folder))
        numbers = [row.number for row in rows]
        assert numbers == sorted(set(numbers))
        return rows

    return rows_of
