"""Where a catalogue's rows are: the file in a folder, plain or gzip-compressed."""

import gzip
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from fashionrec.common.errors import Invalid

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class CatalogFile:
    path: Path
    folder: Path
    """Pictures are looked for here and below, nowhere else."""


def find_file(path: Path, *, names: tuple[str, ...]) -> CatalogFile:
    """The file itself, or the first of `names` (also with .gz) in a folder. Raises Invalid when there is none."""
    if "\x00" in str(path):
        raise Invalid.for_field("path", str(path), "contains a NUL character")
    try:
        if path.is_dir():
            candidates = [path / f"{name}{ending}" for name in names for ending in ("", ".gz")]
            found = next((candidate for candidate in candidates if candidate.is_file()), None)
            if found is None:
                raise Invalid.for_field("path", str(path), f"the folder has no {' or '.join(names)}")
        elif path.is_file():
            found = path
        else:
            raise Invalid.for_field("path", str(path), "no such file or folder")
        with found.open("rb"):
            pass
    except OSError as error:
        raise Invalid.for_field("path", str(path), f"cannot be read: {error.strerror}") from error
    return CatalogFile(path=found, folder=found.parent)


@contextmanager
def opened(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """The contents of a seekable binary stream, decompressed if they are gzip (by content, not by name)."""
    stream.seek(0)
    magic = stream.read(2)
    stream.seek(0)
    if magic != _GZIP_MAGIC:
        yield stream
        return
    with gzip.GzipFile(fileobj=stream, mode="rb") as decompressed:
        yield cast(IO[bytes], decompressed)


def sha256_of(stream: IO[bytes]) -> str:
    """Hex digest of everything in the stream, compressed or not."""
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    stream.seek(0)
    return digest.hexdigest()
