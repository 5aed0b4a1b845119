"""Above a few thousand vectors an index answers, nearly as well as comparing them all."""

import numpy as np
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pgvector import HalfVector

from catalog.models import Encoder, Product, ProductEmbedding
from catalog.querysets import ProductQuerySet
from catalog.services.planner_statistics import refresh_planner_statistics
from catalog.services.vector_index import drop_vector_indexes, ensure_vector_indexes, index_name
from catalog.vectors import EXACT_ROWS, nearest_compared, nearest_products, rows_compared_at_most, stored_vectors
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
    similarities = matrix @ vector / np.linalg.norm(matrix, axis=1)
    return [stored[row][0] for row in np.argsort(-similarities)[:n]]


def search(encoder: Encoder, products: ProductQuerySet, n: int, axis: int = 0) -> tuple[list[int], list[str]]:
    """The products found, and the statements that found them."""
    query = np.eye(DIMENSIONS, dtype=np.float32)[axis]
    with CaptureQueriesContext(connection) as queries:
        found = nearest_products(encoder=encoder, kind="hybrid", vector=query, n=n, products=products)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    return [pk for pk, _ in found], [entry["sql"] for entry in queries]


def plan(statements: list[str]) -> str:
    """How Postgres answers the last of `statements` that compares vectors, under the settings made before it."""
    with transaction.atomic(), connection.cursor() as cursor:
        lines = []
        for statement in (part for sent in statements for part in sent.split(";")):
            if "set_config" in statement:
                cursor.execute(statement)
            if "<=>" in statement:
                cursor.execute(f"EXPLAIN {statement}")
                lines = [row[0] for row in cursor.fetchall()]
    return "\n".join(lines)


@pytest.mark.django_db(transaction=True)
def test_the_index_is_made_used_and_dropped(encoder: Encoder) -> None:
    name = index_name(encoder=encoder, kind="hybrid")
    encoder.is_live = False
    assert ensure_vector_indexes(encoder=encoder) == []
    encoder.is_live = True
    assert ensure_vector_indexes(encoder=encoder) == [name]
    assert ensure_vector_indexes(encoder=encoder) == []
    query = np.eye(DIMENSIONS, dtype=np.float32)[0]
    found, statements = search(encoder, Product.objects.visible(), 20)
    assert len(set(exact(encoder, query, 20)) & set(found)) >= 19
    assert f"Index Scan using {name}" in plan(statements)
    # A filter that leaves most products goes through the index too, and finds as many as were asked for.
    most = Product.objects.visible().filter(pk__gt=Product.objects.order_by("pk")[100].pk)
    found, statements = search(encoder, most, 50)
    assert f"Index Scan using {name}" in plan(statements)
    assert len(found) == 50
    # A narrow one does not, and leaves the settings of its connection alone.
    red = Product.objects.visible().filter(colour="red")
    found, statements = search(encoder, red, 70, axis=1)
    wanted = set(red.values_list("pk", flat=True))
    assert found == [pk for pk in exact(encoder, np.eye(DIMENSIONS, dtype=np.float32)[1], ROWS) if pk in wanted]
    assert len(found) == ROWS // 50
    assert name not in plan(statements)
    assert not any("set_config" in statement for statement in statements)
    drop_vector_indexes(encoder=encoder)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        assert cursor.fetchone() == (None,)


@pytest.mark.django_db(transaction=True)
def test_where_the_index_gives_up_the_rest_is_compared(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure_vector_indexes(encoder=encoder)
    monkeypatch.setattr("catalog.vectors.EXACT_ROWS", 10)
    monkeypatch.setattr("catalog.vectors.rows_compared_at_most", lambda *, n, total: 10)
    # The least like the query of all: a scan limited to few vectors never gets that far.
    query = np.eye(DIMENSIONS, dtype=np.float32)[0]
    last = exact(encoder, query, ROWS)[-40:]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('hnsw.max_scan_tuples', '500', true)")
        found, statements = search(encoder, Product.objects.filter(pk__in=last), 30)
        with connection.cursor() as cursor:
            cursor.execute("SHOW enable_sort")
            assert cursor.fetchone() == ("on",)
    assert found == last[:30]
    assert sum("<=>" in statement for statement in statements) == 2


@pytest.mark.django_db
def test_without_an_index_every_vector_is_compared(encoder: Encoder) -> None:
    found, statements = search(encoder, Product.objects.visible(), 30)
    assert found == exact(encoder, np.eye(DIMENSIONS, dtype=np.float32)[0], 30)
    assert "hnsw" not in plan(statements)


def test_the_larger_the_catalogue_and_the_more_is_asked_for_the_more_is_compared() -> None:
    assert rows_compared_at_most(n=200, total=10_000) == EXACT_ROWS
    assert rows_compared_at_most(n=200, total=30_000) == 3_464
    assert rows_compared_at_most(n=200, total=100_000) == 6_324
    assert rows_compared_at_most(n=10, total=1_000_000) == 4_472


@pytest.mark.django_db
def test_inner_products_with_another_vector_come_along(encoder: Encoder) -> None:
    query, other = np.eye(DIMENSIONS, dtype=np.float32)[:2]
    found = nearest_compared(
        encoder=encoder, kind="hybrid", vector=query, n=5, products=Product.objects.visible(), other=other
    )
    vectors = stored_vectors(encoder=encoder, kind="hybrid", product_ids=[pk for pk, _, _ in found])
    np.testing.assert_allclose([similarity for _, similarity, _ in found], vectors @ query, atol=1e-3)
    np.testing.assert_allclose([inner for _, _, inner in found], vectors @ other, atol=1e-3)
