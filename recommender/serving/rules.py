"""What may be shown. The first rule set is strict; each later one gives up something rather than show nothing."""

from collections.abc import Callable, Sequence

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
]


def eligible(context: Context, rule_set: int) -> tuple[ProductQuerySet, frozenset[int]]:
    """Products a rule set allows, and the primary keys it forbids besides."""
    products, forbidden = RULE_SETS[rule_set][1](context)
    if context.category is not None:
        products = products.in_category(context.category)
    forbidden |= context.exclude
    if context.product is not None:
        forbidden |= {context.product.pk}
    return products, forbidden


def fetch(products: ProductQuerySet, order: Sequence[int]) -> list[Product]:
    """The allowed ones of `order`, in that order, ready for cards."""
    found = {product.pk: product for product in products.filter(pk__in=order).for_cards()}
    return [found[pk] for pk in order if pk in found]
