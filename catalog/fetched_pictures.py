"""Which pictures were fetched already, and for which products a later import names others."""

import sqlite3
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from catalog.models import ImageDownloadChunk, ImageDownloadRun


class FetchedPictures:
    """Address -> sha256 of what earlier downloads of a source found there.

    Read once, when the first address is asked for, into a private temporary database on disk: memory does not grow
    with the catalogue.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._database: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._database is not None:
            self._database.close()

    def digests(self, addresses: Iterable[str]) -> dict[str, str]:
        """sha256 of those addresses that were fetched."""
        found = {}
        for address in addresses:
            if self._database is None:
                self._database = self._read()
            row = self._database.execute("SELECT sha256 FROM fetched WHERE url = ?", (address,)).fetchone()
            if row is not None:
                found[address] = str(row[0])
        return found

    def _read(self) -> sqlite3.Connection:
        database = sqlite3.connect("", isolation_level=None)
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("CREATE TABLE fetched (url TEXT PRIMARY KEY, sha256 TEXT) WITHOUT ROWID")
        database.execute("BEGIN")
        chunks = ImageDownloadChunk.objects.filter(
            run__import_run__source=self._source, state=ImageDownloadChunk.State.DONE
        ).order_by("finished_at")
        for items in chunks.values_list("items", flat=True).iterator(chunk_size=50):
            rows = [(item["url"], item["sha256"]) for item in items if item.get("url") and item.get("sha256")]
            database.executemany("INSERT OR REPLACE INTO fetched VALUES (?, ?)", rows)
        return database


class SupersededProducts:
    """Products whose pictures a later import of the same source names anew, as far as it has come."""

    def __init__(self, run: ImageDownloadRun) -> None:
        self._later = ImageDownloadChunk.objects.filter(
            run__import_run__source=run.import_run.source, run__created_at__gt=run.created_at
        ).order_by("pk")
        self._seen = 0
        self._products: set[int] = set()

    def among(self, product_ids: Iterable[int]) -> set[int]:
        """Those of the products that are superseded by now; only what was planned since the last call is read."""
        chunks = self._later.filter(pk__gt=self._seen).values_list("pk", "items")
        for pk, items in chunks.iterator(chunk_size=50):
            self._seen = pk
            self._products.update(item["product"] for item in items)
        return self._products.intersection(product_ids)
