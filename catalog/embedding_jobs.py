"""Worker-side work on content vectors: embedding a run's products, and the switch to another encoder at its end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import structlog
from django.conf import settings
from django.db import DatabaseError, OperationalError
from numpy.typing import NDArray

from catalog.images import ImageError, open_image
from catalog.ml.encoder import Encoder as EncoderModel
from catalog.ml.encoder import EncoderError, load_encoder
from catalog.ml.prefetch import map_ahead
from catalog.models import EmbeddingChunk, EmbeddingRun, Encoder, Product
from catalog.product_captions import caption_of
from catalog.services.chunk_vectors import finish_embedding_chunk, needs_encoding, reusable_vectors
from catalog.services.embeddings import fail_switch, register_encoder, swap_if_complete
from catalog.services.vector_index import ensure_vector_indexes, index_building
from fashionrec.common.batching import batched
from fashionrec.common.runs import fail_run, work_through_chunks

logger = structlog.get_logger(__name__)

PICTURES_AT_ONCE = 16
"""The model begins with the first pictures of a chunk while threads still decode the next."""


@lru_cache(maxsize=1)
def open_encoder(name: str) -> EncoderModel:
    """Loading weights takes seconds; a worker process keeps the last encoder it used."""
    return load_encoder(name, search=[Path(settings.DATA_DIR) / "encoders"])


def registered_encoder(name: str) -> Encoder:
    """The row of an encoder that can be loaded here. Raises EncoderError, or Invalid for a name that is too long."""
    model = open_encoder(name)
    return register_encoder(name=model.name, digest=model.digest, dimensions=model.dimensions, hybrid=model.hybrid)


def model_of(encoder: Encoder) -> EncoderModel:
    """The model that makes the vectors of `encoder`. Raises EncoderError when it cannot be loaded or has other weights.

    A folder may have been trained anew under its name since this process opened it: then it is opened again.
    """
    model = open_encoder(encoder.name)
    if model.digest != encoder.digest:
        open_encoder.cache_clear()
        model = open_encoder(encoder.name)
    if model.digest != encoder.digest:
        raise EncoderError(f"{encoder.name} now has weights {model.digest}, the vectors are of {encoder.digest}")
    return model


def work_embedding_run(run_id: str, *, on_chunk: Callable[[EmbeddingRun], None] | None = None) -> None:
    """Encode the pictures and texts of a run's products, chunk by chunk; at the end of a run that goes live, switch.

    An encoder that cannot be loaded, or has other weights by now, fails the run. What became dirty while the run
    worked is embedded before the switch, by a run of its own.
    """
    run = EmbeddingRun.objects.select_related("encoder").filter(pk=run_id).first()
    while run is not None:
        if run.is_open:
            _embed(run, on_chunk)
        elif not run.goes_live:
            return
        run = _finish(run)


def _embed(run: EmbeddingRun, on_chunk: Callable[[EmbeddingRun], None] | None) -> None:
    model = None
    if needs_encoding(encoder=run.encoder):
        try:
            model = model_of(run.encoder)
        except Exception as error:  # too little memory, a GPU that is away: beat would ring for it for ever
            logger.exception("encoder_not_opened", encoder=run.encoder.name)
            fail_run(run=run, error=f"encoder: {error or type(error).__name__}")
            return

    def process(run: EmbeddingRun, chunk: EmbeddingChunk) -> None:
        embed_chunk(run, chunk, model)
        if on_chunk:
            run.refresh_from_db()
            on_chunk(run)

    work_through_chunks(run, EmbeddingChunk.objects.filter(run=run), process, retry_on=(OperationalError,))


def _finish(run: EmbeddingRun) -> EmbeddingRun | None:
    """Indexes after a run, and the swap where it goes live; the run to go on with when products changed meanwhile."""
    if run.state != EmbeddingRun.State.DONE:
        return None
    encoder = Encoder.objects.get(pk=run.encoder_id)
    if not run.goes_live or encoder.is_live:
        ensure_vector_indexes(encoder=encoder)
        return None
    with index_building(encoder=encoder) as held:
        if not held:  # another process is at it
            return None
        try:
            ensure_vector_indexes(encoder=encoder, going_live=True)
        except DatabaseError as error:  # a full disk: beat would ring for it for ever
            logger.exception("index_not_made", encoder=encoder.name)
            fail_switch(run=run, error=f"index: {error}")
            return None
        return swap_if_complete(encoder=encoder)


@dataclass(frozen=True)
class _Pictures:
    """vectors: (N, D), any rows where `present` (N,) is false; unreadable: what was wrong with which picture."""

    vectors: NDArray[np.float32]
    present: NDArray[np.bool_]
    unreadable: list[str]


def embed_chunk(run: EmbeddingRun, chunk: EmbeddingChunk, model: EncoderModel | None) -> None:
    """Vectors of one chunk: text always, image where a picture opens, hybrid of what there is.

    Where the stored vectors of text and picture are those of the product's present content, only the hybrid is made
    anew. model: None where that is so for all; a product that changed since then stays dirty, for the next run.
    """
    products = list(
        Product.objects.filter(pk__in=chunk.product_ids)
        .select_related("brand", "category")
        .prefetch_related("images")
        .order_by("pk")
    )
    reusable = reusable_vectors(encoder=run.encoder, products=products)
    changed = [product for product in products if product.pk not in reusable] if model is not None else []
    texts = np.zeros((0, run.encoder.dimensions), dtype=np.float32)
    pictures = _Pictures(texts, np.zeros(0, dtype=bool), [])
    if model is not None and changed:
        texts = model.encode_texts([caption_of(product) for product in changed])
        pictures = _encoded_pictures(model, changed)
    finish_embedding_chunk(
        run=run,
        chunk=chunk,
        versions=[(product.pk, product.content_version) for product in changed],
        texts=texts,
        images=pictures.vectors,
        has_image=pictures.present,
        reusable=reusable,
        unreadable=pictures.unreadable,
    )


def _encoded_pictures(model: EncoderModel, products: Sequence[Product]) -> _Pictures:
    vectors = np.zeros((len(products), model.dimensions), dtype=np.float32)
    present = np.zeros(len(products), dtype=bool)
    unreadable: list[str] = []
    read = map_ahead(partial(_first_picture, model), products)
    for part in batched(enumerate(read), PICTURES_AT_ONCE):
        rows = [row for row, (pixels, _) in part if pixels is not None]
        if rows:
            vectors[rows] = model.encode_pixels(np.stack([pixels for _, (pixels, _) in part if pixels is not None]))
            present[rows] = True
        unreadable += [line for _, (_, lines) in part for line in lines]
    return _Pictures(vectors, present, unreadable)


def _first_picture(model: EncoderModel, product: Product) -> tuple[NDArray[np.float32] | None, list[str]]:
    """What the model sees of a product's first picture that opens, and what is wrong with those before it.

    Works on a thread: reads files only, the rows are there already.
    """
    unreadable: list[str] = []
    for image in product.images.all():
        try:
            with image.file.open("rb") as stream:
                return model.preprocess(open_image(stream.read(), name=str(image.file.name))), unreadable
        except (ImageError, OSError) as error:
            unreadable.append(f"{product.public_id}: {error}")
            logger.warning("picture_unreadable", product=product.public_id, file=image.file.name, error=str(error))
    return None, unreadable
