"""Reads files of one shopper a line, `user item item …`, oldest first."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from recommender.ml.dataset import Interactions


def read_sequences(path: Path) -> Interactions:
    """The file's events, timed by their place in the line.

    Items are numbered in an order drawn by chance, so that neither the file's numbers nor its order can help a model
    or break a tie. Raises ValueError naming file and line for a line without items or with a user seen before.
    """
    users: list[str] = []
    lines: list[list[str]] = []
    for number, fields in numbered_fields(path):
        if len(fields) < 2:
            raise ValueError(f"data: line {number} of {str(path)!r} has no item, received {' '.join(fields)!r}")
        users.append(fields[0])
        lines.append(fields[1:])
    if len(set(users)) < len(users):
        again = next(user for place, user in enumerate(users) if user in users[:place])
        raise ValueError(f"data: user {again!r} has two lines in {str(path)!r}")
    if not users:
        raise ValueError(f"data: {str(path)!r} has no lines")
    names = sorted({item for items in lines for item in items})
    number_of = dict(zip(names, np.random.default_rng(0).permutation(len(names)).tolist(), strict=True))
    lengths = [len(items) for items in lines]
    return Interactions.from_events(
        n_users=len(users),
        n_items=len(names),
        user=np.repeat(np.arange(len(users)), lengths),
        item=[number_of[item] for items in lines for item in items],
        time=np.concatenate([np.arange(length) for length in lengths]),
    )


def numbered_fields(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and words of each line that has any, of a text file or a gzipped one; ValueError names the file."""
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as stream:
            for number, line in enumerate(stream, start=1):
                if fields := line.split():
                    yield number, fields
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"data: {str(path)!r} cannot be read: {error}") from error
