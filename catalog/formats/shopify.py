"""Format `shopify`: the product export of a Shopify shop, with the column names of old and new exports.

A product begins with the row that has its title; rows after it with the same handle and no title bring more variants
and more pictures. The export names no currency: `mapping` may give it as {"currency": "EUR"}.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from catalog.formats.csv_records import Table, read_table
from catalog.formats.excess import cut_to_size
from catalog.formats.gathering import gathered
from catalog.formats.genders import gender_in_words, gender_of
from catalog.formats.html_text import text_of_html
from catalog.formats.row import Row
from catalog.formats.shopify_variants import Variants, variants_of
from fashionrec.common.errors import FieldError, Invalid

FILE_NAMES = ("products_export.csv", "products_export_1.csv", "products.csv")

_COLUMNS = {
    "handle": ("handle", "url handle"),
    "title": ("title",),
    "body": ("body (html)", "body html", "description"),
    "vendor": ("vendor",),
    "category": ("product category", "standardized product type", "standard product type"),
    "type": ("type", "custom product type"),
    "tags": ("tags",),
    "published": ("published", "published on online store"),
    "status": ("status",),
    **{f"option{n}_name": (f"option{n} name",) for n in (1, 2, 3)},
    **{f"option{n}_value": (f"option{n} value",) for n in (1, 2, 3)},
    "sku": ("variant sku", "sku"),
    "tracker": ("variant inventory tracker", "inventory tracker"),
    "quantity": ("variant inventory qty", "inventory quantity"),
    "policy": ("variant inventory policy", "continue selling when out of stock"),
    "price": ("variant price", "price"),
    "compare_at_price": ("variant compare at price", "compare-at price"),
    "image": ("image src", "product image url"),
    "image_position": ("image position",),
    "alt": ("image alt text",),
    "variant_image": ("variant image", "variant image url"),
    "gender": ("google shopping / gender",),
    "age_group": ("google shopping / age group",),
    "google_category": ("google shopping / google product category",),
}
_METAFIELDS = {"color-pattern": "colour", "fabric": "material", "target-gender": "target_gender", "age-group": "age"}
_METAFIELD = re.compile(r"\(product\.metafields\.shopify\.([a-z-]+)\)$")
_YES, _NO = frozenset(("true", "yes", "1")), frozenset(("false", "no", "0"))
_STATUSES = frozenset(("active", "draft", "archived"))
_CURRENCY = re.compile(r"[A-Za-z]{3}")


def read_shopify(stream: IO[bytes], *, mapping: Mapping[str, str], encoding: str, folder: Path | None) -> Iterator[Row]:
    """One Row a product. `mapping` may hold nothing but the currency of the prices."""
    currency = _currency(mapping)
    table = read_table(stream, encoding=encoding)
    positions = _positions(table.columns)
    for found in gathered(
        _rows(table, positions),
        column="Handle",
        key=lambda cells: cells.get("handle", ""),
        begins=_why_it_cannot_begin,
    ):
        yield found if isinstance(found, Row) else _product(found, currency=currency, tracked="tracker" in positions)


def scan_shopify(stream: IO[bytes], *, mapping: Mapping[str, str], encoding: str, folder: Path | None) -> Iterator[Row]:
    """The rows of the file."""
    return _rows(read_table(stream, encoding=encoding), {})


def _currency(mapping: Mapping[str, str]) -> str:
    other = [name for name in mapping if name != "currency"]
    if other:
        raise Invalid.for_field("mapping", other[0], "this format has fixed columns; only the currency can be given")
    currency = mapping.get("currency", "")
    if currency and not _CURRENCY.fullmatch(currency):
        raise Invalid.for_field("mapping.currency", currency, "expected three letters such as EUR")
    return currency.upper()


def _positions(columns: Sequence[str]) -> dict[str, int]:
    plain = [column.lower() for column in columns]
    positions = {
        name: plain.index(found)
        for name, names in _COLUMNS.items()
        if (found := next((candidate for candidate in names if candidate in plain), None)) is not None
    }
    for position, column in enumerate(plain):
        if (match := _METAFIELD.search(column)) and match.group(1) in _METAFIELDS:
            positions.setdefault(_METAFIELDS[match.group(1)], position)
    missing = [name.title() for name in ("handle", "title") if name not in positions]
    if missing:
        listed = ", ".join(repr(column) for column in columns)
        raise Invalid.for_field("columns", ", ".join(missing), f"not in the file, whose columns are {listed[:500]}")
    return positions


def _rows(table: Table, positions: Mapping[str, int]) -> Iterator[Row]:
    for number, fields in enumerate(table.records, start=1):
        if isinstance(fields, FieldError):
            yield Row(number, error=fields)
        else:
            cells = {name: cell for name, at in positions.items() if (cell := fields[at].strip())}
            yield Row(number, record=cells)


def _why_it_cannot_begin(row: Row) -> str:
    if row.record.get("title") or not row.record.get("handle"):
        return ""
    return "has no Title, and the rows of no product with this handle are still coming: they must follow its first row"


def _product(rows: list[Row], *, currency: str, tracked: bool) -> Row:
    first = rows[0].record
    variants = variants_of(rows, currency=currency, tracked=tracked)
    images, origins = _images(rows)
    tags = html.unescape(first.get("tags", ""))
    record: dict[str, Any] = {
        "external_id": first.get("handle", ""),
        "title": html.unescape(first.get("title", "")),
        "description": text_of_html(first.get("body", "")),
        "brand": html.unescape(first.get("vendor", "")),
        "category": html.unescape(_category(first)),
        "gender": _gender(first, tags),
        "colour": next(iter(_values(first.get("colour", ""))), variants.colour),
        "material": ", ".join(_values(first.get("material", ""))) or variants.material,
        "attributes": {**variants.attributes, **_attributes(first, tags)},
        "variants": variants.listed,
        "images": images,
        "status": _status(first),
    }
    cut = ((rows[0].number, problem) for problem in cut_to_size(record))
    return Row(
        rows[0].number,
        record=record,
        warnings=(*variants.warnings, *cut),
        origins={**_variant_rows(variants), **origins},
    )


def _variant_rows(variants: Variants) -> dict[str, int]:
    return {f"variants[{index}]": number for index, number in enumerate(variants.rows)}


def _category(cells: Mapping[str, str]) -> str:
    google = cells.get("google_category", "")
    return cells.get("category") or cells.get("type") or ("" if google.isdecimal() else google)


def _gender(cells: Mapping[str, str], tags: str) -> str:
    age = cells.get("age_group") or ("kids" if "kid" in cells.get("age", "").lower() else "")
    for given in (cells.get("gender", ""), cells.get("target_gender", "")):
        if named := gender_of(given, age):
            return named
    words = [tag for tag in (part.strip() for part in tags.split(",")) if gender_in_words(tag) and " " not in tag]
    return gender_in_words(" ".join(words))


def _values(metafield: str) -> list[str]:
    """Values of a list metafield: "black; off-white"."""
    return [value for value in (part.strip().replace("-", " ") for part in metafield.split(";")) if value]


def _attributes(cells: Mapping[str, str], tags: str) -> dict[str, str]:
    kept = {"tags": ", ".join(tag for tag in (part.strip() for part in tags.split(",")) if tag)}
    if cells.get("category"):
        kept["type"] = html.unescape(cells.get("type", ""))
    return {name: value for name, value in kept.items() if value}


def _status(cells: Mapping[str, str]) -> str | None:
    """Not published is a draft, whatever its status; an export that says neither leaves what is stored."""
    status, published = cells.get("status", "").lower(), cells.get("published", "").lower()
    if published in _NO and status in ("", "active"):
        return "draft"
    if status:
        return status if status in _STATUSES else "draft"
    return "active" if published in _YES else None


def _images(rows: list[Row]) -> tuple[list[dict[str, str]], dict[str, int]]:
    """Pictures in the order of their positions, then those that only variants name; and the rows they come from."""
    found: dict[str, tuple[int, str, int]] = {}
    for order, row in enumerate(rows):
        if address := _address(row.record.get("image", "")):
            position = row.record.get("image_position", "")
            rank = int(position) if position.isdecimal() and len(position) < 6 else 100_000 + order
            found.setdefault(address, (rank, html.unescape(row.record.get("alt", "")), row.number))
    for order, row in enumerate(rows):
        if address := _address(row.record.get("variant_image", "")):
            found.setdefault(address, (200_000 + order, "", row.number))
    ranked = sorted(found.items(), key=lambda entry: entry[1][0])
    images = [{"src": address, "alt": alt} for address, (_, alt, _) in ranked]
    return images, {f"images[{index}]": number for index, (_, (_, _, number)) in enumerate(ranked)}


def _address(text: str) -> str:
    return f"https:{text}" if text.startswith("//") else text
