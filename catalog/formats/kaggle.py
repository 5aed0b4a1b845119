"""Format `kaggle` (alias `myntra`): the layout of the "Fashion Product Images" set.

styles.csv or labels.csv with the columns id, gender, masterCategory, subCategory, articleType, baseColour, season,
year, usage, productDisplayName, and optionally images/<id>.jpg beside it. It has no prices and no descriptions.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from catalog.formats.csv_records import read_table
from catalog.formats.row import Row
from fashionrec.common.errors import FieldError, Invalid

FILE_NAMES = ("styles.csv", "labels.csv")
_REQUIRED = ("id", "productDisplayName")
_CATEGORY_LEVELS = ("masterCategory", "subCategory", "articleType")
_ATTRIBUTES = ("usage", "year")
_FIELDS = {"gender": "gender", "colour": "baseColour", "season": "season"}

_LONGEST_BRAND = 4
_GENDER_WORDS = {
    "men": {"men", "men's", "mens"},
    "women": {"women", "women's", "womens"},
    "boys": {"boys", "boy", "boy's", "kids"},
    "girls": {"girls", "girl", "girl's", "kids"},
    "unisex": {"unisex"},
}
_STYLE_WORDS = re.compile(r"\s(?:Check|Checks|Solid|Stripes|Striped|Printed|Kids)$")


def read_kaggle(stream: IO[bytes], *, mapping: Mapping[str, str], encoding: str, folder: Path | None) -> Iterator[Row]:
    """`mapping` must be empty: the columns are the format."""
    if mapping:
        raise Invalid.for_field("mapping", dict(mapping), "this format has fixed columns; use format csv to map")
    table = read_table(stream, encoding=encoding)
    positions = {column: position for position, column in enumerate(table.columns)}
    missing = [column for column in _REQUIRED if column not in positions]
    if missing:
        listed = ", ".join(repr(column) for column in table.columns)
        raise Invalid.for_field("columns", ", ".join(missing), f"not in the file, whose columns are {listed[:500]}")
    pictures = folder is not None and (folder / "images").is_dir()
    for number, fields in enumerate(table.records, start=1):
        if isinstance(fields, FieldError):
            yield Row(number, error=fields)
        else:
            cells = {column: fields[position].strip() for column, position in positions.items()}
            yield Row(number, record=_record(cells, pictures=pictures))


def _record(cells: Mapping[str, str], *, pictures: bool) -> dict[str, Any]:
    record: dict[str, Any] = {
        "external_id": cells["id"],
        "title": cells["productDisplayName"],
        "brand": brand_in_title(cells["productDisplayName"], gender=cells.get("gender", "")),
        "category": " > ".join(cells[level] for level in _CATEGORY_LEVELS if cells.get(level)),
        "attributes": {name: cells[name] for name in _ATTRIBUTES if cells.get(name)},
    }
    for field, column in _FIELDS.items():
        record[field] = cells.get(column, "")
    if pictures and cells["id"]:
        record["images"] = [f"images/{cells['id']}.jpg"]
    return record


def brand_in_title(title: str, *, gender: str) -> str:
    """The brand, where the title says it: the words before the row's own gender, "" where that does not hold.

    Titles of this set read "United Colors of Benetton Women Solid Black Wallets" (96 of 100 do).
    """
    words = title.split()
    markers = _GENDER_WORDS.get(gender.lower(), set())
    position = next((index for index, word in enumerate(words) if word.lower() in markers), 0)
    if not 1 <= position <= _LONGEST_BRAND:
        return ""
    return _STYLE_WORDS.sub("", " ".join(words[:position]))
