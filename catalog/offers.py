"""What a product costs, out of its variants."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol


class Priced(Protocol):
    @property
    def price(self) -> Decimal | None: ...
    @property
    def compare_at_price(self) -> Decimal | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def stock(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Offer:
    price: Decimal | None = None
    compare_at_price: Decimal | None = None
    currency: str = ""
    in_stock: bool = True


def best_offer(variants: Iterable[Priced]) -> Offer:
    """The cheapest variant that can be bought, or the cheapest at all when everything is sold out.

    Without any price the product is "on request"; without variants it counts as in stock.
    """
    variants = list(variants)
    available = [variant for variant in variants if variant.stock is None or variant.stock > 0]
    in_stock = bool(available) or not variants
    cheapest: Priced | None = None
    for variant in available or variants:
        if variant.price is not None and (cheapest is None or cheapest.price is None or variant.price < cheapest.price):
            cheapest = variant
    if cheapest is None:
        return Offer(in_stock=in_stock)
    return Offer(cheapest.price, cheapest.compare_at_price, cheapest.currency, in_stock)
