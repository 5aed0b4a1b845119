"""What may be shown. The first rule set is strict; each later one gives up something rather than show nothing."""

from collections.abc import Callable

from catalog.models import Product
from catalog.querysets import ProductQuerySet
from recommender.serving.context import Context


def _strict(context: Context) -> tuple[ProductQuerySet, frozenset[int]]:
    shopper = context.shopper
    return Product.objects.sellable(), frozenset(shopper.history) | shopper.disliked | shopper.hidden


def _seen_again(context: Context) -> tuple[ProductQuerySet, frozenset[int]]:
    return Product.objects.sellable(), context.shopper.disliked | context.shopper.hidden


def _sold_out(context: Context) -> tuple[ProductQuerySet, frozenset[int]]:
    return Product.objects.visible(), context.shopper.disliked | context.shopper.hidden


def _anything(context: Context) -> tuple[ProductQuerySet, frozenset[int]]:
    return Product.objects.visible(), frozenset()


RULE_SETS: list[tuple[str, Callable[[Context], tuple[ProductQuerySet, frozenset[int]]]]] = [
    ("unseen, in stock, not hidden or disliked", _strict),
    ("in stock, not hidden or disliked", _seen_again),
    ("visible, not hidden or disliked", _sold_out),
    ("visible", _anything),
    ("visible, of any category", _anything),
]

NEVER_EMPTY_FROM = 2
"""From here on rules give way only so that a slate is not empty, never to make it longer."""


def eligible(context: Context, rule_set: int) -> tuple[ProductQuerySet, frozenset[int]]:
    """Products a rule set allows, and the primary keys it forbids besides. What a caller excludes stays out always."""
    products, forbidden = RULE_SETS[rule_set][1](context)
    if context.category is not None and rule_set < len(RULE_SETS) - 1:
        products = products.in_category(context.category)
    forbidden |= context.exclude
    if context.product is not None:
        forbidden |= {context.product.pk}
    return products, forbidden
