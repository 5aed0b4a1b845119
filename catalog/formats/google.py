"""Format `google`: a Google Merchant product feed, as a table (TSV) or as XML (RSS 2.0 or Atom with g: elements).

Items with the same item_group_id are variants of one product, which then has that id. The content decides between
table and XML, not the name of the file.
"""

import html
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from catalog.formats.excess import cut_to_size
from catalog.formats.feed_items import is_xml, read_table_items, read_xml_items
from catalog.formats.gathering import gathered
from catalog.formats.genders import gender_of
from catalog.formats.html_text import text_of_html
from catalog.formats.row import Row
from fashionrec.common.errors import FieldError, Invalid

FILE_NAMES = ("products.xml", "feed.xml", "products.tsv", "products.txt")
_REQUIRED = ("id", "title")
_TEXTS = {"material": "material", "pattern": "pattern", "brand": "brand"}
_ATTRIBUTES = ("google_product_category", "age_group", "size_system", "size_type", "mpn")

_AMOUNT = re.compile(r"^(?:([A-Za-z]{3})\s*)?([0-9][0-9.,']*)\s*([A-Za-z]{3})?$")
_ADDRESSES = re.compile(r",\s*(?=https?://)")
_LONGEST_SHORTENED = 1_000
"""Characters of a title that is looked through for its own size and colour; much longer ones are refused anyway."""
_SELLABLE = frozenset(("in_stock", "preorder", "backorder", "limited_availability", "available_for_order"))
_SOLD_OUT = frozenset(("out_of_stock", "discontinued"))

Cells = Mapping[str, list[str]]


def read_google(stream: IO[bytes], *, mapping: Mapping[str, str], encoding: str, folder: Path | None) -> Iterator[Row]:
    """One Row a product. XML names its encoding itself; `encoding` is that of a table. `mapping` must be empty."""
    items = scan_google(stream, mapping=mapping, encoding=encoding, folder=folder)
    for found in gathered(items, column="item_group_id", key=_product_id, begins=lambda row: ""):
        yield found if isinstance(found, Row) else _product(found)


def scan_google(stream: IO[bytes], *, mapping: Mapping[str, str], encoding: str, folder: Path | None) -> Iterator[Row]:
    """The items of the feed."""
    if mapping:
        raise Invalid.for_field("mapping", dict(mapping), "this format has fixed attributes; use format csv to map")
    if is_xml(stream):
        return read_xml_items(stream)
    return read_table_items(stream, encoding=encoding, required=_REQUIRED)


def _product_id(cells: Cells) -> str:
    return _text(cells, "item_group_id") or _text(cells, "id")


def _product(rows: list[Row]) -> Row:
    """The texts are the first item's; pictures are everybody's."""
    first: Cells = rows[0].record
    warnings: list[tuple[int, FieldError]] = []
    rows = _with_distinct_ids(rows, warnings)
    variants = [_variant(row, warnings) for row in rows]
    images: dict[str, int] = {}
    for row in rows:
        for name in ("image_link", "additional_image_link"):
            for cell in row.record.get(name, ()):
                for address in _ADDRESSES.split(cell):
                    images.setdefault(html.unescape(address.strip()), row.number)
    record: dict[str, Any] = {
        "external_id": _product_id(first),
        "title": _title(first, grouped=bool(_text(first, "item_group_id"))),
        "description": text_of_html(_text(first, "description")),
        "category": _category(first),
        "gender": gender_of(_text(first, "gender"), _text(first, "age_group")),
        "colour": variants[0]["colour"],
        **{field: html.unescape(_text(first, name)) for field, name in _TEXTS.items()},
        "attributes": {name: text for name in _ATTRIBUTES if (text := html.unescape(_text(first, name)))},
        "variants": variants,
        "images": [{"src": address, "alt": ""} for address in images if address],
    }
    if (condition := _text(first, "condition").lower()) not in ("", "new"):
        record["attributes"]["condition"] = condition
    origins = {f"variants[{index}]": row.number for index, row in enumerate(rows)}
    origins |= {f"images[{index}]": number for index, number in enumerate(images.values())}
    cut = ((rows[0].number, problem) for problem in cut_to_size(record))
    return Row(rows[0].number, record=record, warnings=(*warnings, *cut), origins=origins)


def _with_distinct_ids(rows: list[Row], warnings: list[tuple[int, FieldError]]) -> list[Row]:
    first: dict[str, Row] = {}
    for row in rows:
        name = _text(row.record, "id")
        if first.setdefault(name, row) is not row:
            reason = f"already in row {first[name].number} of this file, left out"
            warnings.append((row.number, FieldError("id", name[:200], reason)))
    return list(first.values())


def _variant(row: Row, warnings: list[tuple[int, FieldError]]) -> dict[str, Any]:
    cells: Cells = row.record
    price, currency = _amount(_text(cells, "price"))
    variant = {
        "sku": _text(cells, "id"),
        "size": html.unescape(_text(cells, "size")),
        "colour": html.unescape(_text(cells, "color")),
        "price": price,
        "currency": currency,
        "stock": _stock(row, warnings),
    }
    sale, sale_currency = _amount(_text(cells, "sale_price"))
    if sale and _on_sale(row, warnings):
        variant |= {"price": sale, "currency": sale_currency or currency, "compare_at_price": price}
    return variant


def _text(cells: Cells, name: str) -> str:
    return cells[name][0] if name in cells else ""


def _amount(text: str) -> tuple[str, str]:
    """("15.00", "USD") of "15.00 USD"; what is not like that is left whole, to be refused where amounts are read."""
    match = _AMOUNT.match(text)
    if match is None:
        return text, ""
    before, amount, after = match.groups()
    return amount, (after or before or "").upper()


def _on_sale(row: Row, warnings: list[tuple[int, FieldError]]) -> bool:
    """Whether now lies within "2026-02-24T11:07+0100/2026-02-29T23:07+0100"; without a period, always."""
    period = _text(row.record, "sale_price_effective_date")
    if not period:
        return True
    try:
        begins, ends = (datetime.fromisoformat(part.strip()) for part in period.split("/"))
    except ValueError:
        reason = "expected two times such as 2026-02-24T11:07+0100/2026-02-29T23:07+0100; the sale price is not used"
        warnings.append((row.number, FieldError("sale_price_effective_date", period[:200], reason)))
        return False
    return _in_utc(begins) <= datetime.now(UTC) <= _in_utc(ends)


def _in_utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _stock(row: Row, warnings: list[tuple[int, FieldError]]) -> int | str | None:
    cells: Cells = row.record
    availability = _text(cells, "availability").lower().replace(" ", "_")
    if availability in _SOLD_OUT:
        return 0
    if availability and availability not in _SELLABLE:
        reason = "unknown, taken as in stock; known are in_stock, out_of_stock, preorder and backorder"
        warnings.append((row.number, FieldError("availability", availability[:200], reason)))
    return _text(cells, "quantity") or None


def _category(cells: Cells) -> str:
    """The shop's own shelf before Google's, which may be a bare number."""
    google = _text(cells, "google_product_category")
    return html.unescape(_text(cells, "product_type") or ("" if google.isdecimal() else google))


def _title(cells: Cells, *, grouped: bool) -> str:
    """Of a product with variants without the first one's own size and colour: "Linen shirt - white - M"."""
    title = " ".join(html.unescape(_text(cells, "title")).split())
    if not grouped or len(title) > _LONGEST_SHORTENED:
        return title
    own = [value for name in ("size", "color") if (value := html.unescape(_text(cells, name)))]
    shortened = title
    for value in own + own:  # twice: either may come last
        if len(value) >= len(title):
            continue
        shortened = re.sub(rf"\s*[-–—|,/(\[]\s*{re.escape(value)}[\s)\]]*$", "", shortened, flags=re.IGNORECASE)
    return shortened or title
