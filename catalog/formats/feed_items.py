"""Items of a product feed, from a table or from XML (RSS 2.0 or Atom): name of an attribute -> its texts."""

import codecs
import re
import zlib
from collections.abc import Iterator
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]

from catalog.formats.csv_records import read_table
from catalog.formats.row import Row
from fashionrec.common.errors import FieldError, Invalid

LONGEST_ITEM = 1 << 22
"""Bytes of XML from one item to the next; a feed's item has a few thousand."""
DEEPEST = 20

_GOOGLE = "{http://base.google.com/ns/1.0}"
_ITEMS = ("item", "entry")
_SEPARATORS = re.compile(r"[\s-]+")


def is_xml(stream: IO[bytes]) -> bool:
    """Whether the content begins like XML; the stream is at its beginning again. Raises Invalid when unreadable."""
    start = _read(stream, 200)
    stream.seek(0)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return b"<" in start[:8]
    return start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")


def read_table_items(stream: IO[bytes], *, encoding: str, required: tuple[str, ...]) -> Iterator[Row]:
    """Rows whose record is {"item_group_id": ["…"], …}; column names may have spaces, capitals and a "g:"."""
    table = read_table(stream, encoding=encoding)
    names = [_SEPARATORS.sub("_", column.lower().removeprefix("g:").strip()) for column in table.columns]
    missing = [name for name in required if name not in names]
    if missing:
        listed = ", ".join(repr(column) for column in table.columns)
        raise Invalid.for_field("columns", ", ".join(missing), f"not in the file, whose columns are {listed[:500]}")
    for number, fields in enumerate(table.records, start=1):
        if isinstance(fields, FieldError):
            yield Row(number, error=fields)
            continue
        item: dict[str, list[str]] = {}
        for name, cell in zip(names, fields, strict=True):
            if cell := cell.strip():
                item.setdefault(name, []).append(cell)
        yield Row(number, record=item)


def read_xml_items(stream: IO[bytes]) -> Iterator[Row]:
    """The same of <item> or <entry> elements, one at a time: what was read is let go.

    Raises Invalid for XML that is not well-formed, declares entities or a document type, has no items, or has an item
    beyond LONGEST_ITEM.
    """
    bounded, number = _Bounded(stream), 0
    parents: list[Element] = []
    item: Element | None = None
    try:
        for event, element in iterparse(bounded, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                parents.append(element)
                if item is None and _local(element.tag) in _ITEMS:
                    item = element
                if len(parents) > DEEPEST:
                    raise Invalid.for_field("file", element.tag[:60], f"elements lie more than {DEEPEST} deep")
                continue
            parents.pop()
            if element is item:
                number, item = number + 1, None
                yield Row(number, record=_item(element))
                bounded.since_item = 0
            if item is None:  # an item, or what stands beside items
                element.clear()
                if parents:
                    parents[-1].remove(element)
    except ParseError as error:
        raise Invalid.for_field("file", str(error), "not well-formed XML") from error
    except DefusedXmlException as error:
        raise Invalid.for_field(
            "file", type(error).__name__, "declares a document type or entities, which are not read"
        ) from error
    except (LookupError, ValueError) as error:
        raise Invalid.for_field("file", str(error)[:200], "XML in an encoding that cannot be read") from error
    if not number:
        raise Invalid.for_field("file", "", "has no <item> (RSS) and no <entry> (Atom)")


class _Bounded:
    """A stream that refuses to give more than LONGEST_ITEM bytes from one item to the next."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.since_item = 0

    def read(self, size: int = -1) -> bytes:
        content = _read(self._stream, size)
        self.since_item += len(content)
        if self.since_item > LONGEST_ITEM:
            raise Invalid.for_field("file", f"{self.since_item} bytes", f"one item is longer than {LONGEST_ITEM} bytes")
        return content


def _read(stream: IO[bytes], size: int) -> bytes:
    try:
        return stream.read(size)
    except (EOFError, zlib.error, OSError) as error:
        raise Invalid.for_field("file", "", f"cannot be read to its end: {error}") from error


def _item(element: Any) -> dict[str, list[str]]:
    """Google's own elements go before those of RSS and Atom with the same name."""
    own: dict[str, list[str]] = {}
    google: dict[str, list[str]] = {}
    for child in element:
        if not isinstance(child.tag, str) or len(child):
            continue  # comments, and attributes of parts such as shipping
        text = (child.text or "").strip() or _href(child)
        if text:
            to = google if child.tag.startswith(_GOOGLE) else own
            to.setdefault(_local(child.tag), []).append(text)
    if "summary" in own:
        own.setdefault("description", own.pop("summary"))
    return own | google


def _href(element: Element) -> str:
    return element.get("href", "").strip() if _local(element.tag) == "link" else ""


def _local(tag: Any) -> str:
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""
