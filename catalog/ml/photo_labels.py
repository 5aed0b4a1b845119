"""Reading a folder of labelled photos to train on: Kaggle's fashion layout, or any CSV with a column for the file."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

from catalog.images import ImageError, open_image
from catalog.ml.clip_examples import Example

ID_COLUMNS = ("file", "id", "filename", "image")
CAPTION_COLUMNS = ("productDisplayName", "title", "caption")
ATTRIBUTE_COLUMNS = (
    "gender",
    "masterCategory",
    "subCategory",
    "articleType",
    "baseColour",
    "season",
    "usage",
    "label",
    "category",
    "colour",
    "pattern",
    "material",
    "brand",
)
_ENDINGS = ("", ".jpg", ".jpeg", ".png", ".webp")
# Labels that say "nobody looked".
_UNKNOWN = {"", "na", "n/a", "none", "not sure", "other", "skip", "null", "unknown"}


class LabelsError(ValueError):
    """A table of labels that cannot be used."""


def read_labelled_photos(
    photos: Path, labels: Path, *, on_skip: list[str], columns: Sequence[str] = ATTRIBUTE_COLUMNS
) -> Iterator[Example]:
    """One example per row whose photo can be opened; why others were left out is appended to `on_skip`.

    photos: folder of the pictures (or the folder above its `images`); labels: CSV with a header, UTF-8 (a BOM and .gz
    are fine), a column of ID_COLUMNS naming the file (with or without its ending).
    Raises LabelsError naming the file when it is missing, has no such column or none of `columns`.
    """
    if not photos.is_dir():
        raise LabelsError(f"photos: received {str(photos)!r}, which is no folder")
    folder = photos / "images" if (photos / "images").is_dir() else photos
    rows = _rows(labels)
    header = next(rows, {})
    identifier = next((column for column in ID_COLUMNS if column in header), None)
    present = [column for column in columns if column in header]
    if identifier is None or not present:
        raise LabelsError(
            f"labels: received {str(labels)!r} with columns {', '.join(header)}; need one of {', '.join(ID_COLUMNS)} "
            f"and one of {', '.join(columns)}"
        )
    caption = next((column for column in CAPTION_COLUMNS if column in header), "")
    for number, row in enumerate(rows, start=2):
        try:
            image = open_image(_photo(folder, row[identifier] or ""), field=f"row {number} {identifier}")
        except ImageError as error:
            on_skip.append(str(error))
            continue
        attributes = {name: value for name in present if (value := (row[name] or "").strip()).lower() not in _UNKNOWN}
        yield Example(image=image, caption=(row.get(caption) or "").strip(), attributes=attributes)


def _rows(labels: Path) -> Iterator[dict[str, str]]:
    """The header as a row of its own names, then all rows."""
    opener = gzip.open if labels.suffix == ".gz" else open
    try:
        with opener(labels, "rt", encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            yield {name: name for name in reader.fieldnames or ()}
            yield from reader
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelsError(f"labels: received {str(labels)!r}: {error}") from error


def _photo(folder: Path, identifier: str) -> Path:
    """Stays inside `folder`, whatever the table says."""
    name = Path(identifier).name
    for ending in _ENDINGS:
        if (folder / f"{name}{ending}").is_file():
            return folder / f"{name}{ending}"
    return folder / name
