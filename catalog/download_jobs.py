"""Worker-side fetching of pictures that a catalogue names by their addresses."""

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import structlog
from django.conf import settings
from django.db import OperationalError

from catalog.fetched_pictures import SupersededProducts
from catalog.image_addresses import AllowedHosts
from catalog.image_download import FetchError, ImageFetcher
from catalog.images import ImageError
from catalog.models import ImageDownloadChunk, ImageDownloadRun
from catalog.pictures import Picture, store_picture
from catalog.services.image_downloads import store_downloads, to_fetch
from fashionrec.common.runs import work_through_chunks

logger = structlog.get_logger(__name__)

AT_ONCE = 8
"""Pictures fetched at once by one worker; catalog.image_download.PER_HOST of them from one host."""
_LOOK_FOR_CANCEL_SECONDS = 1.0


def work_image_download_run(run_id: str, *, progress: Callable[[ImageDownloadRun], None] | None = None) -> bool:
    """Fetch the rest of a run's pictures, chunk by chunk; False when it has ended or its import has not.

    A picture that cannot be fetched or opened becomes a warning of its row. `progress` is called after every chunk.
    """
    run = ImageDownloadRun.objects.select_related("import_run").filter(pk=run_id).first()
    if run is None or not run.is_open or run.import_run.is_open:
        return False
    fetcher = ImageFetcher(allowed=AllowedHosts.of(settings.FASHIONREC["IMAGE_HOSTS_ALLOWED"]))
    superseded_products = SupersededProducts(run)

    def process(run: ImageDownloadRun, chunk: ImageDownloadChunk) -> None:
        superseded = superseded_products.among(item["product"] for item in chunk.items)
        addresses = [item["url"] for item in to_fetch(chunk.items) if item["product"] not in superseded]
        pictures, failures = _fetched(run, fetcher, list(dict.fromkeys(addresses)))
        if run.cancel_requested:
            return  # nothing of the chunk is kept: the run is closed as cancelled
        store_downloads(run=run, chunk=chunk, pictures=pictures, failures=failures, superseded=superseded_products)
        if progress:
            run.refresh_from_db()
            progress(run)

    work_through_chunks(run, ImageDownloadChunk.objects.filter(run=run), process, retry_on=(OperationalError,))
    return True


def _fetched(
    run: ImageDownloadRun, fetcher: ImageFetcher, addresses: list[str]
) -> tuple[dict[str, Picture], dict[str, str]]:
    """Pictures and reasons for their absence, by address; looks every second whether the run is to stop."""
    pictures: dict[str, Picture] = {}
    failures: dict[str, str] = {}
    decoding = threading.Lock()  # one large picture in memory at a time
    fetcher.resume()  # a chunk that failed has stopped it; what it knows of hosts is kept

    def fetch(address: str) -> Picture:
        content = fetcher.fetch(address)
        with decoding:
            return store_picture(content, name=address)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="picture") as threads:
        pending: dict[Future[Picture], str] = {threads.submit(fetch, address): address for address in addresses}
        waiting = set(pending)
        try:
            while waiting:
                finished, waiting = wait(waiting, _LOOK_FOR_CANCEL_SECONDS, FIRST_COMPLETED)
                for future in finished:
                    try:
                        pictures[pending[future]] = future.result()
                    except (FetchError, ImageError) as error:
                        failures[pending[future]] = getattr(error, "reason", str(error))
                if not finished:
                    run.refresh_from_db(fields=["cancel_requested"])
                if run.cancel_requested:
                    fetcher.stop()
        except BaseException:
            fetcher.stop()
            raise
    logger.info("pictures_fetched", run=str(run.pk), fetched=len(pictures), failed=len(failures))
    return pictures, failures
