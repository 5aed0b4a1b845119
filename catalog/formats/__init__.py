"""Readers of catalogue files: streams in, numbered rows out, nothing dropped. No Django here.

A reader yields one Row per row of the file, good or bad, in order, and raises Invalid before the first row when
the file as a whole is not of its format.
"""

from catalog.formats.registry import FORMATS, count_rows, read_rows
from catalog.formats.row import Row
from catalog.formats.source import CatalogFile, find_file, opened, sha256_of

__all__ = ["FORMATS", "CatalogFile", "Row", "count_rows", "find_file", "opened", "read_rows", "sha256_of"]
