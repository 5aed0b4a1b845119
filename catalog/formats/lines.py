"""Physical lines of bounded length, whatever the file contains."""

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from fashionrec.common.errors import FieldError, Invalid

LONGEST_LINE = 1 << 20
"""Bytes. A longer line is reported and skipped without being held in memory."""


@dataclass(frozen=True, slots=True)
class Line:
    """`text` with its line ending, or the `error` that stands for the line."""

    text: str = ""
    error: FieldError | None = None


def read_lines(stream: IO[bytes], *, encoding: str) -> Iterator[Line]:
    """Lines up to "\\n", decoded one by one, so that one undecodable line costs no other. A BOM is dropped.

    Raises Invalid for an encoding whose line ends are not those of ASCII, and for damaged compressed data.
    """
    check_encoding(encoding)
    content = _readline(stream).removeprefix(codecs.BOM_UTF8)
    while content:
        if len(content) > LONGEST_LINE:
            yield Line(error=FieldError("row", _shown(content), f"the line is longer than {LONGEST_LINE} bytes"))
            while content and not content.endswith(b"\n"):
                content = _readline(stream)
        else:
            try:
                yield Line(text=content.decode(encoding))
            except UnicodeDecodeError as error:
                reason = f"byte {error.start + 1} of the line is not {encoding}: {content[error.start]:#04x}"
                yield Line(error=FieldError("row", _shown(content), reason))
        content = _readline(stream)


def check_encoding(encoding: str) -> str:
    """The canonical name of an encoding. Raises Invalid unless it writes line ends, commas and quotes as ASCII does."""
    try:
        name = codecs.lookup(encoding).name.removesuffix("-sig")  # a BOM is dropped in any case
        suitable = '\r\n,;"{0'.encode(name) == b'\r\n,;"{0'
    except (LookupError, ValueError):
        suitable = False
    if not suitable:
        raise Invalid.for_field("encoding", encoding, "expected utf-8, latin-1, cp1252 or another superset of ASCII")
    return name


def _readline(stream: IO[bytes]) -> bytes:
    try:
        return stream.readline(LONGEST_LINE + 1)
    except (EOFError, zlib.error, OSError) as error:
        raise Invalid.for_field("file", getattr(stream, "name", ""), f"cannot be read to its end: {error}") from error


def _shown(content: bytes) -> str:
    return content[:200].decode("ascii", "backslashreplace").replace("\x00", "\\x00").rstrip("\r\n")
