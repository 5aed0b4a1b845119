"""Planning and storing content vectors. Nothing here computes them (that is catalog.embedding_jobs)."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray
from pgvector import HalfVector

from catalog.models import EmbeddingChunk, EmbeddingRun, Encoder, Product, ProductEmbedding
from catalog.vectors import live_encoder
from fashionrec.common.batching import batched
from fashionrec.common.errors import Invalid
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.queue import enqueue

CHUNK_SIZE = 64

REST = timedelta(hours=1)
"""What failed a minute ago fails again: beat must not fill the table with failed runs. embed_catalog does not wait."""


@transaction.atomic
def register_encoder(
    *, name: str, digest: str, dimensions: int, live: bool | None = None, hybrid: Mapping[str, Any] | None = None
) -> Encoder:
    """The row of an encoder. It becomes live when `live` is true, or when no encoder is live yet.

    hybrid: {"image_weight", "measured"} of the training that made it; taken over by a new row, while a known one keeps
    what was chosen for it since. Raises Invalid for a name that is too long or a weight outside 0..1.
    """
    take_lock(Lock.EMBEDDING_PLAN)
    longest = Encoder._meta.get_field("name").max_length or 0
    if len(name) > longest:
        raise Invalid.for_field("encoder", name, f"the name has {len(name)} letters, at most {longest} are stored")
    tuned = _tuned(hybrid) if hybrid else {}
    encoder, _ = Encoder.objects.get_or_create(name=name, digest=digest, defaults={"dimensions": dimensions} | tuned)
    if live or (live is None and not Encoder.objects.filter(is_live=True).exists()):
        make_live(encoder=encoder)
    return encoder


def _tuned(hybrid: Mapping[str, Any]) -> dict[str, Any]:
    weight = hybrid.get("image_weight")
    if not isinstance(weight, int | float) or not 0 <= weight <= 1:
        raise Invalid.for_field("image_weight", str(weight), "the encoder's hybrid weight must be within 0..1")
    return {"image_weight": float(weight), "tuning": {"measured_on": "the training's validation part", **hybrid}}


@transaction.atomic
def make_live(*, encoder: Encoder) -> None:
    """Queries and similar products use this encoder's vectors from now on; earlier wishes for another are void."""
    EmbeddingRun.objects.filter(goes_live=True).exclude(encoder=encoder).update(goes_live=False)
    Encoder.objects.filter(is_live=True).exclude(pk=encoder.pk).update(is_live=False)
    Encoder.objects.filter(pk=encoder.pk).update(is_live=True)
    encoder.is_live = True


@transaction.atomic
def plan_embedding_run(*, encoder: Encoder, goes_live: bool = False) -> EmbeddingRun | None:
    """Queue a run over every dirty product, or return the open one; None when all vectors are fresh.

    goes_live: when nothing is left to embed, the encoder answers queries in the place of the live one. Of two such
    wishes the later one holds. With nothing to embed the run is an empty one, which only switches.
    """
    take_lock(Lock.EMBEDDING_PLAN)
    encoder.refresh_from_db(fields=["is_live"])
    switches = goes_live and not encoder.is_live
    if switches:
        EmbeddingRun.objects.filter(goes_live=True).exclude(encoder=encoder).update(goes_live=False)
    # One that was asked to stop only ends its chunk: a wish put on it would end with it.
    working = EmbeddingRun.objects.filter(state__in=EmbeddingRun.OPEN_STATES, cancel_requested=False)
    planned = working.filter(encoder=encoder).first()
    dirty = [] if planned else _dirty(encoder)
    if planned is None and switches and not dirty:
        planned = pending_switch()
    if planned is not None:
        if switches and not planned.goes_live:
            planned.goes_live = True
            planned.save(update_fields=["goes_live"])
        enqueue(EmbeddingRun.task_name, str(planned.pk))
        return planned
    if not dirty and not switches:
        return None
    run = EmbeddingRun.objects.create(encoder=encoder, total=len(dirty), goes_live=switches)
    EmbeddingChunk.objects.bulk_create(
        [
            EmbeddingChunk(run=run, index=index, size=len(product_ids), product_ids=product_ids)
            for index, product_ids in enumerate(batched(dirty, CHUNK_SIZE))
        ]
    )
    enqueue(EmbeddingRun.task_name, str(run.pk))
    return run


@transaction.atomic
def swap_if_complete(*, encoder: Encoder) -> EmbeddingRun | None:
    """Make an encoder live whose vectors are all there; else the run over what became dirty meanwhile.

    None also when the switch is off: a later wish took its place, or a person cancelled it.
    """
    take_lock(Lock.EMBEDDING_PLAN)
    pending = pending_switch()
    if pending is None or pending.encoder_id != encoder.pk:
        return None
    if pending.is_open or _dirty(encoder):
        return plan_embedding_run(encoder=encoder, goes_live=True)
    make_live(encoder=encoder)
    return None


def fail_switch(*, run: EmbeddingRun, error: str) -> None:
    """Close a run as failed whose vectors are all there, but whose encoder cannot go live: a person has to look."""
    EmbeddingRun.objects.filter(pk=run.pk).update(state=EmbeddingRun.State.FAILED, error=error)


def pending_switch() -> EmbeddingRun | None:
    """The run by which an encoder is on its way to go live: open, or done with the swap still to come."""
    latest = EmbeddingRun.objects.filter(goes_live=True).select_related("encoder").order_by("-created_at").first()
    under_way = [*EmbeddingRun.OPEN_STATES, EmbeddingRun.State.DONE]
    if latest is None or latest.encoder.is_live or latest.state not in under_way:
        return None
    return latest


def plan_due_embedding() -> EmbeddingRun | None:
    """For beat: a run over what the live encoder has to embed; none for REST after a run of it failed.

    Rings for a switch whose worker died between its last vector and the swap.
    """
    pending = pending_switch()
    if pending is not None and not pending.is_open:
        enqueue(EmbeddingRun.task_name, str(pending.pk))
    encoder = live_encoder()
    if encoder is None:
        return None
    latest = EmbeddingRun.objects.filter(encoder=encoder).order_by("-created_at").first()
    if latest is not None and latest.state == EmbeddingRun.State.FAILED and latest.created_at > timezone.now() - REST:
        return None
    return plan_embedding_run(encoder=encoder)


def _dirty(encoder: Encoder) -> list[int]:
    products = Product.objects.exclude(status=Product.Status.ARCHIVED).dirty_for(encoder)
    return list(products.order_by("pk").values_list("pk", flat=True))


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
