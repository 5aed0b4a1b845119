"""Names of catalogues: the first half of a product's public id."""

import re

from fashionrec.common.errors import Invalid

_SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def check_source(source: str) -> str:
    """`source` itself. Raises Invalid unless it is 1–40 of a–z, 0–9, "-" and "_", beginning with a letter or digit."""
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        reason = "expected 1 to 40 lower-case letters, digits, - or _, beginning with a letter or digit"
        raise Invalid.for_field("source", source, reason)
    return source


def source_named_after(name: str) -> str:
    """A source out of a file's or folder's name: "My Shop.csv.gz" -> "my_shop"."""
    stem = re.sub(r"(\.(csv|jsonl|gz|tsv|txt|xml))+$", "", name.lower())
    return re.sub(r"[^a-z0-9]+", "_", stem).strip("_")[:40] or "catalogue"
