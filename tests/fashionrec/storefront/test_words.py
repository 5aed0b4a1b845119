from decimal import Decimal

import pytest

from fashionrec.storefront.colours import paint_for
from fashionrec.templatetags.storefront import in_words, money, percent_off


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
