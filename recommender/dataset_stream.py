"""Events from Postgres to files: one binary stream, sorted by the database, turned into numbers block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection
from django.db.models import Case, F, QuerySet, SmallIntegerField, Value, When, Window
from django.db.models.functions import Cast, FirstValue
from numpy.typing import NDArray

from catalog.models import Product
from feedback.models import Event
from recommender.ml.dataset import kind_code
from recommender.ml.stored_interactions import InteractionsWriter

BLOCK_ROWS = 65_536
"""Rows that are turned into numbers at a time: 3.4 MB of the stream."""

# PostgreSQL's binary COPY: a header, then per row the count of fields, and per field its length and its bytes, all
# big-endian (https://www.postgresql.org/docs/current/sql-copy.html). No field is null, so all rows have one length.
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_SIZES = {"visitor": 16, "product": 8, "type": 2, "time": 8}
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("visitor_size", ">i4"),
        ("visitor", ">u8", (2,)),
        ("product_size", ">i4"),
        ("product", ">i8"),
        ("type_size", ">i4"),
        ("type", ">i2"),
        ("time_size", ">i4"),
        ("time", ">i8"),
    ]
)
_MICROSECONDS_TO_2000 = 946_684_800_000_000
"""From the epoch of Unix to that of PostgreSQL's timestamps."""


@dataclass(frozen=True)
class StreamedEvents:
    """events: how many were read, repeats included. first, last: when they happened; None without any."""

    events: int
    first: datetime | None
    last: datetime | None


def stream_events(
    writer: InteractionsWriter,
    *,
    users: list[str],
    product_ids: NDArray[np.int64],
    rewards: Mapping[str, float],
) -> StreamedEvents:
    """Appends the standing events of consenting visitors on `product_ids` to `writer`, weighing what their type earns.

    users: gets the ids of visitors, in the order of their first event; their indexes go on from what it holds.
    product_ids: (N,) ascending primary keys; an event's item is its product's position.
    rewards: by event type; others are left out.
    """
    types = list(rewards)
    weights = np.array([rewards[name] for name in types], dtype=np.float32)
    kinds = np.array([kind_code(name) for name in types], dtype=np.uint8)
    if not types:
        return StreamedEvents(0, None, None)
    newest: NDArray[Any] | None = None
    events, first, last = 0, None, None
    for rows in _rows(_positive_events(types)):
        item = np.searchsorted(product_ids, rows["product"])
        known = np.zeros(len(rows), dtype=bool)
        inside = item < len(product_ids)
        known[inside] = product_ids[item[inside]] == rows["product"][inside]
        rows, item = rows[known], item[known]
        if not len(rows):
            continue
        visitors = rows["visitor"]
        changes = np.ones(len(rows), dtype=bool)
        changes[1:] = (visitors[1:] != visitors[:-1]).any(axis=1)
        changes[0] = newest is None or bool((visitors[0] != newest).any())
        user = len(users) - 1 + np.cumsum(changes)
        users.extend(str(UUID(bytes=visitor.tobytes())) for visitor in visitors[changes])
        newest = visitors[-1].copy()
        microseconds = rows["time"].astype(np.int64) + _MICROSECONDS_TO_2000
        writer.append(
            user=user.astype(np.int64),
            item=item.astype(np.int64),
            time=microseconds / 1e6,
            weight=weights[rows["type"]],
            synthetic=np.zeros(len(rows), dtype=bool),
            kind=kinds[rows["type"]],
        )
        events += len(rows)
        earliest, latest = int(microseconds.min()), int(microseconds.max())
        first = earliest if first is None else min(first, earliest)
        last = latest if last is None else max(last, latest)
    return StreamedEvents(events, _moment(first), _moment(last))


def _positive_events(types: list[str]) -> QuerySet[Event, Any]:
    """(visitor, product, position in `types`, time) of events: visitor by visitor, in the order of their first ones."""
    visit: dict[str, Any] = {"partition_by": F("visitor_id"), "order_by": ["occurred_at", "pk"]}
    return (
        Event.objects.filter(
            visitor__consented=True, retracted_by__isnull=True, type__in=types, product__in=Product.objects.visible()
        )
        .annotate(
            type_code=Cast(
                Case(*(When(type=name, then=Value(position)) for position, name in enumerate(types))),
                SmallIntegerField(),
            ),
            began=Window(FirstValue("occurred_at"), **visit),
            began_with=Window(FirstValue("pk"), **visit),
        )
        .order_by("began", "began_with", "occurred_at", "pk")
        .values_list("visitor_id", "product_id", "type_code", "occurred_at")
    )


def _rows(query: QuerySet[Event, Any]) -> Iterator[NDArray[Any]]:
    """The query's rows as structured arrays of at most BLOCK_ROWS. The database sorts; nothing is held here."""
    statement, parameters = query.query.sql_with_params()
    buffer = bytearray()
    begun = False
    with (
        connection.cursor() as cursor,
        # psycopg's own cursor: the one that Django wraps around it in DEBUG takes no parameters here.
        cursor.cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT BINARY)", parameters) as copy,
    ):
        for data in copy:
            buffer += data
            if not begun and len(buffer) >= len(_HEADER):
                if not buffer.startswith(_HEADER):
                    raise RuntimeError(f"COPY: received the header {bytes(buffer[:19])!r}")
                del buffer[: len(_HEADER)]
                begun = True
            while begun and len(buffer) >= (block := BLOCK_ROWS * _ROW.itemsize):
                yield _decoded(bytes(buffer[:block]))
                del buffer[:block]
    if not buffer.endswith(_TRAILER) or (len(buffer) - len(_TRAILER)) % _ROW.itemsize:
        raise RuntimeError(f"COPY: the stream broke off with {len(buffer)} bytes of a block")
    yield _decoded(bytes(buffer[: -len(_TRAILER)]))


def _decoded(data: bytes) -> NDArray[Any]:
    rows = np.frombuffer(data, dtype=_ROW)
    as_asked = (rows["fields"] == len(_SIZES)).all()
    if not (as_asked and all((rows[f"{name}_size"] == size).all() for name, size in _SIZES.items())):
        raise RuntimeError(f"COPY: received rows that are not of {_SIZES} bytes")
    return rows


def _moment(microseconds: int | None) -> datetime | None:
    if microseconds is None:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
