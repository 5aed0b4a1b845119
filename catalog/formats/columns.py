"""Which column of a table holds which field of a product."""

import re
from collections.abc import Mapping, Sequence

from fashionrec.common.errors import Invalid

FIELDS = (
    *("external_id", "title", "description", "brand", "category", "gender", "colour", "material", "pattern", "season"),
    *("price", "compare_at_price", "currency", "stock", "sku", "size", "image"),
)
ATTRIBUTE = "attributes."
"""`attributes.fit=Fit` keeps a column that no field stands for."""

REQUIRED = ("external_id", "title")

# Headers as they are written, in lower case and without anything but letters and digits.
_NAMES = {
    "external_id": ("externalid", "id", "productid", "itemid", "articleid", "handle"),
    "title": ("title", "name", "productname", "producttitle", "displayname", "productdisplayname", "itemname"),
    "description": ("description", "productdescription", "details", "body"),
    "brand": ("brand", "productbrand", "brandname", "vendor", "manufacturer"),
    "category": ("category", "categorypath", "productcategory", "productcategories", "producttype", "articletype"),
    "gender": ("gender", "sex", "department", "targetgroup"),
    "colour": ("colour", "color", "primarycolour", "primarycolor", "basecolour", "basecolor"),
    "material": ("material", "fabric"),
    "pattern": ("pattern", "print"),
    "season": ("season",),
    "price": ("price", "saleprice", "unitprice", "sellingprice"),
    "compare_at_price": ("compareatprice", "originalprice", "listprice", "mrp", "rrp"),
    "currency": ("currency", "currencycode", "pricecurrency"),
    "stock": ("stock", "quantity", "stockquantity", "inventory", "inventoryqty"),
    "sku": ("sku", "variantsku"),
    "size": ("size",),
    "image": ("image", "images", "imagepath", "imagefile", "imagefilename", "picture", "photo"),
}
_CURRENCY_IN_HEADER = re.compile(r"\(([A-Z]{3})\)\s*$")


def map_columns(columns: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int]:
    """Field -> position of its column: as `mapping` (field: column) says, or by the columns' names when it is empty.

    Raises Invalid, listing the columns, for an unknown field or column and when external_id or title has none.
    """
    listed = ", ".join(repr(column) for column in columns) or "none"
    if len(columns) == 1 and not mapping:
        raise Invalid.for_field("columns", columns[0][:60], "a single column; expected a CSV with a header")
    positions = _mapped(columns, mapping, listed) if mapping else _guessed(columns)
    for field in REQUIRED:
        if field not in positions:
            raise Invalid.for_field("mapping", field, f"no column is mapped to it; the columns are {listed}")
    return positions


def currency_in_header(column: str) -> str:
    """INR of "Price (INR)"; "" when the header names none."""
    match = _CURRENCY_IN_HEADER.search(column)
    return match.group(1) if match else ""


def _mapped(columns: Sequence[str], mapping: Mapping[str, str], listed: str) -> dict[str, int]:
    positions = {}
    for field, column in mapping.items():
        named = field.startswith(ATTRIBUTE) and field != ATTRIBUTE and field.isprintable()
        if field not in FIELDS and not named:
            known = ", ".join((*FIELDS, f"{ATTRIBUTE}NAME"))
            raise Invalid.for_field("mapping", field, f"not a field of a product; the fields are {known}")
        if columns.count(column) != 1:
            problem = "occurs more than once" if column in columns else "no such column"
            raise Invalid.for_field(f"mapping.{field}", column, f"{problem}; the columns are {listed}")
        positions[field] = columns.index(column)
    return positions


def _guessed(columns: Sequence[str]) -> dict[str, int]:
    plain = [re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*?\)", "", column.lower())) for column in columns]
    positions: dict[str, int] = {}
    for field, names in _NAMES.items():
        for name in names:
            if name in plain and field not in positions:
                positions[field] = plain.index(name)
    if "external_id" not in positions and "sku" in positions:
        positions["external_id"] = positions["sku"]
    return positions
