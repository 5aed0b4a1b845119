"""What a style shows of itself, made anew from its members: the centre, and the products that stand for it."""

from collections.abc import Collection
from uuid import UUID

import numpy as np
from django.utils import timezone
from pgvector import HalfVector

from catalog.ml.representatives import centre_of, representatives
from catalog.models import Encoder, StyleCluster, StylePlacement
from catalog.style_selectors import with_pictures
from catalog.vectors import live_encoder, stored_vectors

REPRESENTATIVES = 12


def refresh_portraits(*, style_ids: Collection[UUID], encoder: Encoder | None = None) -> None:
    """Centroids and representatives of these styles, by `encoder` (default: the live one).

    A style without visible members with vectors keeps its centroid, from which new products find it, and shows none.
    """
    encoder = encoder or live_encoder()
    placed: dict[UUID, list[int]] = {pk: [] for pk in style_ids}
    rows = StylePlacement.objects.filter(cluster__in=list(placed), product__status="active").order_by("product_id")
    for style_id, product_id in rows.values_list("cluster_id", "product_id"):
        placed[style_id].append(product_id)
    members = [pk for ids in placed.values() for pk in ids]
    pictured = with_pictures(members)
    styles = list(StyleCluster.objects.filter(pk__in=list(placed)))
    for style in styles:
        ids = np.array(placed[style.pk], dtype=np.int64)
        style.representatives, style.updated_at = [], timezone.now()
        if encoder is None or not len(ids):
            continue
        vectors = stored_vectors(encoder=encoder, kind="hybrid", product_ids=ids.tolist())
        has_vector = np.linalg.norm(vectors, axis=1) > 0
        if not has_vector.any():
            continue
        ids, vectors = ids[has_vector], vectors[has_vector]
        centre = centre_of(vectors)
        has_picture = np.array([pk in pictured for pk in ids.tolist()])
        style.representatives = ids[representatives(vectors, centre, has_picture, n=REPRESENTATIVES)].tolist()
        style.encoder, style.centroid = encoder, HalfVector(centre)
    StyleCluster.objects.bulk_update(styles, ["representatives", "encoder", "centroid", "updated_at"])
