"""Format `kaggle` (alias `myntra`): the layout of the "Fashion Product Images" set.

styles.csv or labels.csv with the columns id, gender, masterCategory, subCategory, articleType, baseColour, season,
year, usage, productDisplayName, and optionally images/<id>.jpg beside it. It has no prices and no descriptions.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from catalog.formats.fixed_columns import read_cells
from catalog.formats.row import Row
from fashionrec.common.errors import FieldError

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
    pictures = folder is not None and (folder / "images").is_dir()
    for number, cells in read_cells(stream, mapping=mapping, encoding=encoding, required=_REQUIRED):
        if isinstance(cells, FieldError):
            yield Row(number, error=cells)
        else:
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
