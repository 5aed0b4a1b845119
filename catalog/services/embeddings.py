"""Planning and storing content vectors. Nothing here computes them (that is catalog.jobs)."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray
from pgvector import HalfVector

from catalog.models import EmbeddingChunk, EmbeddingRun, Encoder, Product, ProductEmbedding
from catalog.vectors import live_encoder
from fashionrec.common.batching import batched
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.queue import enqueue

CHUNK_SIZE = 64

REST = timedelta(hours=1)
"""What failed a minute ago fails again: beat must not fill the table with failed runs. embed_catalog does not wait."""


@transaction.atomic
def register_encoder(*, name: str, digest: str, dimensions: int, live: bool | None = None) -> Encoder:
    """The row of an encoder. It becomes live when `live` is true, or when no encoder is live yet."""
    take_lock(Lock.EMBEDDING_PLAN)
    encoder, _ = Encoder.objects.get_or_create(name=name, digest=digest, defaults={"dimensions": dimensions})
    if live or (live is None and not Encoder.objects.filter(is_live=True).exists()):
        make_live(encoder=encoder)
    return encoder


@transaction.atomic
def make_live(*, encoder: Encoder) -> None:
    """Queries and similar products use this encoder's vectors from now on."""
    Encoder.objects.filter(is_live=True).exclude(pk=encoder.pk).update(is_live=False)
    Encoder.objects.filter(pk=encoder.pk).update(is_live=True)
    encoder.is_live = True


@transaction.atomic
def plan_embedding_run(*, encoder: Encoder) -> EmbeddingRun | None:
    """Queue a run over every dirty product, or return the open one; None when all vectors are fresh."""
    take_lock(Lock.EMBEDDING_PLAN)
    open_run = EmbeddingRun.objects.filter(encoder=encoder, state__in=EmbeddingRun.OPEN_STATES).first()
    if open_run is not None:
        enqueue(EmbeddingRun.task_name, str(open_run.pk))
        return open_run
    dirty = list(
        Product.objects.exclude(status=Product.Status.ARCHIVED)
        .dirty_for(encoder)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if not dirty:
        return None
    run = EmbeddingRun.objects.create(encoder=encoder, total=len(dirty))
    EmbeddingChunk.objects.bulk_create(
        [
            EmbeddingChunk(run=run, index=index, size=len(product_ids), product_ids=product_ids)
            for index, product_ids in enumerate(batched(dirty, CHUNK_SIZE))
        ]
    )
    enqueue(EmbeddingRun.task_name, str(run.pk))
    return run


def plan_due_embedding() -> EmbeddingRun | None:
    """For beat: a run over what the live encoder has to embed; none for REST after a run of it failed."""
    encoder = live_encoder()
    if encoder is None:
        return None
    latest = EmbeddingRun.objects.filter(encoder=encoder).order_by("-created_at").first()
    if latest is not None and latest.state == EmbeddingRun.State.FAILED and latest.created_at > timezone.now() - REST:
        return None
    return plan_embedding_run(encoder=encoder)


def store_vectors(
    *, encoder: Encoder, kind: str, products: Sequence[tuple[int, int]], vectors: NDArray[np.float32]
) -> int:
    """Store one vector per (product id, content version it was made from); returns how many rows were written.

    vectors: (N, D) float32, L2-normalised. A product that changed meanwhile keeps its rising content_version, so it
    stays dirty. Raises ValueError when shapes do not fit the encoder or a value is not finite.
    """
    if vectors.shape != (len(products), encoder.dimensions):
        raise ValueError(f"vectors: expected {(len(products), encoder.dimensions)}, received {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise ValueError(f"vectors: {int((~np.isfinite(vectors)).sum())} values are not finite")
    known = set(Product.objects.filter(pk__in=[pk for pk, _ in products]).values_list("pk", flat=True))
    rows = [
        ProductEmbedding(encoder=encoder, kind=kind, product_id=pk, content_version=version, vector=HalfVector(vector))
        for (pk, version), vector in zip(products, vectors, strict=True)
        if pk in known
    ]
    ProductEmbedding.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["encoder", "kind", "product"],
        update_fields=["vector", "content_version", "created_at"],
    )
    return len(rows)
