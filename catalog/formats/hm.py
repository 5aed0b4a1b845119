"""Format `hm`: the articles of the "H&M Personalized Fashion Recommendations" set.

articles.csv, and optionally images/<first three digits>/<article_id>.jpg beside it. One article is one product, as in
the set's own transactions; the articles of one product_code differ in colour. It has no prices and no sizes.
"""

import html
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from catalog.formats.fixed_columns import read_cells
from catalog.formats.genders import gender_in_words
from catalog.formats.row import Row
from fashionrec.common.errors import FieldError

FILE_NAMES = ("articles.csv",)
BRAND = "H&M"
_REQUIRED = ("article_id", "prod_name")
_CATEGORY_LEVELS = ("product_group_name", "product_type_name")
_ATTRIBUTES = {
    "product_code": "product_code",
    "department": "department_name",
    "index": "index_name",
    "section": "section_name",
    "garment_group": "garment_group_name",
    "perceived_colour_value": "perceived_colour_value_name",
    "perceived_colour_master": "perceived_colour_master_name",
}
_ID_DIGITS = 10
_NOTHING = frozenset(("unknown", "undefined"))


def read_hm(stream: IO[bytes], *, mapping: Mapping[str, str], encoding: str, folder: Path | None) -> Iterator[Row]:
    """`mapping` must be empty: the columns are the format."""
    pictures = folder is not None and (folder / "images").is_dir()
    for number, cells in read_cells(stream, mapping=mapping, encoding=encoding, required=_REQUIRED):
        if isinstance(cells, FieldError):
            yield Row(number, error=cells)
        else:
            yield Row(
                number, record=_record({column: _known(cell) for column, cell in cells.items()}, pictures=pictures)
            )


def _record(cells: Mapping[str, str], *, pictures: bool) -> dict[str, Any]:
    # Tables that went through a spreadsheet or pandas have lost the leading zero that the pictures' names keep.
    article = cells["article_id"].zfill(_ID_DIGITS) if cells["article_id"].isdecimal() else cells["article_id"]
    record: dict[str, Any] = {
        "external_id": article,
        "title": html.unescape(cells["prod_name"]),
        "description": html.unescape(cells.get("detail_desc", "")),
        "brand": BRAND,
        "category": " > ".join(cells[level] for level in _CATEGORY_LEVELS if cells.get(level)),
        "gender": gender_in_words(
            cells.get("section_name", ""), *(cells.get(f"index{c}_name", "") for c in ("", "_group"))
        ),
        "colour": cells.get("colour_group_name", ""),
        "pattern": cells.get("graphical_appearance_name", ""),
        "attributes": {name: cells[column] for name, column in _ATTRIBUTES.items() if cells.get(column)},
    }
    if "product_code" in record["attributes"] and record["attributes"]["product_code"].isdecimal():
        record["attributes"]["product_code"] = record["attributes"]["product_code"].zfill(_ID_DIGITS - 3)
    if pictures and cells["article_id"]:
        record["images"] = [f"images/{article[:3]}/{article}.jpg"]
    return record


def _known(cell: str) -> str:
    return "" if cell.lower() in _NOTHING else cell
