"""Reading the catalogue: lists, facets and likeness. Every function takes a constant number of queries.

Search is in catalog.search.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Count, F
from numpy.typing import NDArray

from catalog import full_text
from catalog.full_text import clean_query
from catalog.models import Category, Product
from catalog.product_data import ProductData, VariantData
from catalog.product_filters import ORDERINGS, ProductFilters, conditions_of, filtered
from catalog.querysets import ProductQuerySet
from catalog.vectors import live_encoder, nearest_products, stored_vector, stored_vectors
from fashionrec.common.errors import Invalid, NotFound


@dataclass(frozen=True)
class ScoredProduct:
    product: Product
    score: float


def product_list(*, filters: ProductFilters) -> ProductQuerySet:
    """Visible products, ready for cards. Unknown categories and brands match nothing.

    Raises Invalid for an unknown ordering or a search that is too long.
    """
    return _ordered(filtered(filters).for_cards(), filters)


def facets(*, filters: ProductFilters) -> dict[str, Any]:
    """What the list can be narrowed down to, with counts: each facet under all filters but its own.

    {"categories": [{"name", "slug", "path", "count", "children"}], "brands": [{"name", "slug", "count"}],
    "colours": [{"value", "count"}], "genders": [{"value", "count"}]}. Only the chosen category and those above it
    have children.
    """
    conditions = conditions_of(filters)
    brands = filtered(filters, conditions, without="brand").exclude(brand=None).order_by()
    brand_counts = brands.values("brand__name", "brand__slug").annotate(count=Count("pk")).order_by("brand__name")
    return {
        "categories": _category_facet(filters, filtered(filters, conditions, without="category")),
        "brands": [
            {"name": row["brand__name"], "slug": row["brand__slug"], "count": row["count"]} for row in brand_counts
        ],
        "colours": _value_facet(filtered(filters, conditions, without="colour"), "colour"),
        "genders": _value_facet(filtered(filters, conditions, without="gender"), "gender"),
    }


def get_visible_product(public_id: str) -> Product:
    """By "<source>:<external id>". Raises NotFound."""
    product = Product.objects.visible().by_public_ids([public_id.replace("\x00", "")]).for_cards().with_style().first()
    if product is None:
        raise NotFound.for_field("product", public_id, "no such product")
    return product


def similar_products(*, product: Product, n: int, kind: str = "hybrid") -> list[ScoredProduct]:
    """The n visible products most like this one by cosine of their content vectors, best first.

    Without a vector: the newest of the same category, with score 0.
    """
    return scored(similar_ids(product=product, n=n, kind=kind))


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


def scored(ranking: Sequence[tuple[int, float]]) -> list[ScoredProduct]:
    """Products for cards in the order of `ranking`, (primary key, score) each; those that are gone are left out."""
    products = Product.objects.for_cards().in_bulk([pk for pk, _ in ranking])
    return [ScoredProduct(products[pk], float(score)) for pk, score in ranking if pk in products]


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
