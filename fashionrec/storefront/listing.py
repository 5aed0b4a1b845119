"""The browse page as values: what was asked for, what was found, and how to ask for less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.urls import reverse

from catalog.models import Brand, Category, Product
from catalog.selectors import ProductFilters, product_list, search_products
from fashionrec.common.errors import NotFound

PAGE_SIZE = 24


@dataclass(frozen=True)
class ActiveFilter:
    words: str
    without: str
    """Address of the same list without this filter."""


@dataclass(frozen=True)
class Listing:
    filters: ProductFilters
    title: str = "All pieces"
    page: Page[Product] | None = None
    """None when nothing was found."""
    page_numbers: list[int | str] = field(default_factory=list)
    active_filters: list[ActiveFilter] = field(default_factory=list)
    crumbs: list[tuple[str, str]] = field(default_factory=list)
    here: str = ""


def filters_from(cleaned: dict[str, Any]) -> ProductFilters:
    """The catalogue's filters for a valid BrowseForm."""
    return ProductFilters(
        search=cleaned["q"],
        category=cleaned["category"],
        brand=cleaned["brand"],
        gender=cleaned["gender"],
        colour=cleaned["colour"],
        price_min=cleaned["price_min"],
        price_max=cleaned["price_max"],
        in_stock=cleaned["in_stock"],
        ordering=cleaned["ordering"],
    )


def listing(*, filters: ProductFilters, page: int, query: QueryDict) -> Listing:
    """The page of products for `filters`; `query` is the address they came from.

    Raises NotFound for an unknown category or brand, and for a page beyond the last.
    """
    category, brand = _category(filters.category), _brand(filters.brand)
    found: QuerySet[Product] | Sequence[Product]
    if filters.search and not filters.ordering:
        # By words and by meaning, best first; any other order is one of the full text's finds.
        found = [match.product for match in search_products(query=filters.search, filters=filters)]
    else:
        found = product_list(filters=filters)
    paginator: Paginator[Product] = Paginator(found, PAGE_SIZE)
    if page > paginator.num_pages:
        raise NotFound.for_field("page", page, f"the last page is {paginator.num_pages}")
    crumbs = category_crumbs(category)
    return Listing(
        filters=filters,
        title=_title(filters, category, brand),
        page=paginator.page(page) if paginator.count else None,
        page_numbers=list(paginator.get_elided_page_range(page, on_each_side=2, on_ends=1)),
        active_filters=_active_filters(filters, category, brand, query),
        crumbs=crumbs[:-1] if crumbs else [],
        here=crumbs[-1][0] if crumbs else "All pieces",
    )


def category_crumbs(category: Category | None) -> list[tuple[str, str]]:
    """Names and addresses from the root of the tree down to `category`: a path is a filter as good as a slug."""
    if category is None:
        return []
    names = category.path.split(Category.SEPARATOR)
    paths = [Category.SEPARATOR.join(names[: depth + 1]) for depth in range(len(names))]
    return [
        (name, reverse("storefront:browse", query={"category": path})) for name, path in zip(names, paths, strict=True)
    ]


def _category(name: str) -> Category | None:
    if not name:
        return None
    found = Category.objects.filter(Q(slug=name) | Q(path=name)).first()
    if found is None:
        raise NotFound.for_field("category", name, "unknown category")
    return found


def _brand(name: str) -> Brand | None:
    if not name:
        return None
    found = Brand.objects.filter(Q(slug=name) | Q(name=name)).first()
    if found is None:
        raise NotFound.for_field("brand", name, "unknown brand")
    return found


def _title(filters: ProductFilters, category: Category | None, brand: Brand | None) -> str:
    if filters.search:
        return f"“{filters.search}”"
    return category.name if category else brand.name if brand else "All pieces"


def _active_filters(
    filters: ProductFilters, category: Category | None, brand: Brand | None, query: QueryDict
) -> list[ActiveFilter]:
    words = {
        "q": f"“{filters.search}”" if filters.search else "",
        "category": category.name if category else "",
        "brand": brand.name if brand else "",
        "gender": Product.Gender(filters.gender).label if filters.gender else "",
        "colour": filters.colour.capitalize() if filters.colour else "",
        "price_min": f"From {filters.price_min}" if filters.price_min is not None else "",
        "price_max": f"Up to {filters.price_max}" if filters.price_max is not None else "",
        "in_stock": "In stock" if filters.in_stock else "",
    }
    return [ActiveFilter(said, _without(query, name)) for name, said in words.items() if said]


def _without(query: QueryDict, name: str) -> str:
    kept = query.copy()
    for dropped in (name, "page"):
        kept.pop(dropped, None)
    for key in [key for key in kept if not kept.get(key)]:
        del kept[key]
    return reverse("storefront:browse", query=kept)
