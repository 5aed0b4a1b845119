"""The browse page as values: what was asked for, what was found, and how to ask for less."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import QueryDict
from django.urls import reverse

from catalog.models import Brand, Category, Product
from catalog.search import search_ranking
from catalog.selectors import ProductFilters, product_list
from catalog.vocabulary import corrected_query
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
    typed: str = ""
    """The words as they were sent, where others were searched for; "" where these."""
    verbatim: str = ""
    """Address of the list for the words as they were sent."""


def filters_from(cleaned: dict[str, Any]) -> ProductFilters:
    """The catalogue's filters for a valid FilterForm."""
    return ProductFilters(
        search=cleaned["q"],
        category=cleaned["category"],
        brand=cleaned["brand"],
        gender=cleaned["gender"],
        colour=cleaned["colour"],
        price_min=cleaned["price_min"],
        price_max=cleaned["price_max"],
        in_stock=cleaned["in_stock"],
        ordering=cleaned.get("ordering", ""),
    )


def listing(*, filters: ProductFilters, page: int, query: QueryDict, verbatim: bool = False) -> Listing:
    """The page of products for `filters`; `query` is the address they came from.

    Misspelt words are read as the catalogue's nearest ones, unless `verbatim`.
    Raises NotFound for an unknown category or brand, and for a page beyond the last.
    """
    category, brand = _category(filters.category), _brand(filters.brand)
    typed, corrected = filters.search, None if verbatim else corrected_query(filters.search)
    if corrected:
        filters = replace(filters, search=corrected)
    by_relevance = bool(filters.search) and not filters.ordering
    if by_relevance:
        # By words and by meaning, best first; any other order is one of the full text's finds.
        found: Any = [pk for pk, _ in search_ranking(query=filters.search, filters=filters)]
    else:
        found = product_list(filters=filters)
    paginator: Paginator[Product] = Paginator(found, PAGE_SIZE)
    if page > paginator.num_pages:
        raise NotFound.for_field("page", page, f"the last page is {paginator.num_pages}")
    shown = paginator.page(page) if paginator.count else None
    if shown is not None and by_relevance:
        # Of some 200 finds only a page is shown.
        cards = Product.objects.for_cards().in_bulk(list(shown.object_list))
        shown.object_list = [cards[pk] for pk in shown.object_list if pk in cards]
    crumbs = category_crumbs(category)
    return Listing(
        filters=filters,
        title=_title(filters, category, brand),
        page=shown,
        page_numbers=list(paginator.get_elided_page_range(page, on_each_side=2, on_ends=1)),
        active_filters=_active_filters(filters, category, brand, query),
        crumbs=crumbs[:-1] if crumbs else [],
        here=crumbs[-1][0] if crumbs else "All pieces",
        typed=typed if corrected else "",
        verbatim=_verbatim(query) if corrected else "",
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


def _verbatim(query: QueryDict) -> str:
    kept = query.copy()
    kept.pop("page", None)
    kept["verbatim"] = "true"
    return reverse("storefront:browse", query=kept)


def _without(query: QueryDict, name: str) -> str:
    kept = query.copy()
    for dropped in (name, "page", *(["verbatim"] if name == "q" else [])):
        kept.pop(dropped, None)
    for key in [key for key in kept if not kept.get(key)]:
        del kept[key]
    return reverse("storefront:browse", query=kept)
