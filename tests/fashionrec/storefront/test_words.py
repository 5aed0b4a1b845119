from decimal import Decimal

import pytest

from catalog.models import Brand, Product
from fashionrec.storefront.colours import paint_for
from fashionrec.templatetags.storefront import beside_brand, in_words, money, percent_off, signed


@pytest.mark.parametrize(
    ("colour", "paint"),
    [
        ("navy", "#1e2b4f"),
        ("Navy Blue", "#1e2b4f"),
        ("light-blue", "#9cc3e4"),
        ("Bottle Green", "#2f7d4a"),
        ("Off  White", "#f4efe4"),
        ("multi", None),
        ("", None),
        ("plaid", None),
    ],
)
def test_colour_words_have_paint_or_honestly_none(colour, paint):
    assert paint_for(colour) == paint


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (Decimal("49"), "EUR", "€49.00"),
        (Decimal("1234567.5"), "USD", "$1,234,567.50"),
        (Decimal("1499.00"), "INR", "₹1,499"),
        (Decimal("1499.50"), "INR", "₹1,499.50"),
        (Decimal("5"), "", "5.00"),
        (Decimal("5"), "SEK", "5.00 SEK"),
        (None, "EUR", ""),
    ],
)
def test_money_is_written_with_its_currency(amount, currency, written):
    assert money(amount, currency) == written


def test_a_reduction_is_whole_percent():
    assert percent_off(Decimal(60), Decimal(80)) == 25
    assert percent_off(Decimal(60), Decimal(0)) == 0


def test_attributes_read_as_words():
    assert in_words([["a", True], {"b": 1}, None]) == "a, Yes, b: 1, None"


@pytest.mark.parametrize(
    ("brand", "title", "said"),
    [
        ("Vale", "Vale linen dress", "Linen dress"),
        ("VALE", "Vale – linen dress", "Linen dress"),
        ("Vale", "Valerian dress", "Valerian dress"),
        ("Vale", "Vale", "Vale"),
        (None, "Linen dress", "Linen dress"),
    ],
)
def test_a_title_leaves_out_the_brand_that_stands_beside_it(brand, title, said):
    assert beside_brand(Product(title=title, brand=Brand(name=brand) if brand else None)) == said


def test_a_rating_has_one_decimal_and_a_real_minus():
    assert [signed(value) for value in (-0.62, 7, 9.96)] == ["−0.6", "7.0", "10.0"]
