"""Advisory locks, all in one enum so that no two purposes share a number."""

import enum

from django.db import connection


class Lock(enum.IntEnum):
    PROMOTION = 1
    EMBEDDING_PLAN = 2
    RATING_PLAN = 3
    IMPORT_PLAN = 4
    CATALOG_WRITE = 5
    PERSONA_WRITE = 6
    RATING_JUDGEMENT = 7
    VECTOR_INDEX = 8
    STYLES = 9


def take_lock(lock: Lock, key: int = 0) -> None:
    """Wait for `lock`; it is released when the surrounding transaction ends. Raises RuntimeError outside one."""
    if not connection.in_atomic_block:
        raise RuntimeError(f"{lock!r} must be taken inside a transaction")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [int(lock), key])
