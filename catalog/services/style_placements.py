"""Where products stand among the styles: as a clustering found them, and for new products without one."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from catalog.ml.representatives import nearest_of
from catalog.models import Encoder, Product, StyleCluster, StylePlacement
from catalog.querysets import ProductQuerySet
from catalog.style_selectors import as_array, latest_clustering
from catalog.vectors import live_encoder, nearest_products, stored_vectors
from fashionrec.common.locks import Lock, take_lock

MOST_PLACED = 500
"""New products placed at a time: a second; beat comes back every minute."""

_BATCH = 2000


@dataclass(frozen=True)
class Place:
    """One product's place; `moved`: a person put it there, so that only the map's coordinates are written."""

    product: int
    style: UUID | None
    strength: float
    x: float | None
    y: float | None
    moved: bool = False


def store_places(*, places: Sequence[Place]) -> None:
    """Write many places, over earlier ones; products that are gone by now are passed over."""
    known = set(Product.objects.filter(pk__in=[place.product for place in places]).values_list("pk", flat=True))
    for moved, fields in ((False, ["cluster", "strength", "x", "y"]), (True, ["x", "y"])):
        rows = [
            StylePlacement(
                product_id=place.product, cluster_id=place.style, strength=place.strength, moved_by_person=moved,
                x=place.x, y=place.y,
            )
            for place in places
            if place.moved == moved and place.product in known
        ]  # fmt: skip
        StylePlacement.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["product"], update_fields=fields, batch_size=_BATCH
        )


@transaction.atomic
def place_new_products() -> int:
    """Put products that came since the last clustering beside their likes; returns how many.

    The style is the one with the nearest centroid, none when that is farther than nine of ten members are from
    theirs. On the map a product stands between the three most like it. Does nothing before the first clustering.
    """
    encoder = live_encoder()
    run = latest_clustering(encoder) if encoder else None
    if encoder is None or run is None:
        return 0
    # Before reading who has none: a person may be placing the very same product.
    take_lock(Lock.STYLES)
    new = _without_place(encoder)
    if not new:
        return 0
    styles = list(StyleCluster.objects.filter(merged_into=None, encoder=encoder, centroid__isnull=False).order_by("pk"))
    vectors = stored_vectors(encoder=encoder, kind="hybrid", product_ids=new)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    found: list[tuple[UUID | None, float]] = [(None, 0.0)] * len(new)
    if styles:
        centres = np.stack([as_array(style.centroid) for style in styles])
        nearest, margin = nearest_of(vectors, centres)
        similar = (vectors * centres[nearest]).sum(axis=1) >= float(run.report.get("floor", -1.0))
        found = [
            (styles[row].pk if close else None, float(strength))
            for row, strength, close in zip(nearest, margin, similar, strict=True)
        ]
    placed = Product.objects.visible().filter(placement__x__isnull=False)
    places = [
        Place(pk, style, strength, *_between(encoder, vector, placed))
        for pk, (style, strength), vector in zip(new, found, vectors, strict=True)
    ]
    store_places(places=places)
    return len(places)


def _without_place(encoder: Encoder) -> list[int]:
    products = Product.objects.visible().filter(
        placement=None, embeddings__encoder=encoder, embeddings__kind="hybrid"
    )  # fmt: skip
    return list(products.order_by("pk").values_list("pk", flat=True)[:MOST_PLACED])


def _between(
    encoder: Encoder, vector: NDArray[np.float32], placed: ProductQuerySet
) -> tuple[float | None, float | None]:
    """The mean place of the three most similar products; (None, None) when nothing has a place."""
    near = nearest_products(encoder=encoder, kind="hybrid", vector=vector, n=3, products=placed)
    rows = StylePlacement.objects.filter(product__in=[pk for pk, _ in near]).values_list("x", "y")
    places = np.array(rows, dtype=np.float64).reshape(-1, 2)
    if not len(places):
        return None, None
    x, y = places.mean(axis=0)
    return float(x), float(y)
