"""Above a few thousand vectors an index answers, nearly as well as comparing them all."""

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pgvector import HalfVector

from catalog.models import Encoder, Product, ProductEmbedding
from catalog.services.planner_statistics import refresh_planner_statistics
from catalog.services.vector_index import drop_vector_indexes, ensure_vector_indexes, index_name
from catalog.vectors import EXACT_ROWS, nearest_products
from tests.factories.catalog import EncoderFactory

ROWS = EXACT_ROWS + 500
DIMENSIONS = 8


@pytest.fixture
def encoder() -> Encoder:
    encoder = EncoderFactory(dimensions=DIMENSIONS)
    products = Product.objects.bulk_create(
        Product(source="v", external_id=str(n), title=f"Product {n}", colour="red" if n % 50 == 0 else "blue")
        for n in range(ROWS)
    )
    vectors = np.random.default_rng(7).normal(size=(ROWS, DIMENSIONS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ProductEmbedding.objects.bulk_create(
        ProductEmbedding(product=product, encoder=encoder, kind="hybrid", content_version=1, vector=HalfVector(vector))
        for product, vector in zip(products, vectors, strict=True)
    )
    refresh_planner_statistics(Product, ProductEmbedding)
    return encoder


def exact(encoder: Encoder, vector: np.ndarray, n: int) -> list[int]:
    stored = list(ProductEmbedding.objects.filter(encoder=encoder).values_list("product_id", "vector"))
    matrix = np.array([row.to_list() if hasattr(row, "to_list") else row for _, row in stored], dtype=np.float32)
    return [stored[row][0] for row in np.argsort(-(matrix @ vector))[:n]]


@pytest.mark.django_db(transaction=True)
def test_the_index_is_made_used_and_dropped(encoder: Encoder) -> None:
    name = index_name(encoder=encoder, kind="hybrid")
    encoder.is_live = False
    assert ensure_vector_indexes(encoder=encoder) == []
    encoder.is_live = True
    assert ensure_vector_indexes(encoder=encoder) == [name]
    assert ensure_vector_indexes(encoder=encoder) == []
    query = np.array([1, 0, 0, 0, 0, 0, 0, 0], dtype=np.float32)
    with CaptureQueriesContext(connection) as queries:
        found = nearest_products(encoder=encoder, kind="hybrid", vector=query, n=20, products=Product.objects.visible())
    assert len(set(exact(encoder, query, 20)) & {pk for pk, _ in found}) >= 19
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    statement = next(entry["sql"] for entry in queries if "<=>" in entry["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert name in plan
    drop_vector_indexes(encoder=encoder)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        assert cursor.fetchone() == (None,)


@pytest.mark.django_db
def test_a_narrow_filter_is_answered_exactly(encoder: Encoder) -> None:
    red = Product.objects.visible().filter(colour="red")
    query = np.array([0, 1, 0, 0, 0, 0, 0, 0], dtype=np.float32)
    found = [pk for pk, _ in nearest_products(encoder=encoder, kind="hybrid", vector=query, n=70, products=red)]
    wanted = set(red.values_list("pk", flat=True))
    assert found == [pk for pk in exact(encoder, query, ROWS) if pk in wanted]
    assert len(found) == ROWS // 50
