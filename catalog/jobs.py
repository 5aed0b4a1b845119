"""Worker-side work on the catalogue."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import numpy as np
import structlog
from django.conf import settings
from django.db import OperationalError
from PIL import Image

from catalog.formats import Row
from catalog.formats.first_rows import FirstRows
from catalog.images import ImageError, open_image
from catalog.ml.captions import product_caption
from catalog.ml.encoder import Encoder as EncoderModel
from catalog.ml.encoder import EncoderError, load_encoder
from catalog.ml.hybrid import hybrid_vector
from catalog.models import (
    Brand,
    Category,
    EmbeddingChunk,
    EmbeddingRun,
    ImportRun,
    Product,
    ProductImage,
    Variant,
)
from catalog.product_parsing import parse_product
from catalog.services.embeddings import store_vectors
from catalog.services.import_batches import CheckedRow, import_batch
from catalog.services.imports import open_rows, pictures_folder
from catalog.services.planner_statistics import refresh_planner_statistics
from catalog.services.vector_index import ensure_vector_indexes
from fashionrec.common.batching import batched
from fashionrec.common.errors import FieldError
from fashionrec.common.runs import check_held, fail_run, finish_chunk, hold_run, work_through_chunks

logger = structlog.get_logger(__name__)

IMPORT_BATCH = 200


def work_import_run(run_id: str, *, progress: Callable[[ImportRun], None] | None = None) -> bool:
    """Read the rest of an import; False when another process holds it or it has ended.

    `progress` is called after every batch. Raises Invalid when the file as a whole cannot be read any more.
    """
    with hold_run(ImportRun, run_id) as run:
        if run is None:
            return False
        if not run.total:
            with open_rows(run) as rows:
                run.total = sum(1 for _ in rows)
            ImportRun.objects.filter(pk=run.pk).update(total=run.total)
        with ExitStack() as stack:
            rows = stack.enter_context(open_rows(run))
            first_rows = stack.enter_context(FirstRows())
            folder = pictures_folder(run)
            # Rows that an earlier attempt committed are read again, for later ones may repeat their ids.
            remaining = (row for row in _checked(rows, first_rows) if row.number > run.done)
            for batch in batched(remaining, IMPORT_BATCH):
                check_held(run)
                import_batch(run, batch, folder=folder)
                if progress:
                    progress(run)
        refresh_planner_statistics(Product, Variant, ProductImage, Brand, Category)
    return True


def _checked(rows: Iterator[Row], first_rows: FirstRows) -> Iterator[CheckedRow]:
    for row in rows:
        if row.error:
            yield CheckedRow(row.number, errors=[row.error])
            continue
        parsed = parse_product(row.record)
        if parsed.data is not None:
            first = first_rows.claim(parsed.data.external_id, row.number)
            if first != row.number:
                reason = f"already in row {first} of this file"
                parsed.errors.append(FieldError("external_id", parsed.data.external_id, reason))
                parsed.data = None
        yield CheckedRow(row.number, data=parsed.data, errors=parsed.errors, warnings=parsed.warnings)


@lru_cache(maxsize=1)
def open_encoder(name: str) -> EncoderModel:
    """Loading weights takes seconds; a worker process keeps the last encoder it used."""
    return load_encoder(name, search=[Path(settings.DATA_DIR) / "encoders"])


def work_embedding_run(run_id: str, *, on_chunk: Callable[[EmbeddingRun], None] | None = None) -> None:
    """Encode the pictures and texts of a run's products, chunk by chunk.

    An encoder that cannot be loaded, or has other weights by now, fails the run.
    """
    run = EmbeddingRun.objects.select_related("encoder").filter(pk=run_id).first()
    if run is None or not run.is_open:
        return
    try:
        model = open_encoder(run.encoder.name)
    except EncoderError as error:
        fail_run(run=run, error=f"encoder: {error}")
        return
    if model.digest != run.encoder.digest:
        reason = f"{run.encoder.name} now has weights {model.digest}, the run wants {run.encoder.digest}"
        fail_run(run=run, error=f"encoder: {reason}")
        return

    def process(run: EmbeddingRun, chunk: EmbeddingChunk) -> None:
        embed_chunk(run, chunk, model)
        if on_chunk:
            run.refresh_from_db()
            on_chunk(run)

    work_through_chunks(run, EmbeddingChunk.objects.filter(run=run), process, retry_on=(OperationalError,))
    if run.state == EmbeddingRun.State.DONE:
        ensure_vector_indexes(encoder=run.encoder)


def embed_chunk(run: EmbeddingRun, chunk: EmbeddingChunk, model: EncoderModel) -> None:
    """Vectors of one chunk: text always, image where a picture opens, hybrid of what there is."""
    products = list(
        Product.objects.filter(pk__in=chunk.product_ids)
        .select_related("brand", "category")
        .prefetch_related("images")
        .order_by("pk")
    )
    versions = [(product.pk, product.content_version) for product in products]
    texts = model.encode_texts([_caption(product) for product in products])
    pictures = [(row, picture) for row, product in enumerate(products) if (picture := _first_picture(product))]
    images = model.encode_images([picture for _, picture in pictures]) if pictures else None
    image_of = {row: images[position] for position, (row, _) in enumerate(pictures)} if images is not None else {}
    hybrid = np.stack([hybrid_vector(image_of.get(row), texts[row]) for row in range(len(products))])
    with finish_chunk(run, chunk):
        store_vectors(encoder=run.encoder, kind="text", products=versions, vectors=texts)
        if images is not None:
            with_picture = [versions[row] for row, _ in pictures]
            store_vectors(encoder=run.encoder, kind="image", products=with_picture, vectors=images)
        store_vectors(encoder=run.encoder, kind="hybrid", products=versions, vectors=hybrid)


def _caption(product: Product) -> str:
    return product_caption(
        title=product.title,
        brand=product.brand.name if product.brand else "",
        category=product.category.name if product.category else "",
        gender=product.gender,
        colour=product.colour,
        pattern=product.pattern,
        material=product.material,
    )


def _first_picture(product: Product) -> Image.Image | None:
    for image in product.images.all():
        try:
            with image.file.open("rb") as stream:
                return open_image(stream.read())
        except (ImageError, OSError) as error:
            logger.warning("picture_unreadable", product=product.public_id, file=image.file.name, error=str(error))
    return None
