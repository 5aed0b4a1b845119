"""The vectors of one chunk of an embedding run: which are there already, and storing the new ones with its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef
from numpy.typing import NDArray
from psycopg import sql

from catalog.ml.hybrid import hybrid_vectors
from catalog.models import EmbeddingChunk, EmbeddingRun, Encoder, Product, ProductEmbedding
from catalog.services.embeddings import store_vectors
from catalog.vectors import stored_vectors
from fashionrec.common.runs import finish_chunk

Kind = ProductEmbedding.Kind


@dataclass(frozen=True)
class Reusable:
    """Vectors of a product's present content; image None where no picture opened."""

    content_version: int
    text: NDArray[np.float32]
    image: NDArray[np.float32] | None


def needs_encoding(*, encoder: Encoder) -> bool:
    """Whether any product's text or picture has to be encoded; else only hybrid vectors are to be mixed anew."""
    fresh = ProductEmbedding.objects.filter(
        product=OuterRef("pk"), encoder=encoder, kind=Kind.TEXT, content_version=OuterRef("content_version")
    )
    products = Product.objects.exclude(status=Product.Status.ARCHIVED)
    return products.dirty_for(encoder).filter(~Exists(fresh)).exists()


def reusable_vectors(*, encoder: Encoder, products: Sequence[Product]) -> dict[int, Reusable]:
    """By primary key, of the products whose text vector is of their present content. Texts and pictures are stored
    together, so then a missing image vector means that no picture opened."""
    fresh = ProductEmbedding.objects.filter(
        encoder=encoder, product__in=products, content_version=F("product__content_version")
    )
    with_text = list(fresh.filter(kind=Kind.TEXT).values_list("product_id", flat=True))
    if not with_text:
        return {}
    with_image = set(fresh.filter(kind=Kind.IMAGE).values_list("product_id", flat=True))
    texts = stored_vectors(encoder=encoder, kind=Kind.TEXT, product_ids=with_text)
    images = stored_vectors(encoder=encoder, kind=Kind.IMAGE, product_ids=with_text)
    version_of = {product.pk: product.content_version for product in products}
    return {
        pk: Reusable(version_of[pk], text, image if pk in with_image else None)
        for pk, text, image in zip(with_text, texts, images, strict=True)
    }


@transaction.atomic
def finish_embedding_chunk(
    *,
    run: EmbeddingRun,
    chunk: EmbeddingChunk,
    versions: Sequence[tuple[int, int]],
    texts: NDArray[np.float32],
    images: NDArray[np.float32],
    has_image: NDArray[np.bool_],
    reusable: Mapping[int, Reusable],
    unreadable: Sequence[str] = (),
) -> None:
    """Store new vectors of texts and pictures, hybrids of them and of the reusable ones, and close the chunk.

    versions: N pairs of product id and content version; texts, images: (N, D); has_image: (N,).
    Hybrids are mixed here, behind a lock on the encoder's weight, so that one of the old weight never comes after the
    new weight was set. unreadable: kept as the chunk's note. Raises LeaseLost when the chunk is no longer ours.
    """
    encoder, image_weight = run.encoder, _locked_image_weight(run.encoder_id)
    with finish_chunk(run, chunk):
        with_image = [pair for pair, present in zip(versions, has_image, strict=True) if present]
        store_vectors(encoder=encoder, kind=Kind.TEXT, products=versions, vectors=texts)
        store_vectors(encoder=encoder, kind=Kind.IMAGE, products=with_image, vectors=images[has_image])
        # The vector of a picture that is gone, or no longer opens, would go on being found.
        without = [pk for (pk, _), present in zip(versions, has_image, strict=True) if not present]
        ProductEmbedding.objects.filter(encoder=encoder, kind=Kind.IMAGE, product_id__in=without).delete()
        kept = [(pk, known.content_version) for pk, known in reusable.items()]
        empty = np.zeros((len(kept), encoder.dimensions), dtype=np.float32)
        rows = reusable.values()
        kept_images = np.array([empty[0] if row.image is None else row.image for row in rows]) if kept else empty
        store_vectors(
            encoder=encoder,
            kind=Kind.HYBRID,
            products=[*versions, *kept],
            vectors=hybrid_vectors(
                np.concatenate([images, kept_images]),
                np.concatenate([texts, np.array([row.text for row in rows]) if kept else empty]),
                np.concatenate([has_image, np.array([row.image is not None for row in rows], dtype=bool)]),
                image_weight,
            ),
        )
    if unreadable:
        EmbeddingChunk.objects.filter(pk=chunk.pk).update(error="\n".join(unreadable))


def _locked_image_weight(encoder_id: int) -> float:
    """Chunks share this lock with each other; setting the weight waits for them, and they for it."""
    with connection.cursor() as cursor:
        statement = sql.SQL("SELECT image_weight FROM {} WHERE id = %s FOR SHARE")
        cursor.execute(statement.format(sql.Identifier(Encoder._meta.db_table)), [encoder_id])
        return float(cursor.fetchone()[0])
