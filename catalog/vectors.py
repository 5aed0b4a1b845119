"""Content vectors in the database: the nearest ones, exactly or through an index, whichever suits the question.

One rule decides, by how many products come into question. Comparing them all costs one comparison each and misses
nothing. The HNSW index has to walk past about n · total / candidates vectors until n of them pass the filters, and a
step costs about twice a comparison. So the index answers where candidates > 2 · n · total / candidates, that is above
√(2 · n · total), and never below EXACT_ROWS, where filters that have to do with the vectors (a category) would
starve it.

Measured with `compact` (512 dimensions) on 30,000 vectors resampled from photos, n = 200, 2 busy cores, in ms, and
the index's recall; the rule changes sides at 3,464 candidates:

    candidates               125 (a category)   604   1,487   3,065   6,131   10,713   30,000
    all compared                    5             7      12      23      40       27       37
    index, iterative scan         267            87      39      26      16       11        8
    recall of the index           .59          .996    .997    .999    1.00     .999     1.00
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import FloatField, QuerySet
from django.db.models.functions import Cast
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.django import CosineDistance, HalfVectorField, MaxInnerProduct

from catalog.models import Encoder, ProductEmbedding
from catalog.querysets import ProductQuerySet

EXACT_ROWS = 3_000
"""Up to here every vector is compared, however large the catalogue is."""

_EF_SEARCH = 100
_LARGEST_EF_SEARCH = 1_000  # pgvector's limit

Vector = Sequence[float] | NDArray[np.float32]


def live_encoder() -> Encoder | None:
    """The encoder whose vectors answer queries; None before the first embedding run."""
    return Encoder.objects.filter(is_live=True).first()


def index_name(*, encoder: Encoder, kind: str) -> str:
    """Of the HNSW index of one kind of vectors (catalog.services.vector_index makes and drops it)."""
    return f"embedding_hnsw_{encoder.pk}_{kind}"


def nearest_products(
    *, encoder: Encoder, kind: str, vector: Vector, n: int, products: ProductQuerySet, everything: bool = False
) -> list[tuple[int, float]]:
    """(product pk, cosine similarity) of the n products whose vectors are nearest to `vector`, best first.

    vector: (D,) of this encoder. products: where to look, without order. everything: whether these are all that are
    visible, which then need not be counted.
    """
    rows = _nearest(encoder=encoder, kind=kind, vector=vector, n=n, products=products, everything=everything)
    return [(pk, 1.0 - distance) for pk, distance in rows]


def nearest_compared(
    *,
    encoder: Encoder,
    kind: str,
    vector: Vector,
    n: int,
    products: ProductQuerySet,
    other: Vector,
    everything: bool = False,
) -> list[tuple[int, float, float]]:
    """As nearest_products, each with its inner product with the vector `other` (D,): without fetching any vector."""
    rows = _nearest(
        encoder=encoder, kind=kind, vector=vector, n=n, products=products, other=other, everything=everything
    )
    return [(pk, 1.0 - distance, -negative) for pk, distance, negative in rows]


def rows_compared_at_most(*, n: int, total: int) -> int:
    """How many candidates are compared one by one when n of `total` vectors are asked for; above, the index answers."""
    return max(EXACT_ROWS, math.isqrt(2 * n * total))


def _nearest(
    *,
    encoder: Encoder,
    kind: str,
    vector: Vector,
    n: int,
    products: ProductQuerySet,
    other: Vector | None = None,
    everything: bool = False,
) -> list[tuple[Any, ...]]:
    embeddings = ProductEmbedding.objects.filter(
        encoder=encoder, kind=kind, product__in=products.order_by().values("pk")
    )
    columns = ["product_id", "distance"]
    if other is not None:
        embeddings = embeddings.annotate(inner=MaxInnerProduct("vector", _half(other), output_field=FloatField()))
        columns.append("inner")
    total = _indexed_rows(index_name(encoder=encoder, kind=kind))
    compared = rows_compared_at_most(n=n, total=total)
    if total > compared and (everything or products.order_by()[: compared + 1].count() > compared):
        # The index stands on this very expression: without the cast it would not be used.
        sized = Cast("vector", HalfVectorField(dimensions=encoder.dimensions))
        query = embeddings.annotate(distance=CosineDistance(sized, _half(vector))).order_by("distance")
        found = _by_index(query.values_list(*columns)[:n], n)
        if len(found) == n:
            # A relaxed index scan is only nearly in order.
            return sorted(found, key=lambda row: (row[1], row[0]))
        # The scan gave up before it had met n that pass: the candidates lie far from the query.
    query = embeddings.annotate(distance=CosineDistance("vector", _half(vector))).order_by("distance", "product_id")
    return list(query.values_list(*columns)[:n])


def _indexed_rows(name: str) -> int:
    """About how many vectors that index holds; 0 where it does not exist or is not whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid"
            " WHERE pg_class.oid = to_regclass(%s) AND indisvalid",
            [name],
        )
        row = cursor.fetchone()
    return max(0, int(row[0])) if row else 0


def _by_index(query: QuerySet[ProductEmbedding, Any], n: int) -> list[tuple[Any, ...]]:
    """The rows of `query`, read from the HNSW index: without sorting, only its own order is left to the planner.

    Settings and query are sent as one, and are one transaction: instead of four round trips a single one.
    """
    sql, parameters = query.query.sql_with_params()
    ef_search = str(min(_LARGEST_EF_SEARCH, max(_EF_SEARCH, n)))
    settings = "set_config('hnsw.ef_search', %s, true), set_config('hnsw.iterative_scan', 'relaxed_order', true)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {settings}, set_config('enable_sort', 'off', true); {sql};"
            # Inside a transaction of the caller's the setting would last until that one ends.
            " SELECT set_config('enable_sort', 'on', true)",
            [ef_search, *parameters],
        )
        cursor.nextset()
        return list(cursor.fetchall())


def _half(vector: Vector) -> HalfVector:
    return HalfVector(np.asarray(vector, dtype=np.float32))


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


def _as_array(vector: HalfVector) -> NDArray[np.float32]:
    return np.asarray(vector.to_numpy() if hasattr(vector, "to_numpy") else vector, dtype=np.float32)
