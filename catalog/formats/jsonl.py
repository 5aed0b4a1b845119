"""Format `jsonl`: one product a line, in the shape that catalog.product_parsing reads."""

import json
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from catalog.formats.lines import Line, read_lines
from catalog.formats.row import Row
from fashionrec.common.errors import FieldError, Invalid

FILE_NAMES = ("products.jsonl",)
_SAMPLE = 10


def read_jsonl(stream: IO[bytes], *, mapping: Mapping[str, str], encoding: str, folder: Path | None) -> Iterator[Row]:
    """Rows are non-blank lines. Raises Invalid when none of the first ten looks like a JSON object."""
    if mapping:
        raise Invalid.for_field("mapping", dict(mapping), "this format names its fields itself; use format csv to map")
    lines = (line for line in read_lines(stream, encoding=encoding) if line.error or line.text.strip())
    sample = list(islice(lines, _SAMPLE))
    if sample and not any(line.error is None and line.text.lstrip().startswith("{") for line in sample):
        shown = sample[0].error.value if sample[0].error else sample[0].text[:60]
        raise Invalid.for_field("file", shown, "not JSON lines: expected one JSON object a line")
    for number, line in enumerate(chain(sample, lines), start=1):
        yield _row(number, line)


def _row(number: int, line: Line) -> Row:
    if line.error:
        return Row(number, error=line.error)
    try:
        record = json.loads(line.text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return Row(number, error=FieldError("row", _shown(line.text), f"not JSON: {error}"[:300]))
    if not isinstance(record, dict):
        return Row(number, error=FieldError("row", _shown(line.text), "expected a JSON object"))
    return Row(number, record=record)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _shown(text: str) -> str:
    text = text.strip().replace("\x00", "\\x00")
    return text[:200] + "…" if len(text) > 200 else text
