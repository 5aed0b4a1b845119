"""Work in pieces of bounded size."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items, in order. Raises ValueError unless size ≥ 1."""
    if size < 1:
        raise ValueError(f"size: expected at least 1, received {size!r}")
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
