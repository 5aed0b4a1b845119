"""What of a record is kept, what is refused, and why."""

from decimal import Decimal
from typing import Any

import pytest

from catalog.models import Brand, Category, Product, Variant
from catalog.product_data import LONGEST, LONGEST_CATEGORY_NAME, ProductData, VariantData
from catalog.product_parsing import parse_product, validated
from fashionrec.common.errors import Invalid

MINIMAL = {"external_id": "1", "title": "Dress"}


def only_error(record: dict[str, Any]) -> tuple[str, str]:
    parsed = parse_product(record)
    assert parsed.data is None
    assert len(parsed.errors) == 1, parsed.errors
    return parsed.errors[0].field, parsed.errors[0].reason


def variant_of(**fields: Any) -> VariantData:
    data = parse_product(MINIMAL | fields).data
    assert data is not None
    assert data.variants is not None
    return data.variants[0]


def test_a_complete_record_is_kept_and_normalised() -> None:
    parsed = parse_product(
        {
            "external_id": " D-7 ",
            "title": "Wrap \t dress",
            "description": "Light.\nSoft.",
            "brand": "Aster  & Vale",
            "category": "Women>Dresses > ",
            "gender": "Female",
            "colour": " Navy Blue",
            "material": "Linen",
            "pattern": "NA",
            "season": "Fall",
            "attributes": {"fit": "slim", "year": 2011, "usage": "NA"},
            "images": ["images/1.png", "images/1.png", "images/2.png"],
            "variants": [{"sku": "a", "size": "S", "price": "39.90", "currency": "eur", "stock": 3}, {"price": None}],
        }
    )
    assert (parsed.errors, parsed.warnings) == ([], [])
    assert parsed.data == ProductData(
        external_id="D-7",
        title="Wrap dress",
        description="Light. Soft.",
        brand="Aster & Vale",
        category="Women > Dresses",
        gender="women",
        colour="navy blue",
        material="linen",
        pattern="",
        season="autumn",
        attributes={"fit": "slim", "year": "2011"},
        images=("images/1.png", "images/2.png"),
        variants=(
            VariantData(sku="a", size="S", price=Decimal("39.90"), currency="EUR", stock=3),
            VariantData(sku="D-7-2"),
        ),
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("39.90", "39.90"),
        ("1,299.00", "1299.00"),
        ("39,9", "39.90"),
        ("€ 39.90", "39.90"),
        ("Rs. 1299", "1299.00"),
        ("39.90 EUR", "39.90"),
        ("0", "0.00"),
        ("0.005", "0.01"),
        (1299, "1299.00"),
        (39.9, "39.90"),
        ("99999999.99", "99999999.99"),
    ],
)
def test_prices_are_read_as_people_write_them(written: object, read: str) -> None:
    assert variant_of(price=written).price == Decimal(read)


@pytest.mark.parametrize("blank", ["", None, " ", "N/A", "-"])
def test_a_blank_price_and_a_blank_stock_are_nothing(blank: object) -> None:
    assert variant_of(price=blank).price is None
    assert variant_of(stock=None if blank == "-" else blank).stock is None


@pytest.mark.parametrize(
    "price", ["-1", "NaN", "nan", "inf", "1e9", "100000000", "cheap", "1_000", "1.2.3", True, [1], "9" * 50]
)
def test_an_impossible_price_is_refused_by_name(price: object) -> None:
    field, reason = only_error(MINIMAL | {"price": price})
    assert field == "price"
    assert reason.startswith("expected an amount")


@pytest.mark.parametrize("stock", ["-1", "1.5", "many", "2147483648", True, "1e3", "nan", {}])
def test_an_impossible_stock_is_refused_by_name(stock: object) -> None:
    assert only_error(MINIMAL | {"stock": stock})[0] == "stock"


def test_stock_may_be_written_as_a_float() -> None:
    assert variant_of(stock="12.0").stock == 12


@pytest.mark.parametrize("name", [name for name in LONGEST if name not in ("gender", "season", "category", "currency")])
def test_an_over_long_text_is_refused_by_name_and_shown_cut(name: str) -> None:
    parsed = parse_product(MINIMAL | {name: "x" * (LONGEST[name] + 1)})
    assert parsed.data is None
    assert [error.field for error in parsed.errors] == [name]
    assert f"at most {LONGEST[name]}" in parsed.errors[0].reason
    assert len(parsed.errors[0].value) <= 201


def test_the_limits_are_those_of_the_database() -> None:
    for name, longest in LONGEST.items():
        model = Variant if name in ("sku", "size", "currency") else Product
        if name == "brand":
            model, name = Brand, "name"
        if name == "category":
            model, name = Category, "path"
        assert model._meta.get_field(name).max_length == longest, name
    assert Category._meta.get_field("name").max_length == LONGEST_CATEGORY_NAME


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"title": "Dress"}, "external_id"),
        ({"external_id": "1", "title": "  "}, "title"),
        (MINIMAL | {"title": "Dr\x00ess"}, "title"),
        (MINIMAL | {"colour": ["red"]}, "colour"),
        (MINIMAL | {"attributes": "slim"}, "attributes"),
        (MINIMAL | {"attributes": {"fit": {"a": 1}}}, "attributes.fit"),
        (MINIMAL | {"images": "1.png"}, "images"),
        (MINIMAL | {"images": [""]}, "images[0]"),
        (MINIMAL | {"variants": {}}, "variants"),
        (MINIMAL | {"variants": ["M"]}, "variants[0]"),
        (MINIMAL | {"variants": [{"price": "-3"}]}, "variants[0].price"),
        (MINIMAL | {"variants": [{"sku": "a"}, {"sku": "a"}]}, "variants[1].sku"),
        (MINIMAL | {"variants": [], "price": "3"}, "price"),
        (MINIMAL | {"currency": "euro"}, "currency"),
        (MINIMAL | {"status": "gone"}, "status"),
        (MINIMAL | {"category": "a" * 101}, "category"),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused_by_name(record: dict[str, Any], field: str) -> None:
    parsed = parse_product(record)
    assert parsed.data is None
    assert field in {error.field for error in parsed.errors}


def test_an_unknown_gender_season_or_field_is_a_warning_and_the_product_stays() -> None:
    parsed = parse_product(MINIMAL | {"gender": "Martian", "season": "monsoon", "fancy": 1})
    assert parsed.data is not None
    assert (parsed.data.gender, parsed.data.season) == ("", "")
    assert [(w.field, w.value) for w in parsed.warnings] == [
        ("gender", "martian"),
        ("season", "monsoon"),
        ("fancy", "1"),
    ]


def test_every_fault_of_a_record_is_reported_at_once() -> None:
    parsed = parse_product({"external_id": "", "title": "", "price": "-1", "stock": "x"})
    assert [error.field for error in parsed.errors] == ["external_id", "title", "price", "stock"]


def test_text_that_looks_like_a_formula_stays_text() -> None:
    data = parse_product({"external_id": "1", "title": '=HYPERLINK("http://x","y")', "brand": "@SUM(A1)"}).data
    assert data is not None
    assert (data.title, data.brand) == ('=HYPERLINK("http://x","y")', "@SUM(A1)")


def test_validated_raises_with_every_field() -> None:
    with pytest.raises(Invalid) as raised:
        validated(ProductData(external_id="1", title="x" * 301, variants=(VariantData("a", price=Decimal(-1)),)))
    assert [field.field for field in raised.value.fields] == ["variants[0].price", "title"]


def test_a_valid_value_survives_the_round_trip_through_a_record() -> None:
    data = parse_product(MINIMAL | {"price": "3.50", "stock": 2, "images": ["a.png"], "gender": "men"}).data
    assert data is not None
    assert validated(data) == data
