"""Shoppers and events of any number, copied into the tables as binary rows: millions in a minute.

A shopper keeps to one of `TASTES` groups of products and takes distinct ones of it, the popular ones sooner; every
tenth is looked at once more later. History lengths are geometric, so most are short and some are long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from catalog.models import Product, ProductEmbedding
from catalog.services.embeddings import register_encoder, store_vectors
from fashionrec.common.batching import batched
from feedback.models import Provenance, Visitor

TASTES = 50
MEAN_LENGTH = 20
LONGEST = 100
REPEATED = 0.1
DIMENSIONS = 128
BLOCK_USERS = 5_000
_BEGAN = 800_000_000_000_000
"""Microseconds since 2000 of the first event: May 2025."""
_YEAR = 365 * 86_400 * 1_000_000
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"


def store_products(count: int, *, seed: int) -> list[int]:
    """Products with unit vectors around the centre of their taste; returns their primary keys."""
    if count < TASTES * LONGEST:
        raise ValueError(f"products: received {count}, expected at least {TASTES * LONGEST}")
    generator = np.random.default_rng(seed)
    product_ids: list[int] = []
    for numbers in batched(range(count), 1_000):
        rows = [Product(source="benchmark", external_id=str(number), title=f"Product {number}") for number in numbers]
        product_ids += [product.pk for product in Product.objects.bulk_create(rows)]
    vectors = generator.normal(size=(TASTES, DIMENSIONS))[np.arange(count) % TASTES]
    vectors += generator.normal(size=vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    encoder = register_encoder(name="benchmark", digest="0" * 64, dimensions=DIMENSIONS, live=True)
    for chosen in batched(range(count), 1_000):
        store_vectors(
            encoder=encoder,
            kind=ProductEmbedding.Kind.HYBRID,
            products=[(product_ids[row], 1) for row in chosen],
            vectors=vectors[list(chosen)].astype(np.float32),
        )
    return product_ids


def store_events(product_ids: Sequence[int], *, interactions: int, seed: int) -> int:
    """Consenting visitors with `interactions` distinct (visitor, product) pairs; returns the number of events.

    Without the foreign keys of the event table, which are dropped: only for a database that is thrown away.
    """
    generator = np.random.default_rng(seed)
    with connection.cursor() as cursor:
        for name, constraint in connection.introspection.get_constraints(cursor, "feedback_event").items():
            if constraint["foreign_key"]:
                cursor.execute(f'ALTER TABLE feedback_event DROP CONSTRAINT "{name}"')
    items, events = np.array(product_ids, dtype=np.int64), 0
    for lengths in _lengths(interactions, generator):
        visitors = generator.integers(0, 256, size=(len(lengths), 16), dtype=np.uint8)
        user, item = _taken(lengths, len(items), generator)
        time = _BEGAN + generator.integers(0, _YEAR, size=len(user))
        again = generator.random(len(user)) < REPEATED
        _store_visitors(visitors)
        _copy_events(
            visitor=np.concatenate([visitors[user], visitors[user[again]]]),
            product=np.concatenate([items[item], items[item[again]]]),
            liked=np.repeat([False, True], [len(user), int(again.sum())]),
            time=np.concatenate([time, time[again] + 3_600_000_000]),
            generator=generator,
        )
        events += len(user) + int(again.sum())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE feedback_event, feedback_visitor")
    return events


def _lengths(interactions: int, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Blocks of history lengths that add up to `interactions`."""
    left = interactions
    while left > 0:
        lengths = generator.geometric(1 / MEAN_LENGTH, size=BLOCK_USERS).clip(1, LONGEST)
        within = np.cumsum(lengths) <= left
        if not within.all():
            lengths = lengths[within]
            if rest := left - int(lengths.sum()):
                lengths = np.append(lengths, rest)
        left -= int(lengths.sum())
        yield lengths


def _taken(
    lengths: NDArray[np.int64], products: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(user, item) of distinct pairs: the best of utility plus Gumbel noise, a draw without replacement."""
    size = products // TASTES
    utility = -0.7 * np.log1p(np.arange(size)) + generator.gumbel(size=(len(lengths), size))
    best = np.argpartition(-utility, LONGEST - 1, axis=1)[:, :LONGEST]
    order = np.take_along_axis(best, np.argsort(-np.take_along_axis(utility, best, axis=1), axis=1), axis=1)
    user, place = np.nonzero(np.arange(LONGEST) < lengths[:, None])
    taste = generator.integers(0, TASTES, size=len(lengths))
    return user, order[user, place] * TASTES + taste[user]


def _store_visitors(ids: NDArray[np.uint8]) -> None:
    named = [UUID(bytes=row.tobytes()) for row in ids]
    Visitor.objects.bulk_create(
        [Visitor(id=pk, external_id=pk.hex, provenance=Provenance.SIMULATED, consented=True) for pk in named],
        batch_size=1_000,
    )


def _copy_events(
    *,
    visitor: NDArray[np.uint8],
    product: NDArray[np.int64],
    liked: NDArray[np.bool_],
    time: NDArray[np.int64],
    generator: np.random.Generator,
) -> None:
    count = len(visitor)
    columns = {
        "event_id": generator.integers(0, 256, size=(count, 16), dtype=np.uint8),
        "type": np.where(liked[:, None], _text("like", count), _text("view", count)),
        "visitor_id": visitor,
        "product_id": _long(product),
        "query": _text("", count),
        "occurred_at": _long(time),
        "received_at": _long(time),
        "provenance": _text("simulated", count),
    }
    _copy("feedback_event", columns)


def _copy(table: str, columns: dict[str, NDArray[np.uint8]]) -> None:
    """Binary COPY of columns of (n, bytes) uint8, each as it stands in a row: its length, then its bytes."""
    count = len(next(iter(columns.values())))
    parts = [np.tile(np.frombuffer(len(columns).to_bytes(2, "big"), np.uint8), (count, 1))]
    for column in columns.values():
        parts += [np.tile(np.frombuffer(column.shape[1].to_bytes(4, "big"), np.uint8), (count, 1)), column]
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(_HEADER + np.concatenate(parts, axis=1).tobytes() + _TRAILER)


def _text(value: str, count: int) -> NDArray[np.uint8]:
    return np.tile(np.frombuffer(value.encode(), np.uint8), (count, 1))


def _long(values: NDArray[np.int64]) -> NDArray[np.uint8]:
    return values.astype(">i8")[:, None].view(np.uint8)
