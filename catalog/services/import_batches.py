"""Committing a batch of rows together with the run's counters: a killed import neither repeats nor loses a row."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction
from django.db.models import F

from catalog.images import ImageError
from catalog.models import ImportIssue, ImportRun
from catalog.pictures import Picture, known_pictures, read_within, store_picture
from catalog.product_data import ProductData
from catalog.services.product_batches import ProductWrite, write_products
from fashionrec.common.errors import FieldError
from fashionrec.common.runs import advance


@dataclass(slots=True)
class CheckedRow:
    """A row after parsing; rejected when it has no data."""

    number: int
    data: ProductData | None = None
    errors: list[FieldError] = field(default_factory=list)
    warnings: list[FieldError] = field(default_factory=list)


def import_batch(run: ImportRun, rows: Sequence[CheckedRow], *, folder: Path | None) -> None:
    """Store the rows' products, pictures and issues, and count them. Raises LeaseLost, having stored nothing."""
    pictures = _store_pictures(rows, folder)  # slow, and harmless to repeat: before the transaction
    good = [row for row in rows if row.data is not None]
    with transaction.atomic():
        written = write_products(source=run.source, writes=[_write(row, pictures) for row in good])
        ImportIssue.objects.bulk_create(issue for row in rows for issue in _issues(run, row))
        outcomes = [entry.outcome for entry in written]
        advance(
            run,
            done=rows[-1].number,
            read=F("read") + len(rows),
            created=F("created") + outcomes.count("created"),
            updated=F("updated") + outcomes.count("updated"),
            unchanged=F("unchanged") + outcomes.count("unchanged"),
            rejected=F("rejected") + len(rows) - len(good),
            images=F("images") + sum(entry.new_pictures for entry in written),
        )


def _write(row: CheckedRow, pictures: dict[str, Picture]) -> ProductWrite:
    if row.data is None:
        raise ValueError(f"row {row.number}: rejected rows are not written")
    if row.data.images is None:
        return ProductWrite(row.data)
    found = [pictures[name] for name in row.data.images if name in pictures]
    return ProductWrite(row.data, pictures=found, keep_other_pictures=len(found) < len(row.data.images))


def _store_pictures(rows: Sequence[CheckedRow], folder: Path | None) -> dict[str, Picture]:
    """File name -> picture; a file that cannot be used becomes a warning of its row.

    Every file is read for its digest, but only new ones are decoded, and one at a time: contents are not kept.
    """
    digests: dict[str, str] = {}
    wanting: dict[str, list[CheckedRow]] = {}
    for row in rows:
        for name in (row.data.images or ()) if row.data else ():
            wanting.setdefault(name, []).append(row)
            if folder is None:
                row.warnings.append(FieldError("image", name[:200], "an uploaded file comes without pictures"))
            elif name not in digests:
                try:
                    digests[name] = hashlib.sha256(read_within(folder, name)).hexdigest()
                except ImageError as error:
                    _warn(wanting[name], name, error)
    known = known_pictures(set(digests.values()))
    pictures: dict[str, Picture] = {}
    for name, digest in digests.items():
        try:
            if digest not in known and folder is not None:
                known[digest] = store_picture(read_within(folder, name), name=name)
            pictures[name] = known[digest]
        except ImageError as error:
            _warn(wanting[name], name, error)
    return pictures


def _warn(rows: list[CheckedRow], name: str, error: ImageError) -> None:
    for row in rows:
        row.warnings.append(FieldError("image", name[:200], error.reason))


def _issues(run: ImportRun, row: CheckedRow) -> Iterator[ImportIssue]:
    for severity, problems in (("rejected", row.errors), ("warning", row.warnings)):
        for problem in problems:
            yield ImportIssue(
                run=run,
                row=row.number,
                severity=severity,
                field=_storable(problem.field)[:100],
                value=_storable(str(problem.value)),
                reason=_storable(problem.reason)[:300],
            )


def _storable(text: str) -> str:
    """Without what Postgres refuses: an issue must never be the reason that an import fails."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
