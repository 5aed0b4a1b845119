"""What a person decides about an encoder: that it takes over, how much pictures count in it, that it is given up."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from catalog.models import EmbeddingRun, Encoder, ProductEmbedding
from catalog.services.embeddings import pending_switch, plan_embedding_run
from catalog.services.vector_index import drop_vector_indexes
from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.locks import Lock, take_lock


def switch_encoder(*, encoder: Encoder) -> EmbeddingRun:
    """Embed the catalogue with `encoder` beside the vectors that answer now, and swap when the last one is there.

    Raises Conflict when it is live already.
    """
    encoder.refresh_from_db(fields=["is_live"])
    run = None if encoder.is_live else plan_embedding_run(encoder=encoder, goes_live=True)
    if run is None:
        raise Conflict.for_field("encoder", encoder.name, "is live already")
    return run


def retire_vectors(*, encoder: Encoder) -> int:
    """Delete an encoder's vectors, then its indexes; returns how many vectors there were. Safe to repeat.

    Raises Conflict for the live encoder, one that is about to be, and one that is being embedded. Cannot run inside a
    transaction (DROP INDEX CONCURRENTLY refuses).
    """
    with transaction.atomic():
        take_lock(Lock.EMBEDDING_PLAN)
        encoder.refresh_from_db(fields=["is_live"])
        if encoder.is_live:
            raise Conflict.for_field("encoder", encoder.name, "is live: switch to another encoder first")
        pending = pending_switch()
        if pending is not None and pending.encoder_id == encoder.pk:
            raise Conflict.for_field("encoder", encoder.name, "is about to go live: cancel its embedding run first")
        if encoder.runs.filter(state__in=EmbeddingRun.OPEN_STATES).exists():
            raise Conflict.for_field("encoder", encoder.name, "has an open embedding run: cancel it first")
        deleted, _ = ProductEmbedding.objects.filter(encoder=encoder).delete()
    drop_vector_indexes(encoder=encoder)
    return deleted


@transaction.atomic
def set_image_weight(*, encoder: Encoder, image_weight: float, tuning: Mapping[str, Any]) -> int:
    """Store the picture's share in an encoder's hybrid vectors; returns how many vectors have to be made anew.

    Vectors of the old weight lose the content version they were made from: they are dirty from this commit on, still
    answer, and the next embedding run replaces them out of the stored vectors of pictures and texts.
    Raises Invalid for a weight outside 0..1.
    """
    if not 0 <= image_weight <= 1:
        raise Invalid.for_field("image_weight", str(image_weight), "must be within 0..1")
    before = Encoder.objects.select_for_update(no_key=True).get(pk=encoder.pk).image_weight
    encoder.image_weight, encoder.tuning = image_weight, dict(tuning)
    encoder.save(update_fields=["image_weight", "tuning"])
    if image_weight == before:
        return 0
    return ProductEmbedding.objects.filter(encoder=encoder, kind=ProductEmbedding.Kind.HYBRID).update(content_version=0)
