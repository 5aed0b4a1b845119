"""The HNSW index of an encoder: partial, on vectors cast to its length, made without blocking writers."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from psycopg import sql

from catalog.models import Encoder, Product, ProductEmbedding
from catalog.services.planner_statistics import refresh_planner_statistics
from catalog.vectors import EXACT_ROWS, index_name
from fashionrec.common.locks import Lock

_TABLE = ProductEmbedding._meta.db_table


def ensure_vector_indexes(*, encoder: Encoder, going_live: bool = False) -> list[str]:
    """The missing indexes of an encoder that is live, or will be next: one per kind too large for exact search.

    Returns the names of those made; none while another process makes them. Cannot run inside a transaction (CREATE
    INDEX CONCURRENTLY refuses). An index that a killed build left behind invalid is replaced. 100,000 vectors of 512
    dimensions take 2 minutes.
    """
    made = []
    with index_building(encoder=encoder) as held:
        if held and (encoder.is_live or going_live):
            made = [name for kind in ProductEmbedding.Kind.values if (name := _ensure(encoder, kind))]
    # The planner takes the index only when it knows how many rows the filters leave.
    refresh_planner_statistics(ProductEmbedding, Product)
    return made


@contextmanager
def index_building(*, encoder: Encoder) -> Iterator[bool]:
    """Whether this process alone may make the encoder's indexes: a second one would drop the half-made first.

    Never waits (a build waits for every older statement, so one that waited for it would wait for ever); can be
    nested. The lock belongs to the database session and goes with it.
    """
    keys = [int(Lock.VECTOR_INDEX), encoder.pk]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", keys)
        row = cursor.fetchone()
    held = bool(row and row[0])
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", keys)


def drop_vector_indexes(*, encoder: Encoder) -> None:
    """Drop an encoder's indexes, before its vectors are loaded in bulk or after they are deleted."""
    for kind in ProductEmbedding.Kind.values:
        _drop(index_name(encoder=encoder, kind=kind))


def _ensure(encoder: Encoder, kind: str) -> str | None:
    """The name of the index, if it had to be made."""
    name = index_name(encoder=encoder, kind=kind)
    rows = ProductEmbedding.objects.filter(encoder=encoder, kind=kind)[: EXACT_ROWS + 1].count()
    if rows <= EXACT_ROWS or _is_valid(name):
        return None
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
    return name


def _is_valid(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        row = cursor.fetchone()
    return bool(row and row[0])


def _drop(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))
