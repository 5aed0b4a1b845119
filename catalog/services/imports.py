"""Planning an import: everything that can be refused is refused before a row is read."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.core.files import File
from django.db import transaction

from catalog.formats import FORMATS, Row, count_rows, find_file, opened, read_rows, sha256_of
from catalog.formats.lines import check_encoding
from catalog.models import ImportRun
from catalog.sources import check_source, source_named_after
from fashionrec.common.errors import Invalid
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.queue import enqueue

LONGEST_PATH = 500


@dataclass(frozen=True, slots=True)
class _Planned:
    source: str
    format: str
    mapping: dict[str, str]
    encoding: str
    file_sha256: str


def plan_import(
    *,
    format: str,
    path: str | Path | None = None,
    upload: File | None = None,
    source: str = "",
    mapping: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
) -> ImportRun:
    """The run that reads this catalogue, ringing for a worker; an open run of the same file is found again.

    path: a file or folder on this machine; upload: a file that travels with the run. Exactly one of them.
    source: the namespace of the products' ids; default: named after the file.
    mapping: field of a product -> column, for format csv; empty: by the columns' names.
    Raises Invalid, naming field and value, for anything that makes the file as a whole unusable.
    """
    if (path is None) == (upload is None):
        raise Invalid.for_field("path", str(path), "give either a path or an upload")
    if format not in FORMATS:
        raise Invalid.for_field("format", format, f"expected one of {', '.join(FORMATS)}")
    encoding = check_encoding(encoding)
    if path is not None and len(str(Path(path).absolute())) > LONGEST_PATH:
        raise Invalid.for_field("path", str(path), f"longer than {LONGEST_PATH} characters")
    if upload is not None:
        name, folder, stream = Path(upload.name or "upload").name, None, _binary(upload)
    else:
        found = find_file(Path(str(path)), names=FORMATS[format].file_names)
        name, folder, stream = Path(str(path)).resolve().name, found.folder, found.path.open("rb")
    try:
        source = check_source(source or source_named_after(name))
        _check_readable(stream, format, dict(mapping or {}), encoding, folder)
        planned = _Planned(source, format, dict(mapping or {}), encoding, sha256_of(stream))
    finally:
        if upload is None:
            stream.close()
    return _find_or_create(planned, path="" if path is None else str(Path(path).resolve()), upload=upload)


def parse_mapping(lines: Iterable[str]) -> dict[str, str]:
    """Lines of FIELD=COLUMN -> {field: column}; blank lines are skipped. Raises Invalid for any other shape."""
    mapping: dict[str, str] = {}
    for line in lines:
        field, separator, column = (part.strip() for part in line.partition("="))
        if not line.strip():
            continue
        if not separator or not field or not column:
            raise Invalid.for_field("mapping", line, "expected FIELD=COLUMN")
        if field in mapping:
            raise Invalid.for_field("mapping", field, "is given twice")
        mapping[field] = column
    return mapping


@contextmanager
def open_rows(run: ImportRun) -> Iterator[Iterator[Row]]:
    """The rows of a run's file from the first one. Raises Invalid when the file is gone or is not the planned one."""
    with _content(run) as (content, options):
        yield read_rows(content, **options)


def count_file_rows(run: ImportRun) -> int:
    """The number of the last row of a run's file, which is read to its end. Raises Invalid where that fails."""
    with _content(run) as (content, options):
        return count_rows(content, **options)


@contextmanager
def _content(run: ImportRun) -> Iterator[tuple[IO[bytes], dict[str, Any]]]:
    """A run's file, decompressed, and how it is to be read."""
    folder, stream = _open(run)
    try:
        digest = sha256_of(stream)
        if digest != run.file_sha256:
            raise Invalid.for_field(
                "path", run.path or run.upload.name, "the file changed since the import was planned"
            )
        with opened(stream) as content:
            options = {"format": run.format, "mapping": run.mapping, "encoding": run.encoding, "folder": folder}
            yield content, options
    finally:
        stream.close()


def pictures_folder(run: ImportRun) -> Path | None:
    """Where the file names of pictures begin; None for an upload, which comes without pictures."""
    if not run.path:
        return None
    return find_file(Path(run.path), names=FORMATS[run.format].file_names).folder


def _check_readable(
    stream: IO[bytes], format: str, mapping: dict[str, str], encoding: str, folder: Path | None
) -> None:
    with opened(stream) as content:
        next(read_rows(content, format=format, mapping=mapping, encoding=encoding, folder=folder), None)


def _find_or_create(planned: _Planned, *, path: str, upload: File | None) -> ImportRun:
    identity = {name: getattr(planned, name) for name in planned.__slots__}
    with transaction.atomic():
        take_lock(Lock.IMPORT_PLAN)
        # A folder brings pictures that an upload of the same table lacks: they are two imports.
        same = ImportRun.objects.filter(**identity, path=path, cancel_requested=False)
        run = same.filter(state__in=ImportRun.OPEN_STATES).first()
        if run is None:
            run = ImportRun(**identity, path=path)
            if upload is not None:
                upload.seek(0)
                run.upload.save(Path(upload.name or "upload").name, upload, save=False)
            run.save()
        enqueue(run.task_name, str(run.pk))
    return run


def _open(run: ImportRun) -> tuple[Path | None, IO[bytes]]:
    if run.path:
        found = find_file(Path(run.path), names=FORMATS[run.format].file_names)
        return found.folder, found.path.open("rb")
    name = run.upload.name or ""
    try:
        return None, _binary(run.upload.storage.open(name, "rb"))
    except (FileNotFoundError, ValueError) as error:
        raise Invalid.for_field("upload", name, "the uploaded file is no longer in storage") from error


def _binary(file: File) -> IO[bytes]:
    if file.file is None:
        raise Invalid.for_field("upload", file.name, "has no contents")
    return file.file
