"""The formats by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from catalog.formats import jsonl, kaggle
from catalog.formats.mapped_csv import read_csv
from catalog.formats.row import Row
from fashionrec.common.errors import Invalid


class Reader(Protocol):
    def __call__(
        self, stream: IO[bytes], *, mapping: Mapping[str, str], encoding: str, folder: Path | None
    ) -> Iterator[Row]: ...


@dataclass(frozen=True, slots=True)
class Format:
    read: Reader
    file_names: tuple[str, ...]
    """Looked for when a folder is given."""


_KAGGLE = Format(kaggle.read_kaggle, kaggle.FILE_NAMES)
FORMATS: Mapping[str, Format] = {
    "kaggle": _KAGGLE,
    "myntra": _KAGGLE,
    "csv": Format(read_csv, ("products.csv",)),
    "jsonl": Format(jsonl.read_jsonl, jsonl.FILE_NAMES),
}


def read_rows(
    stream: IO[bytes], *, format: str, mapping: Mapping[str, str], encoding: str, folder: Path | None
) -> Iterator[Row]:
    """Every row of a catalogue file. Raises Invalid for an unknown format or a file that is not of it."""
    if format not in FORMATS:
        raise Invalid.for_field("format", format, f"expected one of {', '.join(FORMATS)}")
    return FORMATS[format].read(stream, mapping=mapping, encoding=encoding, folder=folder)
