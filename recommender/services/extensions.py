"""Writing down which products a version knows besides those it was trained on."""

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from catalog.models import Product
from recommender.extensions import AddedProducts
from recommender.models import ItemVector, ModelVersion

BATCH = 1000


@transaction.atomic
def record_extension(
    *, version: ModelVersion, added: AddedProducts, vectors: NDArray[np.float32] | None, mark: str
) -> int:
    """Store the vectors of added products that are new or made of changed content; returns how many.

    vectors: (N, d) float32 of the N added products; None for a model without item vectors, or when nothing changed.
    mark: the state of the catalogue that `added` is of. Web processes see the extension from their next request on.
    """
    written = 0
    # Two workers may be at it at once: the second waits, and finds the rows that the first wrote.
    locked = ModelVersion.objects.select_for_update().get(pk=version.pk)
    if vectors is not None:
        product_ids = added.product_ids.tolist()
        made_before = dict(
            locked.item_vectors.filter(product__in=product_ids).values_list("product_id", "content_made_at")
        )
        there = set(Product.objects.filter(pk__in=product_ids).values_list("pk", flat=True))
        rows = [
            ItemVector(version=locked, product_id=pk, vector=vector, content_made_at=made)
            for pk, made, vector in zip(product_ids, added.made_at, vectors, strict=True)
            if pk in there and made_before.get(pk) != made
        ]
        ItemVector.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["version", "product"],
            update_fields=["vector", "content_made_at"],
            batch_size=BATCH,
        )
        written = len(rows)
    ModelVersion.objects.filter(pk=version.pk).update(extension=added.digest, catalogue_mark=mark)
    return written
