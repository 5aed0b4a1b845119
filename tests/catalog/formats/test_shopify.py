import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from catalog.formats import Row
from catalog.product_parsing import parse_product
from fashionrec.common.errors import Invalid

Read = Callable[..., list[Row]]
EXPORT = Path(settings.BASE_DIR).parent / "shared" / "data" / "catalog" / "shopify_apparel.csv"

# The columns of the older export that matter here, in its order, and the names that newer exports give them.
OLD = (
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published", "Option1 Name"),
    *("Option1 Value", "Option2 Name", "Option2 Value", "Option3 Name", "Option3 Value", "Variant SKU"),
    *("Variant Inventory Tracker", "Variant Inventory Qty", "Variant Inventory Policy", "Variant Price"),
    *("Variant Compare At Price", "Image Src", "Image Position", "Image Alt Text", "Google Shopping / Gender"),
    *("Google Shopping / Age Group", "Variant Image", "Status"),
)
NEW_NAMES = {
    "Handle": "URL handle", "Body (HTML)": "Description", "Product Category": "Product category",
    "Published": "Published on online store", "Option1 Name": "Option1 name", "Option1 Value": "Option1 value",
    "Option2 Name": "Option2 name", "Option2 Value": "Option2 value", "Variant SKU": "SKU",
    "Variant Inventory Tracker": "Inventory tracker", "Variant Inventory Qty": "Inventory quantity",
    "Variant Inventory Policy": "Continue selling when out of stock", "Variant Price": "Price",
    "Variant Compare At Price": "Compare-at price", "Image Src": "Product image URL",
    "Image Position": "Image position", "Image Alt Text": "Image alt text", "Variant Image": "Variant image URL",
}  # fmt: skip

SHIRT = {
    "Handle": "linen-shirt", "Title": "Linen shirt &amp; belt", "Vendor": "Aster &amp; Vale",
    "Body (HTML)": "<p>Airy<br>Soft</p><ul><li>Linen</li></ul>", "Type": "Shirts", "Tags": "men, summer",
    "Product Category": "Apparel & Accessories > Clothing > Shirts", "Published": "true", "Status": "active",
    "Option1 Name": "Color", "Option1 Value": "White", "Option2 Name": "Size", "Option2 Value": "M",
    "Variant SKU": "'0001", "Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "3",
    "Variant Inventory Policy": "deny", "Variant Price": "39.90", "Variant Compare At Price": "59.90",
    "Image Src": "https://cdn.example/b.jpg", "Image Position": "2", "Image Alt Text": "From behind",
}  # fmt: skip
MORE = [
    {"Handle": "linen-shirt", "Option1 Value": "White", "Option2 Value": "L", "Variant Inventory Tracker": "shopify",
     "Variant Inventory Qty": "-2", "Variant Inventory Policy": "deny", "Variant Price": "39.90",
     "Variant Compare At Price": "0.00", "Image Src": "//cdn.example/a.jpg", "Image Position": "1"},
    {"Handle": "linen-shirt", "Option1 Value": "Blue", "Option2 Value": "L", "Variant Inventory Tracker": "shopify",
     "Variant Inventory Qty": "0", "Variant Inventory Policy": "continue", "Variant Price": "44",
     "Variant Image": "https://cdn.example/blue.jpg"},
    {"Handle": "linen-shirt", "Image Src": "https://cdn.example/c.jpg", "Image Position": "3"},
]  # fmt: skip


def export(*rows: dict[str, str], names: dict[str, str] | None = None) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([(names or {}).get(column, column) for column in OLD])
    writer.writerows([row.get(column, "") for column in OLD] for row in rows)
    return buffer.getvalue()


def simple(handle: str, **cells: str) -> dict[str, str]:
    plain = {"Handle": handle, "Title": handle.title(), "Option1 Name": "Title", "Option1 Value": "Default Title"}
    return plain | {"Variant Price": "5"} | {name.replace("_", " "): value for name, value in cells.items()}


@pytest.mark.parametrize("names", [None, NEW_NAMES])
def test_rows_of_a_handle_become_one_product(read: Read, names: dict[str, str] | None) -> None:
    (row,) = read(export(SHIRT, *MORE, names=names), "shopify", currency="eur")
    assert row.number == 1
    assert row.record == {
        "external_id": "linen-shirt",
        "title": "Linen shirt & belt",
        "description": "Airy. Soft. Linen",
        "brand": "Aster & Vale",
        "category": "Apparel & Accessories > Clothing > Shirts",
        "gender": "men",
        "colour": "White",
        "material": "",
        "attributes": {"tags": "men, summer", "type": "Shirts"},
        "variants": [
            {"sku": "0001", "size": "M", "colour": "White", "currency": "EUR", "stock": "3", "price": "39.90",
             "compare_at_price": "59.90"},
            {"sku": "linen-shirt-white-l", "size": "L", "colour": "White", "currency": "EUR", "stock": "0",
             "price": "39.90", "compare_at_price": ""},
            {"sku": "linen-shirt-blue-l", "size": "L", "colour": "Blue", "currency": "EUR", "stock": None,
             "price": "44", "compare_at_price": ""},
        ],
        "images": [
            {"src": "https://cdn.example/a.jpg", "alt": ""},
            {"src": "https://cdn.example/b.jpg", "alt": "From behind"},
            {"src": "https://cdn.example/c.jpg", "alt": ""},
            {"src": "https://cdn.example/blue.jpg", "alt": ""},
        ],
        "status": "active",
    }  # fmt: skip
    assert row.origins == {
        "variants[0]": 1, "variants[1]": 2, "variants[2]": 3,
        "images[0]": 2, "images[1]": 1, "images[2]": 4, "images[3]": 3,
    }  # fmt: skip
    parsed = parse_product(row.record)
    assert (parsed.errors, parsed.warnings) == ([], [])
    assert parsed.data is not None
    assert parsed.data.alts == {"https://cdn.example/b.jpg": "From behind"}


def test_a_product_without_options_has_one_variant(read: Read) -> None:
    (row,) = read(export(simple("hat")), "shopify")
    assert row.record["variants"] == [
        {"sku": "hat", "size": "", "colour": "", "currency": "", "stock": None, "price": "5", "compare_at_price": ""}
    ]


def test_options_that_are_neither_size_nor_colour_stand_beside_the_size_or_belong_to_the_product(read: Read) -> None:
    first = {**SHIRT, "Option1 Name": "Length", "Option1 Value": "Long", "Option3 Name": "Material"}
    first["Option3 Value"] = "Linen"
    second = {"Handle": "linen-shirt", "Option1 Value": "Short", "Option2 Value": "M", "Option3 Value": "Linen"}
    (row,) = read(export(first, second), "shopify")
    assert [variant["size"] for variant in row.record["variants"]] == ["M / Long", "M / Short"]
    assert row.record["material"] == "Linen"


def test_rows_of_several_products_may_be_mixed(read: Read) -> None:
    more = [{"Handle": name, "Option1 Value": "Other", "Variant Price": "6"} for name in ("b", "a")]
    rows = read(export(simple("a"), simple("b"), *more, simple("c")), "shopify")
    assert [(row.number, row.record["external_id"], len(row.record["variants"])) for row in rows] == [
        (1, "a", 2),
        (2, "b", 2),
        (5, "c", 1),
    ]


def test_a_continuation_of_nothing_is_refused_and_says_why(read: Read) -> None:
    rows = read(export({"Handle": "lost", "Option1 Value": "S"}, simple("hat"), {"Title": "No handle"}), "shopify")
    assert rows[0].error is not None
    assert (rows[0].error.field, rows[0].error.value) == ("Handle", "lost")
    assert rows[0].error.reason.startswith("has no Title, and the rows of no product with this handle")
    assert rows[1].record["external_id"] == "hat"
    assert [error.field for error in parse_product(rows[2].record).errors] == ["external_id"]


def test_thousands_of_variants_alike_are_told_apart_in_no_time(read: Read) -> None:
    begin = time.perf_counter()
    (row,) = read("Handle,Title,Option1 Name,Option1 Value\nhat,Hat,Size,M\n" + "hat,,,M\n" * 5_000, "shopify")
    assert time.perf_counter() - begin < 3.0  # quadratic, it was 12 s
    skus = [variant["sku"] for variant in row.record["variants"]]
    assert (skus[0], skus[1], skus[-1], len(set(skus))) == ("hat-m", "hat-m-2", "hat-m-5001", 5_001)


def test_a_sku_that_occurs_twice_is_replaced_with_a_warning_of_its_row(read: Read) -> None:
    second = {**MORE[0], "Variant SKU": "0001"}
    (row,) = read(export(SHIRT, second), "shopify")
    assert [variant["sku"] for variant in row.record["variants"]] == ["0001", "linen-shirt-white-l"]
    ((number, problem),) = row.warnings
    assert (number, problem.field, problem.value) == (2, "sku", "0001")


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({"Published": "true"}, "active"),
        ({"Published": "false"}, "draft"),
        ({"Published": "false", "Status": "active"}, "draft"),
        ({"Published": "TRUE", "Status": "archived"}, "archived"),
        ({"Status": "draft"}, "draft"),
        ({}, None),
    ],
)
def test_status_and_published_become_the_status(read: Read, cells: dict[str, str], status: str | None) -> None:
    (row,) = read(export(simple("hat", **cells)), "shopify")
    assert row.record["status"] == status


def test_gender_comes_from_its_column_and_then_from_a_tag(read: Read) -> None:
    texts = [
        simple("a", **{"Google Shopping / Gender": "female", "Google Shopping / Age Group": "kids", "Tags": "men"}),
        simple("b", Tags="new in, Women"),
        simple("c", Tags="women, men"),
        simple("d", Tags="not for men"),
    ]
    assert [row.record["gender"] for row in read(export(*texts), "shopify")] == ["girls", "women", "", ""]


def test_metafields_of_newer_exports_are_read(read: Read) -> None:
    header = "Handle,Title,Color (product.metafields.shopify.color-pattern),Fabric (product.metafields.shopify.fabric)"
    (row,) = read(f"{header}\nhat,Hat,off-white; red,wool\n", "shopify")
    assert (row.record["colour"], row.record["material"]) == ("off white", "wool")


def test_what_a_product_has_too_much_of_is_cut_with_a_warning(read: Read) -> None:
    pictures = [{"Handle": "hat", "Image Src": f"https://cdn.example/{n}.jpg"} for n in range(60)]
    long = {"Body (HTML)": "word " * 5_000, "Tags": ", ".join(["summer"] * 100)}
    (row,) = read(export(simple("hat") | long, *pictures), "shopify")
    assert len(row.record["images"]) == 50
    assert len(row.record["description"]) == 19_999
    assert row.record["attributes"]["tags"].endswith("summer")
    assert [problem.field for _, problem in row.warnings] == ["description", "attributes.tags", "images"]
    assert parse_product(row.record).errors == []


@pytest.mark.parametrize(
    ("text", "mapping", "problem"),
    [
        ("id,name\n1,a\n", {}, r"whose columns are 'id', 'name' \(received 'Handle, Title'"),
        ("Handle,Title\n", {"title": "Title"}, "only the currency can be given"),
        ("Handle,Title\n", {"currency": "Variant Price"}, "three letters such as EUR"),
    ],
)
def test_another_table_or_mapping_is_refused(read: Read, text: str, mapping: dict[str, Any], problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        read(text, "shopify", **mapping)


@pytest.mark.skipif(not EXPORT.is_file(), reason="the shop's export is not here")
def test_a_real_export_is_read(read: Read) -> None:
    rows = read(EXPORT.read_bytes(), "shopify")
    assert len(rows) == 20
    assert [len(row.record["variants"]) for row in rows].count(1) == 19
    varsity = rows[1]
    assert [variant["size"] for variant in varsity.record["variants"]] == ["Small", "Medium", "Large"]
    assert {row.record["gender"] for row in rows} == {"men", "women"}
    assert all(row.record["status"] == "active" and len(row.record["images"]) == 1 for row in rows)
    assert all(parse_product(row.record).errors == [] for row in rows)
