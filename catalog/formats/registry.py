"""The formats by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from catalog.formats import google, hm, jsonl, kaggle, shopify
from catalog.formats.mapped_csv import read_csv
from catalog.formats.row import Row
from fashionrec.common.errors import Invalid


class Reader(Protocol):
    def __call__(
        self, stream: IO[bytes], *, mapping: Mapping[str, str], encoding: str, folder: Path | None
    ) -> Iterator[Row]: ...


@dataclass(frozen=True, slots=True)
class Format:
    title: str
    """What it is, for a person who chooses."""
    read: Reader
    file_names: tuple[str, ...]
    """Looked for when a folder is given."""
    scan: Reader | None = None
    """Where a product takes several rows: the rows of the file as they are, which is quicker and enough to count."""


_KAGGLE = Format("Fashion Product Images, styles.csv", kaggle.read_kaggle, kaggle.FILE_NAMES)
FORMATS: Mapping[str, Format] = {
    "kaggle": _KAGGLE,
    "myntra": _KAGGLE,
    "csv": Format("any table, its columns mapped", read_csv, ("products.csv",)),
    "jsonl": Format("JSON lines", jsonl.read_jsonl, jsonl.FILE_NAMES),
    "hm": Format("H&M articles.csv", hm.read_hm, hm.FILE_NAMES),
    "shopify": Format("a Shopify product export", shopify.read_shopify, shopify.FILE_NAMES, shopify.scan_shopify),
    "google": Format("a Google Merchant feed, TSV or XML", google.read_google, google.FILE_NAMES, google.scan_google),
}


def read_rows(
    stream: IO[bytes], *, format: str, mapping: Mapping[str, str], encoding: str, folder: Path | None
) -> Iterator[Row]:
    """Every row of a catalogue file. Raises Invalid for an unknown format or a file that is not of it."""
    if format not in FORMATS:
        raise Invalid.for_field("format", format, f"expected one of {', '.join(FORMATS)}")
    return FORMATS[format].read(stream, mapping=mapping, encoding=encoding, folder=folder)


def count_rows(
    stream: IO[bytes], *, format: str, mapping: Mapping[str, str], encoding: str, folder: Path | None
) -> int:
    """The number of the last row, after reading all of the file. Raises Invalid where it cannot be read to its end."""
    read = FORMATS[format].scan or FORMATS[format].read
    return max((row.number for row in read(stream, mapping=mapping, encoding=encoding, folder=folder)), default=0)
