"""Worker-side work on the catalogue: reading imports."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from catalog.fetched_pictures import FetchedPictures
from catalog.formats import Row
from catalog.formats.first_rows import FirstRows
from catalog.models import (
    Brand,
    Category,
    ImportRun,
    Product,
    ProductImage,
    Variant,
)
from catalog.product_parsing import parse_product
from catalog.services.image_downloads import ring_for_downloads
from catalog.services.import_batches import CheckedRow, import_batch
from catalog.services.imports import count_file_rows, open_rows, pictures_folder
from catalog.services.planner_statistics import refresh_planner_statistics
from fashionrec.common.batching import batched
from fashionrec.common.errors import FieldError
from fashionrec.common.runs import advance, check_held, hold_run

IMPORT_BATCH = 200


def work_import_run(run_id: str, *, progress: Callable[[ImportRun], None] | None = None) -> bool:
    """Read the rest of an import; False when another process holds it or it has ended.

    `progress` is called after every batch. Raises Invalid when the file as a whole cannot be read any more.
    """
    with hold_run(ImportRun, run_id) as run:
        if run is None:
            return False
        if not run.total:
            run.total = count_file_rows(run)
            ImportRun.objects.filter(pk=run.pk).update(total=run.total)
        with ExitStack() as stack:
            rows = stack.enter_context(open_rows(run))
            first_rows = stack.enter_context(FirstRows())
            fetched = stack.enter_context(FetchedPictures(run.source))
            folder = pictures_folder(run)
            # Rows that an earlier attempt committed are read again, for later ones may repeat their ids.
            remaining = (row for row in _checked(rows, first_rows) if row.number > run.done)
            for batch in batched(remaining, IMPORT_BATCH):
                check_held(run)
                import_batch(run, batch, folder=folder, fetched=fetched)
                if progress:
                    progress(run)
        if run.done < run.total:  # the last rows brought more of an earlier row's product
            advance(run, done=run.total)
        refresh_planner_statistics(Product, Variant, ProductImage, Brand, Category)
    ring_for_downloads(import_run=run)
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
        yield CheckedRow(row.number, parsed.data, parsed.errors, parsed.warnings, row.warnings, row.origins)
