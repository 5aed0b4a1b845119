"""The HNSW index of an encoder: partial, on vectors cast to its length, made without blocking writers."""

from django.db import connection
from psycopg import sql

from catalog.models import Encoder, Product, ProductEmbedding
from catalog.services.planner_statistics import refresh_planner_statistics
from catalog.vectors import EXACT_ROWS

_TABLE = ProductEmbedding._meta.db_table


def ensure_vector_indexes(*, encoder: Encoder) -> list[str]:
    """After an embedding run: the missing indexes of a live encoder, one per kind too large for exact search.

    Returns the names of those made. Cannot run inside a transaction (CREATE INDEX CONCURRENTLY refuses).
    An index that a killed build left behind invalid is replaced. 100,000 vectors of 512 dimensions take 2 minutes.
    """
    made = []
    for kind in ProductEmbedding.Kind.values:
        rows = ProductEmbedding.objects.filter(encoder=encoder, kind=kind)[: EXACT_ROWS + 1].count()
        name = index_name(encoder=encoder, kind=kind)
        if encoder.is_live and rows > EXACT_ROWS and not _is_valid(name):
            _drop(name)
            statement = sql.SQL(
                "CREATE INDEX CONCURRENTLY {name} ON {table}"
                " USING hnsw ((vector::halfvec({dimensions})) halfvec_cosine_ops)"
                " WITH (m = 16, ef_construction = 64) WHERE encoder_id = {encoder} AND kind = {kind}"
            ).format(
                name=sql.Identifier(name),
                table=sql.Identifier(_TABLE),
                dimensions=sql.Literal(encoder.dimensions),
                encoder=sql.Literal(encoder.pk),
                kind=sql.Literal(kind),
            )
            with connection.cursor() as cursor:
                cursor.execute(statement)
            made.append(name)
    # The planner takes the index only when it knows how many rows the filters leave.
    refresh_planner_statistics(ProductEmbedding, Product)
    return made


def drop_vector_indexes(*, encoder: Encoder) -> None:
    """Drop an encoder's indexes, before its vectors are deleted or loaded in bulk."""
    for kind in ProductEmbedding.Kind.values:
        _drop(index_name(encoder=encoder, kind=kind))


def index_name(*, encoder: Encoder, kind: str) -> str:
    return f"embedding_hnsw_{encoder.pk}_{kind}"


def _is_valid(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        row = cursor.fetchone()
    return bool(row and row[0])


def _drop(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))
