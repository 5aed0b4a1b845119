"""One row of a catalogue file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fashionrec.common.errors import FieldError


@dataclass(frozen=True, slots=True)
class Row:
    """`record` (see catalog.product_parsing) or, where the row cannot even be taken apart, `error`.

    Where a product takes several rows of the file this is the product, numbered by its first row.
    """

    number: int
    """Counted from 1: the first row after the header."""
    record: dict[str, Any] = field(default_factory=dict)
    error: FieldError | None = None
    warnings: tuple[tuple[int, FieldError], ...] = ()
    """What the reader left out of the record, each with the row of the file that had it."""
    origins: Mapping[str, int] = field(default_factory=dict)
    """Rows of parts that another row brought: "variants[1]", "images[4]" -> number."""
