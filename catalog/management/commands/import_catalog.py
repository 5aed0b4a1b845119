"""`import_catalog PATH --format csv|jsonl|shopify|…`: products, pictures and issues out of a catalogue file."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from catalog.download_jobs import work_image_download_run
from catalog.formats import FORMATS
from catalog.jobs import work_import_run
from catalog.models import ImageDownloadRun, ImportIssue, ImportRun
from catalog.services.imports import parse_mapping, plan_import
from fashionrec.common.errors import AppError
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import release_if_holder_died


class Command(BaseCommand):
    help = (
        "Import a catalogue: a folder or a file, plain or .gz. The last line of output is JSON of the counts. "
        "Repeating an import changes nothing; a killed one carries on where it stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", help="the catalogue file, or the folder that holds it and its pictures")
        parser.add_argument("--format", required=True, help=" | ".join(FORMATS))
        parser.add_argument("--source", default="", help="first half of the products' ids (default: the file's name)")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help="for csv: the column of a field, as in title=ProductName; default: by the columns' names; "
            "for shopify: currency=EUR",
        )
        parser.add_argument("--encoding", default="utf-8", help="of the text (default: utf-8)")
        parser.add_argument(
            "--download", action="store_true", help="fetch pictures named by an address now; default: the worker does"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        try:
            with without_ringing():
                run = plan_import(
                    path=options["path"],
                    format=options["format"],
                    source=options["source"],
                    mapping=parse_mapping(options["map"]),
                    encoding=options["encoding"],
                )
                self._work(run)
                if options["download"]:
                    self._download(run)
        except AppError as error:
            raise CommandError(error.message) from error
        run.refresh_from_db()
        if run.state == ImportRun.State.FAILED:
            raise CommandError(run.error)
        self.stdout.write(json.dumps(_counts(run) | {"seconds": round(time.monotonic() - started, 2)}))

    def _work(self, run: ImportRun) -> None:
        """Do the work here; where a worker was faster, watch it."""
        if run.done:
            self.stderr.write(f"Carrying on after row {run.done} of {run.total}.")
        with tqdm(total=run.total or None, initial=run.done, unit=" rows", desc=f"import {run.source}") as bar:

            def show(current: ImportRun) -> None:
                bar.total = current.total
                bar.update(current.done - bar.n)

            while not work_import_run(str(run.pk), progress=show):
                run.refresh_from_db()
                show(run)
                if not run.is_open:
                    break
                if not release_if_holder_died(run):
                    time.sleep(0.5)

    def _download(self, run: ImportRun) -> None:
        for download in run.downloads.all():
            with tqdm(total=download.total, initial=download.done, unit=" pictures", desc="download") as bar:

                def show(current: ImageDownloadRun, bar: Any = bar) -> None:
                    bar.update(current.done - bar.n)

                work_image_download_run(str(download.pk), progress=show)


def _counts(run: ImportRun) -> dict[str, Any]:
    issues = ImportIssue.objects.filter(run=run)
    return {
        "run": str(run.pk),
        "source": run.source,
        "format": run.format,
        "state": run.state,
        "read": run.read,
        "created": run.created,
        "updated": run.updated,
        "unchanged": run.unchanged,
        "rejected": run.rejected,
        "issues": issues.count(),
        "warnings": issues.filter(severity=ImportIssue.Severity.WARNING).count(),
        "images": run.images,
    }
