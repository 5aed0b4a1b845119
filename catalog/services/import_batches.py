"""Committing a batch of rows together with the run's counters: a killed import neither repeats nor loses a row."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F

from catalog.fetched_pictures import FetchedPictures
from catalog.image_addresses import AddressError, AllowedHosts, parse_image_address
from catalog.images import ImageError
from catalog.models import ImportIssue, ImportRun
from catalog.pictures import Picture, known_pictures, read_within, store_picture
from catalog.product_data import ProductData
from catalog.product_parsing import is_address
from catalog.services.image_downloads import Item, plan_downloads
from catalog.services.product_batches import ProductWrite, write_products
from fashionrec.common.errors import FieldError
from fashionrec.common.runs import advance


@dataclass(slots=True)
class CheckedRow:
    """A row after parsing; rejected when it has no data. notes, origins: see catalog.formats.Row."""

    number: int
    data: ProductData | None = None
    errors: list[FieldError] = field(default_factory=list)
    warnings: list[FieldError] = field(default_factory=list)
    notes: Sequence[tuple[int, FieldError]] = ()
    origins: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Pictures:
    """By name: what is stored already, and addresses that are still to be fetched."""

    stored: dict[str, Picture] = field(default_factory=dict)
    to_fetch: set[str] = field(default_factory=set)


def import_batch(run: ImportRun, rows: Sequence[CheckedRow], *, folder: Path | None, fetched: FetchedPictures) -> None:
    """Store the rows' products, pictures and issues, and count them. Raises LeaseLost, having stored nothing.

    Pictures named by an address that `fetched` does not know are planned to be downloaded after the import.
    """
    good = [row for row in rows if row.data is not None]
    pictures = _Pictures()  # slow, and harmless to repeat: before the transaction
    _store_files(good, folder, pictures)
    _look_up_addresses(good, fetched, pictures)
    with transaction.atomic():
        written = write_products(source=run.source, writes=[_write(row, pictures) for row in good])
        lists = [_items(row, entry.product.pk, pictures) for row, entry in zip(good, written, strict=True)]
        plan_downloads(import_run=run, products=lists)
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


def _write(row: CheckedRow, pictures: _Pictures) -> ProductWrite:
    if row.data is None:
        raise ValueError(f"row {row.number}: rejected rows are not written")
    if row.data.images is None:
        return ProductWrite(row.data)
    alts = row.data.alts
    found = [pictures.stored[name].shown_as(alts.get(name, "")) for name in row.data.images if name in pictures.stored]
    return ProductWrite(row.data, pictures=found, keep_other_pictures=len(found) < len(row.data.images))


def _items(row: CheckedRow, product: int, pictures: _Pictures) -> list[Item]:
    """All pictures of a product, in order, as a download keeps them."""
    items = []
    for position, name in enumerate((row.data and row.data.images) or ()):
        picture = pictures.stored.get(name)
        items.append(
            {
                "product": product,
                "row": row.origins.get(f"images[{position}]", row.number),
                "position": position,
                "alt": row.data.alts.get(name, "") if row.data else "",
                "sha256": picture.sha256 if picture else "",
                "url" if picture is None and name in pictures.to_fetch else "file": name,
            }
        )
    return items


def _store_files(rows: Sequence[CheckedRow], folder: Path | None, pictures: _Pictures) -> None:
    """Store what lies in the folder; a file that cannot be used becomes a warning of its row.

    Every file is read for its digest, but only new ones are decoded, and one at a time: contents are not kept.
    """
    digests: dict[str, str] = {}
    wanting: dict[str, list[CheckedRow]] = {}
    for row in rows:
        for name in (row.data and row.data.images) or ():
            if is_address(name):
                continue
            wanting.setdefault(name, []).append(row)
            if folder is None:
                row.warnings.append(FieldError("image", name[:200], "an uploaded file comes without pictures"))
            elif name not in digests:
                try:
                    digests[name] = hashlib.sha256(read_within(folder, name)).hexdigest()
                except ImageError as error:
                    _warn(wanting[name], name, error)
    known = known_pictures(set(digests.values()))
    for name, digest in digests.items():
        try:
            if digest not in known and folder is not None:
                known[digest] = store_picture(read_within(folder, name), name=name)
            pictures.stored[name] = known[digest]
        except ImageError as error:
            _warn(wanting[name], name, error)


def _look_up_addresses(rows: Sequence[CheckedRow], fetched: FetchedPictures, pictures: _Pictures) -> None:
    """Tell addresses whose picture is here from those to fetch; one that may not be fetched is a warning of its row."""
    allowed = AllowedHosts.of(settings.FASHIONREC["IMAGE_HOSTS_ALLOWED"])
    for row in rows:
        for position, name in enumerate((row.data and row.data.images) or ()):
            if not is_address(name):
                continue
            try:
                parse_image_address(name, allowed=allowed)
            except AddressError as error:
                row.warnings.append(FieldError(f"images[{position}]", name, str(error)))
            else:
                pictures.to_fetch.add(name)
    digests = fetched.digests(pictures.to_fetch)
    known = known_pictures(set(digests.values()))
    for name, digest in digests.items():
        if digest in known:
            pictures.stored[name] = known[digest]


def _warn(rows: list[CheckedRow], name: str, error: ImageError) -> None:
    for row in rows:
        row.warnings.append(FieldError("image", name[:200], error.reason))


def _issues(run: ImportRun, row: CheckedRow) -> Iterator[ImportIssue]:
    found = [("rejected", _origin(row, problem), problem) for problem in row.errors]
    found += [("warning", _origin(row, problem), problem) for problem in row.warnings]
    found += [("warning", number, problem) for number, problem in row.notes]
    for severity, number, problem in found:
        yield ImportIssue(
            run=run,
            row=number,
            severity=severity,
            field=_storable(problem.field)[:100],
            value=_storable(str(problem.value)),
            reason=_storable(problem.reason)[:300],
        )


def _origin(row: CheckedRow, problem: FieldError) -> int:
    """The row of the file that brought the part of the product that is at fault."""
    return row.origins.get(problem.field.partition(".")[0], row.number)


def _storable(text: str) -> str:
    """Without what Postgres refuses: an issue must never be the reason that an import fails."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
