"""Downloads of pictures: planned with the rows that name them, stored with the chunk that fetched them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db.models import F

from catalog.fetched_pictures import SupersededProducts
from catalog.models import ImageDownloadChunk, ImageDownloadRun, ImportIssue, ImportRun
from catalog.pictures import Picture, known_pictures
from catalog.services.product_batches import lock_source, write_pictures
from fashionrec.common.queue import enqueue
from fashionrec.common.runs import finish_chunk

CHUNK_PICTURES = 16
"""Pictures to fetch per chunk, about: a product's pictures stay together. Few, so that a kill repeats little."""

Item = dict[str, Any]
"""One picture of a product, in the product's order: product, row, position, alt, sha256 ("" while it is not stored)
and `url`, or `file` where it came with the catalogue."""


def to_fetch(items: Iterable[Item]) -> list[Item]:
    return [item for item in items if item.get("url") and not item["sha256"]]


def plan_downloads(*, import_run: ImportRun, products: Sequence[list[Item]]) -> None:
    """Chunks for the pictures that these products lack; each list has all pictures of one product.

    While an earlier download of the source is open, products that lack none are planned too: else it would not know
    that their pictures are others by now. Must run in the transaction that stores the products. Nobody works on the
    download until the import has ended.
    """
    earlier = ImageDownloadRun.objects.filter(
        import_run__source=import_run.source, state__in=ImageDownloadRun.OPEN_STATES
    ).exclude(import_run=import_run)
    is_alone = not earlier.exists()
    products = [items for items in products if to_fetch(items) or (items and not is_alone)]
    if not products:
        return
    run, _ = ImageDownloadRun.objects.get_or_create(import_run=import_run)
    index = run.chunks.count()
    chunks = [
        ImageDownloadChunk(run=run, index=index + offset, items=items, size=len(to_fetch(items)))
        for offset, items in enumerate(_in_chunks(products))
    ]
    ImageDownloadChunk.objects.bulk_create(chunks)
    ImageDownloadRun.objects.filter(pk=run.pk).update(total=F("total") + sum(chunk.size for chunk in chunks))


def ring_for_downloads(*, import_run: ImportRun) -> None:
    """Send the pictures' download on its way, once its import has ended."""
    for run in import_run.downloads.filter(state__in=ImageDownloadRun.OPEN_STATES):
        enqueue(run.task_name, str(run.pk))


def store_downloads(
    *,
    run: ImageDownloadRun,
    chunk: ImageDownloadChunk,
    pictures: Mapping[str, Picture],
    failures: Mapping[str, str],
    superseded: SupersededProducts,
) -> None:
    """What came of a chunk: its products' pictures and a warning for each address that brought none.

    pictures, failures: by address. A product whose pictures all arrived has these and no others from now on; of one
    that lacks some, the stored ones stay. `superseded` products are left alone. Raises LeaseLost, storing nothing.
    """
    with finish_chunk(run, chunk):
        lock_source(run.import_run.source)
        # Asked under the lock: an import may have come on while the pictures were fetched.
        passed_over = superseded.among(item["product"] for item in chunk.items)
        for item in to_fetch(chunk.items):
            if item["url"] in pictures:
                item["sha256"] = pictures[item["url"]].sha256
            elif item["product"] not in passed_over:
                item["error"] = failures[item["url"]]
        stored = known_pictures({item["sha256"] for item in chunk.items if item["sha256"]})
        stored |= {picture.sha256: picture for picture in pictures.values()}
        wanted: dict[int, list[Picture]] = {}
        incomplete = set()
        for item in chunk.items:
            if item["product"] in passed_over:
                continue
            listed = wanted.setdefault(item["product"], [])
            if item["sha256"] in stored:
                listed.append(stored[item["sha256"]].shown_as(item["alt"]))
            else:
                incomplete.add(item["product"])
        new = write_pictures(wanted=wanted, keep_others=incomplete)
        ImportIssue.objects.bulk_create(_issues(run, chunk.items))
        ImportRun.objects.filter(pk=run.import_run_id).update(images=F("images") + new)
        chunk.save(update_fields=["items"])


def _in_chunks(products: Sequence[list[Item]]) -> Iterator[list[Item]]:
    gathered: list[Item] = []
    for items in products:
        if gathered and len(to_fetch(gathered)) + len(to_fetch(items)) > CHUNK_PICTURES:
            yield gathered
            gathered = []
        gathered = gathered + items
    if gathered:
        yield gathered


def _issues(run: ImageDownloadRun, items: list[Item]) -> Iterator[ImportIssue]:
    for item in items:
        if item.get("error"):
            yield ImportIssue(
                run=run.import_run,
                row=item["row"],
                severity=ImportIssue.Severity.WARNING,
                field="images",
                value=item["url"],
                reason=item["error"][:300],
            )
