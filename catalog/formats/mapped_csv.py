"""Format `csv`: any table with a header, one product a row, columns mapped to fields."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from catalog.formats.columns import ATTRIBUTE, currency_in_header, map_columns
from catalog.formats.csv_records import read_table
from catalog.formats.row import Row
from catalog.formats.sentences import unglue_sentences
from fashionrec.common.errors import FieldError


def read_csv(stream: IO[bytes], *, mapping: Mapping[str, str], encoding: str, folder: Path | None) -> Iterator[Row]:
    """Several pictures in one cell are separated by "|"; the currency may stand in a header, as in "Price (INR)"."""
    table = read_table(stream, encoding=encoding)
    positions = map_columns(table.columns, mapping)
    price = positions.get("price")
    currency = currency_in_header(table.columns[price]) if price is not None else ""
    for number, fields in enumerate(table.records, start=1):
        if isinstance(fields, FieldError):
            yield Row(number, error=fields)
        else:
            yield Row(number, record=_record(fields, positions, currency))


def _record(fields: list[str], positions: Mapping[str, int], currency: str) -> dict[str, Any]:
    record: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    for field, position in positions.items():
        if field.startswith(ATTRIBUTE):
            attributes[field.removeprefix(ATTRIBUTE)] = fields[position]
        else:
            record[field] = fields[position]
    if attributes:
        record["attributes"] = attributes
    if "description" in record:
        record["description"] = unglue_sentences(
            record["description"], known=f"{record.get('title', '')} {record.get('brand', '')}"
        )
    if "image" in record:
        record["images"] = [name for name in (part.strip() for part in record.pop("image").split("|")) if name] or None
    if currency and not record.get("currency"):
        record["currency"] = currency
    return record
