"""One row of a catalogue file."""

from dataclasses import dataclass, field
from typing import Any

from fashionrec.common.errors import FieldError


@dataclass(frozen=True, slots=True)
class Row:
    """`record` (see catalog.product_parsing) or, where the row cannot even be taken apart, `error`."""

    number: int
    """Counted from 1: the first row after the header."""
    record: dict[str, Any] = field(default_factory=dict)
    error: FieldError | None = None
