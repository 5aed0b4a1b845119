"""How the shop's templates write prices and paint colours."""

from decimal import Decimal
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma

from catalog.models import Product
from fashionrec.storefront.colours import paint_for

register = template.Library()

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "INR": "₹", "JPY": "¥"}
WITHOUT_CENTS = {"INR", "JPY"}


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """`49.00|money:"EUR"` is €49.00; an unknown currency follows the amount."""
    if amount is None:
        return ""
    whole = amount == amount.to_integral_value() and currency in WITHOUT_CENTS
    text = intcomma(f"{amount:.0f}" if whole else f"{amount:.2f}")
    return f"{SYMBOLS[currency]}{text}" if currency in SYMBOLS else f"{text} {currency}".strip()


@register.filter
def paint(colour: str) -> str:
    """The hex paint of a colour word, or nothing."""
    return paint_for(colour) or ""


@register.filter
def percent_off(price: Decimal, compare_at: Decimal) -> int:
    """How much lower `price` is than `compare_at`, in whole percent."""
    return round(100 * (1 - price / compare_at)) if compare_at else 0


@register.filter
def beside_brand(product: Product) -> str:
    """The title for a place where the brand stands already: many catalogues begin every title with it."""
    brand = product.brand.name if product.brand else ""
    rest = product.title[len(brand) :].lstrip(" -–:,")
    if not brand or not rest or not product.title.casefold().startswith(f"{brand.casefold()} "):
        return product.title
    return rest[0].upper() + rest[1:]


@register.filter
def signed(number: float) -> str:
    """A rating with one decimal and a minus as long as a plus."""
    return f"{number:.1f}".replace("-", "−")


@register.filter
def in_words(value: Any) -> str:
    """An attribute's JSON value as a reader expects it: lists with commas, yes and no for booleans."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(in_words(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {in_words(part)}" for name, part in value.items())
    return str(value)
