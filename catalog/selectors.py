"""Reading the catalogue: lists, facets, likeness and search. Every function takes a constant number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import Count, F, Q
from numpy.typing import NDArray

from catalog import full_text
from catalog.full_text import clean_query
from catalog.models import Category, Product
from catalog.product_data import ProductData, VariantData
from catalog.query_encoding import encode_query
from catalog.querysets import ProductQuerySet, subtree
from catalog.relevance import relevance_floor
from catalog.vectors import live_encoder, nearest_products, stored_vector, stored_vectors
from fashionrec.common.errors import Invalid, NotFound

ORDERINGS = ("newest", "price", "-price", "title", "relevance")

MOST_RESULTS = 200
"""A search returns no more: nobody reads on, and both rankings are noise by then."""

RANK_CONSTANT = 60
"""Reciprocal rank fusion, Cormack et al. 2009: score = Σ 1 / (60 + rank)."""


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


@dataclass(frozen=True)
class ScoredProduct:
    product: Product
    score: float


def product_list(*, filters: ProductFilters) -> ProductQuerySet:
    """Visible products, ready for cards. Unknown categories and brands match nothing.

    Raises Invalid for an unknown ordering or a search that is too long.
    """
    return _ordered(_filtered(filters).for_cards(), filters)


def facets(*, filters: ProductFilters) -> dict[str, Any]:
    """What the list can be narrowed down to, with counts: each facet under all filters but its own.

    {"categories": [{"name", "slug", "path", "count", "children"}], "brands": [{"name", "slug", "count"}],
    "colours": [{"value", "count"}], "genders": [{"value", "count"}]}. Only the chosen category and those above it
    have children.
    """
    conditions = _conditions(filters)
    brands = _filtered(filters, conditions, without="brand").exclude(brand=None).order_by()
    brand_counts = brands.values("brand__name", "brand__slug").annotate(count=Count("pk")).order_by("brand__name")
    return {
        "categories": _category_facet(filters, _filtered(filters, conditions, without="category")),
        "brands": [
            {"name": row["brand__name"], "slug": row["brand__slug"], "count": row["count"]} for row in brand_counts
        ],
        "colours": _value_facet(_filtered(filters, conditions, without="colour"), "colour"),
        "genders": _value_facet(_filtered(filters, conditions, without="gender"), "gender"),
    }


def get_visible_product(public_id: str) -> Product:
    """By "<source>:<external id>". Raises NotFound."""
    product = Product.objects.visible().by_public_ids([public_id.replace("\x00", "")]).for_cards().first()
    if product is None:
        raise NotFound.for_field("product", public_id, "no such product")
    return product


def similar_products(*, product: Product, n: int, kind: str = "hybrid") -> list[ScoredProduct]:
    """The n visible products most like this one by cosine of their content vectors, best first.

    Without a vector: the newest of the same category, with score 0.
    """
    return _scored(similar_ids(product=product, n=n, kind=kind))


def similar_ids(*, product: Product, n: int, kind: str = "hybrid") -> list[tuple[int, float]]:
    """As similar_products, but primary keys alone: a third of the time for who shows only some of them."""
    others = Product.objects.visible().exclude(pk=product.pk)
    encoder = live_encoder()
    vector = stored_vector(encoder=encoder, kind=kind, product_id=product.pk) if encoder else None
    if encoder is not None and vector is not None:
        return nearest_products(encoder=encoder, kind=kind, vector=vector, n=n, products=others)
    if product.category is None:
        return []
    newest = others.in_category(product.category).order_by("-created_at", "-pk").values_list("pk", flat=True)
    return [(pk, 0.0) for pk in newest[:n]]


def search_products(*, query: str, n: int | None = None, filters: ProductFilters | None = None) -> list[ScoredProduct]:
    """Full text and, where the live encoder has a text tower here, text vectors, fused by reciprocal ranks.

    What matches the words is always found; what is only near in meaning, from the relevance floor on.
    n: at most MOST_RESULTS, which is the default. A blank query finds nothing. Raises Invalid when it is too long.
    """
    text = clean_query(query)
    limit = min(n if n is not None else MOST_RESULTS, MOST_RESULTS)
    if not text or limit < 1:
        return []
    meant = _by_meaning(text)
    products = _filtered(replace(filters or ProductFilters(), search=""))
    matching = full_text.with_rank(products.filter(full_text.condition(text)), text)
    by_text = list(matching.order_by(full_text.BY_RANK, "-pk").values_list("pk", flat=True)[:MOST_RESULTS])
    kept = set(products.filter(pk__in=meant).values_list("pk", flat=True)) if meant else set()
    if kept and not by_text:
        # Nothing carries all the words: among what is meant, a floral dress comes before a red blouse.
        some = full_text.with_rank_of_any(products.filter(pk__in=kept), text)
        by_text = list(some.order_by(full_text.BY_RANK, "-pk").values_list("pk", flat=True))
    fused: dict[int, float] = {}
    for ranking in (by_text, [pk for pk in meant if pk in kept]):
        for rank, pk in enumerate(ranking, start=1):
            fused[pk] = fused.get(pk, 0.0) + 1.0 / (RANK_CONSTANT + rank)
    best = sorted(fused.items(), key=lambda item: (-item[1], -item[0]))
    return _scored(best[:limit])


def content_matrix(product_ids: Sequence[int]) -> NDArray[np.float32]:
    """(N, D) float32 hybrid vectors of the live encoder, L2-normalised; zeros where missing; D = 0 without encoder."""
    encoder = live_encoder()
    if encoder is None:
        return np.zeros((len(product_ids), 0), dtype=np.float32)
    vectors = stored_vectors(encoder=encoder, kind="hybrid", product_ids=product_ids)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)  # half precision left them near 1, not at 1
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


def product_as_data(product: Product) -> ProductData:
    """A stored product as the value it would be saved from (without pictures): the base of a partial change."""
    return ProductData(
        external_id=product.external_id,
        title=product.title,
        description=product.description,
        brand=product.brand.name if product.brand else "",
        category=product.category.path if product.category else "",
        gender=product.gender,
        colour=product.colour,
        material=product.material,
        pattern=product.pattern,
        season=product.season,
        attributes=product.attributes,
        variants=tuple(
            VariantData(v.sku, v.size, v.colour, v.price, v.compare_at_price, v.currency, v.stock)
            for v in product.variants.all()
        ),
        status=product.status,
    )


def _conditions(filters: ProductFilters) -> dict[str, Q]:
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
        # The same finds as search_products: else facets would count, and orderings show, another list.
        conditions["search"] = full_text.condition(text) | Q(pk__in=_by_meaning(text))
    return conditions


def _filtered(filters: ProductFilters, conditions: dict[str, Q] | None = None, *, without: str = "") -> ProductQuerySet:
    products = Product.objects.sellable() if filters.in_stock else Product.objects.visible()
    products = products.priced_between(filters.price_min, filters.price_max)
    for name, condition in (_conditions(filters) if conditions is None else conditions).items():
        if name != without:
            products = products.filter(condition)
    return products


def _ordered(products: ProductQuerySet, filters: ProductFilters) -> ProductQuerySet:
    text = clean_query(filters.search)
    ordering = filters.ordering or ("relevance" if text else "newest")
    if ordering not in ORDERINGS:
        raise Invalid.for_field("ordering", ordering, f"expected one of {', '.join(ORDERINGS)}")
    if ordering == "relevance" and text:
        return full_text.with_rank(products, text).order_by(full_text.BY_RANK, "-pk")
    if ordering == "price":
        return products.order_by(F("price").asc(nulls_last=True), "pk")
    if ordering == "-price":
        return products.order_by(F("price").desc(nulls_last=True), "pk")
    if ordering == "title":
        return products.order_by("title", "pk")
    return products.order_by("-created_at", "-pk")


def _value_facet(products: ProductQuerySet, field: str) -> list[dict[str, Any]]:
    rows = products.exclude(**{field: ""}).order_by().values(field).annotate(count=Count("pk"))
    return [{"value": row[field], "count": row["count"]} for row in rows.order_by("-count", field)]


def _category_facet(filters: ProductFilters, products: ProductQuerySet) -> list[dict[str, Any]]:
    own = products.exclude(category=None).order_by().values("category_id").annotate(count=Count("pk"))
    counts = {row["category_id"]: row["count"] for row in own}
    nodes: dict[int, dict[str, Any]] = {}
    parents: dict[int, int | None] = {}
    chosen: int | None = None
    for category in Category.objects.order_by("path"):
        nodes[category.pk] = {
            "name": category.name,
            "slug": category.slug,
            "path": category.path,
            "count": 0,
            "children": [],
        }
        parents[category.pk] = category.parent_id
        if filters.category and filters.category in (category.slug, category.path):
            chosen = category.pk
    opened = set(_way_up(chosen, parents))
    for pk, count in counts.items():
        for above in _way_up(pk, parents):
            nodes[above]["count"] += count
    roots = []
    for pk, node in nodes.items():
        parent = parents[pk]
        if node["count"] and parent is None:
            roots.append(node)
        elif node["count"] and parent in opened:
            nodes[parent]["children"].append(node)
    return roots


def _way_up(pk: int | None, parents: dict[int, int | None]) -> list[int]:
    way = []
    while pk is not None:
        way.append(pk)
        pk = parents[pk]
    return way


def _by_meaning(text: str) -> list[int]:
    """Visible products the query is about by the live encoder, nearest first; at most MOST_RESULTS."""
    encoder = live_encoder()
    vector = encode_query(text, encoder=encoder) if encoder else None
    if encoder is None or vector is None:
        return []
    products = Product.objects.visible()
    found = nearest_products(encoder=encoder, kind="hybrid", vector=vector, n=MOST_RESULTS, products=products)
    floor = relevance_floor(encoder=encoder)
    if floor is None:
        return []
    nearest = [pk for pk, _ in found]
    about = floor.about(vector, stored_vectors(encoder=encoder, kind="hybrid", product_ids=nearest))
    return [pk for pk, counts in zip(nearest, about, strict=True) if counts]


def _scored(ranking: Sequence[tuple[int, float]]) -> list[ScoredProduct]:
    products = Product.objects.for_cards().in_bulk([pk for pk, _ in ranking])
    return [ScoredProduct(products[pk], float(score)) for pk, score in ranking if pk in products]
