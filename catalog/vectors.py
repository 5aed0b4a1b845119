"""Content vectors in the database: the nearest ones, exactly or through an index, whichever suits the size."""

from collections.abc import Sequence

import numpy as np
from django.db import connection, transaction
from django.db.models.functions import Cast
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.django import CosineDistance, HalfVectorField

from catalog.models import Encoder, ProductEmbedding
from catalog.querysets import ProductQuerySet

EXACT_ROWS = 3_000
"""Up to here every vector is compared: ≤ 2 ms, and filters cost no recall."""

_EF_SEARCH = 100


def live_encoder() -> Encoder | None:
    """The encoder whose vectors answer queries; None before the first embedding run."""
    return Encoder.objects.filter(is_live=True).first()


def nearest_products(
    *, encoder: Encoder, kind: str, vector: Sequence[float] | NDArray[np.float32], n: int, products: ProductQuerySet
) -> list[tuple[int, float]]:
    """(product pk, cosine similarity) of the n products whose vectors are nearest to `vector`, best first.

    vector: (D,) of this encoder. products: where to look, without order. Above EXACT_ROWS candidates the encoder's
    HNSW index (catalog.services.vector_index) answers, approximately; iterative scans keep filters from starving it.
    """
    embeddings = ProductEmbedding.objects.filter(
        encoder=encoder, kind=kind, product__in=products.order_by().values("pk")
    )
    query = HalfVector(np.asarray(vector, dtype=np.float32))
    if embeddings[: EXACT_ROWS + 1].count() <= EXACT_ROWS:
        return _ranked(embeddings.annotate(distance=CosineDistance("vector", query)), n)
    # The index stands on this very expression: without the cast it would not be used.
    sized = Cast("vector", HalfVectorField(dimensions=encoder.dimensions))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('hnsw.ef_search', %s, true)", [str(min(1000, max(_EF_SEARCH, 2 * n)))])
        cursor.execute("SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true)")
        return _ranked(embeddings.annotate(distance=CosineDistance(sized, query)), n)


def stored_vector(*, encoder: Encoder, kind: str, product_id: int) -> NDArray[np.float32] | None:
    """(D,) float32; None when the product has none."""
    row = ProductEmbedding.objects.filter(encoder=encoder, kind=kind, product_id=product_id).values_list(
        "vector", flat=True
    )
    found = row.first()
    return None if found is None else _as_array(found)


def stored_vectors(*, encoder: Encoder, kind: str, product_ids: Sequence[int]) -> NDArray[np.float32]:
    """(N, D) float32 in the order of `product_ids`; rows of zeros where a product has no vector."""
    matrix = np.zeros((len(product_ids), encoder.dimensions), dtype=np.float32)
    rows_of = {int(pk): row for row, pk in enumerate(product_ids)}
    stored = ProductEmbedding.objects.filter(encoder=encoder, kind=kind, product_id__in=list(rows_of))
    for pk, vector in stored.values_list("product_id", "vector").iterator(chunk_size=2000):
        matrix[rows_of[pk]] = _as_array(vector)
    return matrix


def _ranked(embeddings, n: int) -> list[tuple[int, float]]:  # type: ignore[no-untyped-def]
    nearest = embeddings.order_by("distance").values_list("product_id", "distance")[:n]
    # A relaxed index scan is only nearly in order.
    return sorted(((pk, 1.0 - distance) for pk, distance in nearest), key=lambda found: (-found[1], found[0]))


def _as_array(vector: HalfVector) -> NDArray[np.float32]:
    return np.asarray(vector.to_numpy() if hasattr(vector, "to_numpy") else vector, dtype=np.float32)
