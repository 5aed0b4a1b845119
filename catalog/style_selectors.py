"""Reading the styles: which there are, what shows them, how fresh they are, and where products lie on the map."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import Count, Q, QuerySet
from numpy.typing import NDArray

from catalog.ml.cluster_names import ProductFacts
from catalog.models import ClusterRun, Encoder, Product, ProductEmbedding, StyleCluster, StylePlacement
from catalog.vectors import nearest_products

VISIBLE = Q(placements__product__status="active")


@dataclass(frozen=True)
class ShownStyle:
    """A style with the pictures that stand for it."""

    style: StyleCluster
    products: list[Product] = field(default_factory=list)


def standing_styles() -> QuerySet[StyleCluster]:
    """Styles that were not merged into another, with `size` (visible products), the largest first."""
    styles = StyleCluster.objects.filter(merged_into=None).annotate(size=Count("placements", filter=VISIBLE))
    return styles.order_by("-size", "name")


def show_styles(styles: Iterable[StyleCluster], *, pictures: int) -> list[ShownStyle]:
    """Each style with at most `pictures` of its visible representatives, ready for cards. A constant number of queries.

    Representatives that have since left the style, or the shop, are passed over.
    """
    styles = list(styles)
    wanted = {pk for style in styles for pk in style.representatives}
    shown = Product.objects.visible().filter(pk__in=wanted, placement__cluster__in=[style.pk for style in styles])
    products = {product.pk: product for product in shown.for_cards().select_related("placement")}
    result = []
    for style in styles:
        own = [products[pk] for pk in style.representatives if pk in products]
        own = [product for product in own if product.placement.cluster_id == style.pk]
        result.append(ShownStyle(style, own[:pictures]))
    return result


def onboarding_styles(*, n: int = 12, pictures: int = 3) -> list[ShownStyle]:
    """Styles that span the catalogue: the largest first, then always the one least like those chosen."""
    candidates = [style for style in standing_styles()[: 4 * n] if style.size]  # type: ignore[attr-defined]
    shown = [style for style in show_styles(candidates, pictures=pictures) if _pictured(style)]
    return [shown[position] for position in _spread([style.style for style in shown], n)]


def _pictured(shown: ShownStyle) -> bool:
    return any(product.images.all() for product in shown.products)


def _spread(styles: Sequence[StyleCluster], n: int) -> list[int]:
    """Positions of n styles, farthest point first (Gonzalez 1985); the given order where centroids are missing."""
    if len(styles) <= n or any(style.centroid is None for style in styles):
        return list(range(min(n, len(styles))))
    if len({len(as_array(style.centroid)) for style in styles}) > 1:  # of two encoders
        return list(range(n))
    centres = np.stack([as_array(style.centroid) for style in styles])
    chosen, closest = [0], centres @ centres[0]
    while len(chosen) < n:
        closest[chosen] = np.inf
        chosen.append(int(np.argmin(closest)))
        closest = np.maximum(closest, centres @ centres[chosen[-1]])
    return chosen


def as_array(vector: Any) -> NDArray[np.float32]:
    return np.asarray(vector.to_numpy() if hasattr(vector, "to_numpy") else vector, dtype=np.float32)


def nearby_products(style: StyleCluster, *, n: int) -> list[Product]:
    """The n visible products of no style that are nearest to this one's centre, ready for cards."""
    if style.centroid is None or style.encoder is None:
        return []
    alone = Product.objects.visible().filter(placement__isnull=False, placement__cluster=None)
    near = nearest_products(
        encoder=style.encoder, kind="hybrid", vector=as_array(style.centroid), n=n, products=alone
    )  # fmt: skip
    products = Product.objects.for_cards().in_bulk([pk for pk, _ in near])
    return [products[pk] for pk, _ in near if pk in products]


def embedded_products(encoder: Encoder) -> list[int]:
    """Primary keys of the visible products that have a hybrid vector by `encoder`, ascending."""
    vectors = ProductEmbedding.objects.filter(encoder=encoder, kind="hybrid", product__status="active")
    return list(vectors.order_by("product_id").values_list("product_id", flat=True))


def latest_clustering(encoder: Encoder) -> ClusterRun | None:
    """The last one that was finished with this encoder's vectors."""
    return ClusterRun.objects.filter(encoder=encoder, state=ClusterRun.State.DONE).order_by("-created_at").first()


def changed_share(encoder: Encoder) -> float:
    """Of the visible products with vectors, the share whose vector is newer than the last clustering; 0 without any."""
    vectors = ProductEmbedding.objects.filter(encoder=encoder, kind="hybrid", product__status="active")
    latest = latest_clustering(encoder)
    newer = Q(created_at__gt=latest.started_at) if latest is not None and latest.started_at else Q()
    counts = vectors.aggregate(all=Count("pk"), newer=Count("pk", filter=newer))
    return counts["newer"] / counts["all"] if counts["all"] else 0.0


def product_facts(product_ids: Sequence[int]) -> list[ProductFacts]:
    """What names are made of, in the order of the primary keys; blank for products that are gone."""
    columns = ("title", "category__path", "colour", "pattern", "material", "gender", "brand__name")
    rows = Product.objects.filter(pk__in=product_ids).values_list("pk", *columns)
    facts = {pk: ProductFacts(*(value or "" for value in values)) for pk, *values in rows}
    return [facts.get(pk, ProductFacts()) for pk in product_ids]


def with_pictures(product_ids: Sequence[int]) -> set[int]:
    pictured = Product.objects.filter(pk__in=product_ids, images__isnull=False)
    return set(pictured.order_by().values_list("pk", flat=True))


@dataclass(frozen=True)
class MapPoint:
    """x, y: 0..1, as stored; style: None for a product like no others."""

    product: int
    title: str
    style: UUID | None
    x: float
    y: float


def map_points(*, style: UUID | None = None) -> list[MapPoint]:
    """Visible products that have a place on the map, by primary key; of one style when `style` is given."""
    placed = StylePlacement.objects.filter(product__status="active", x__isnull=False, y__isnull=False)
    if style is not None:
        placed = placed.filter(cluster=style)
    rows = placed.order_by("product_id").values_list("product_id", "product__title", "cluster_id", "x", "y")
    return [MapPoint(pk, title, cluster, float(x or 0), float(y or 0)) for pk, title, cluster, x, y in rows]
