"""What a list of products is narrowed down to, and the products that are left: one meaning for every page and call."""

from dataclasses import dataclass, replace
from decimal import Decimal

from django.db.models import Q

from catalog import full_text
from catalog.full_text import clean_query
from catalog.models import Category, Product
from catalog.querysets import ProductQuerySet, subtree
from catalog.relevance import products_about

ORDERINGS = ("newest", "price", "-price", "title", "relevance")


@dataclass(frozen=True)
class ProductFilters:
    """What a list is narrowed down to; blank means everything."""

    search: str = ""
    category: str = ""
    """Slug or path; everything below it belongs to it."""
    brand: str = ""
    """Slug or name."""
    gender: str = ""
    colour: str = ""
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    in_stock: bool = False
    ordering: str = ""
    """One of ORDERINGS; default: relevance when there is a search, else newest."""

    @property
    def without_search(self) -> "ProductFilters":
        return replace(self, search="")

    @property
    def narrows(self) -> bool:
        """Whether anything but a search and an order is asked for."""
        return replace(self, search="", ordering="") != ProductFilters()


def conditions_of(filters: ProductFilters) -> dict[str, Q]:
    """One condition per filter that is set, so that a facet can leave its own out."""
    conditions = {}
    if filters.category:
        category = Category.objects.filter(Q(slug=filters.category) | Q(path=filters.category)).first()
        conditions["category"] = Q(category_id__in=subtree(category).values("pk") if category else [])
    if filters.brand:
        conditions["brand"] = Q(brand__slug=filters.brand) | Q(brand__name=filters.brand)
    if filters.gender:
        conditions["gender"] = Q(gender=filters.gender)
    if filters.colour:
        conditions["colour"] = Q(colour=filters.colour)
    if text := clean_query(filters.search):
        # The same finds as catalog.search: else facets would count, and orderings show, another list.
        conditions["search"] = full_text.condition(text) | Q(pk__in=_about(text, filters))
    return conditions


def filtered(filters: ProductFilters, conditions: dict[str, Q] | None = None, *, without: str = "") -> ProductQuerySet:
    """Visible products that pass; `without`: the name of one condition that is left out."""
    products = Product.objects.sellable() if filters.in_stock else Product.objects.visible()
    products = products.priced_between(filters.price_min, filters.price_max)
    for name, condition in (conditions_of(filters) if conditions is None else conditions).items():
        if name != without:
            products = products.filter(condition)
    return products


def _about(text: str, filters: ProductFilters) -> list[int]:
    """What the text is about: within the filters, as the list shows it, and without, for facets that leave one out."""
    everywhere = products_about(text, products=Product.objects.visible(), narrowed=False)
    if not (everywhere and filters.narrows):
        return everywhere
    within = products_about(text, products=filtered(filters.without_search), narrowed=True)
    return [*everywhere, *within]
