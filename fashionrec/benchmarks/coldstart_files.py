"""Reads folders of real sets for the benchmark coldstart: CiteULike with tags, and MovieLens 100k."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from fashionrec.benchmarks.coldstart_world import ColdStartData
from recommender.ml.dataset import FloatArray, Interactions

HASHED_DIMENSIONS = 512
LIKED = 4.0
"""A MovieLens rating from which a film counts as taken."""


def read_folder(folder: Path) -> ColdStartData:
    """A folder with item-tag.dat.gz and *.csv.gz (CiteULike), or with ml-100k.inter.gz and ml-100k.item.gz.

    Raises ValueError naming the folder, or the file and line that cannot be read.
    """
    if (folder / "item-tag.dat.gz").is_file():
        return _citeulike(folder)
    if (folder / "ml-100k.inter.gz").is_file():
        return _movielens(folder)
    raise ValueError(f"data: {str(folder)!r} has neither item-tag.dat.gz nor ml-100k.inter.gz")


def _citeulike(folder: Path) -> ColdStartData:
    """Pairs of a user and an article, numbered from 1 without an order; line n of the tags is article n."""
    words = []
    for path, number, line in _lines(folder / "item-tag.dat.gz"):
        fields = line.split()
        if not fields or not fields[0].isdigit() or int(fields[0]) != len(fields) - 1:
            raise _bad(path, number, line, "a count and as many tags")
        words.append(fields[1:])
    pairs: set[tuple[int, int]] = set()
    files = sorted(folder.glob("*.csv.gz"))
    for file in files:
        for path, number, line in _lines(file):
            if number == 1 and line == "user,item":
                continue
            match = re.fullmatch(r"(\d+),(\d+)", line)
            if match is None or not 1 <= int(match[2]) <= len(words) or int(match[1]) < 1:
                raise _bad(path, number, line, f"user,item with an item from 1 to {len(words)}")
            pairs.add((int(match[1]) - 1, int(match[2]) - 1))
    if not pairs:
        raise ValueError(f"data: {str(folder)!r} has no pairs of user and item in {len(files)} files *.csv.gz")
    events = np.array(sorted(pairs), np.int64)
    return ColdStartData(
        name="CiteULike",
        interactions=Interactions.from_events(
            n_users=int(events[:, 0].max()) + 1,
            n_items=len(words),
            user=events[:, 0],
            item=events[:, 1],
            # The files have no order; one drawn by chance, lest the item's number became one.
            time=np.random.default_rng(0).permutation(len(events)),
            content=hashed_words(words),
        ),
        ordered=False,
        utility=None,
        note="tags were given by the users whose articles are held out: it tests the path, it proves no gain",
    )


def _movielens(folder: Path) -> ColdStartData:
    """Ratings from LIKED on, in time; content is the words of a film's title and its genres."""
    words: dict[str, list[str]] = {}
    for path, number, line in _lines(folder / "ml-100k.item.gz"):
        fields = line.split("\t")
        if len(fields) != 4:
            raise _bad(path, number, line, "item, title, year and genres between tabs")
        if number > 1:
            genres = [f"genre {genre}" for genre in fields[3].split()] * 3  # a genre says more than a title's word
            words[fields[0]] = [*re.findall(r"\w+", fields[1].lower()), f"decade {fields[2][:3]}", *genres]
    index = {name: number for number, name in enumerate(words)}
    users: dict[str, int] = {}
    columns: list[tuple[int, int, float]] = []
    for path, number, line in _lines(folder / "ml-100k.inter.gz"):
        fields = line.split("\t")
        if len(fields) != 4:
            raise _bad(path, number, line, "user, item, rating and time between tabs")
        if number == 1:
            continue
        try:
            rating, time = float(fields[2]), float(fields[3])
        except ValueError as error:
            raise _bad(path, number, line, "numbers for rating and time") from error
        if fields[1] not in index:
            raise _bad(path, number, line, "an item that ml-100k.item.gz describes")
        if rating >= LIKED:
            columns.append((users.setdefault(fields[0], len(users)), index[fields[1]], time))
    if not columns:
        raise ValueError(f"data: {str(folder / 'ml-100k.inter.gz')!r} has no rating of {LIKED} or more")
    user, item, when = zip(*columns, strict=True)
    return ColdStartData(
        name="MovieLens 100k",
        interactions=Interactions.from_events(
            n_users=len(users),
            n_items=len(words),
            user=user,
            item=item,
            time=when,
            content=hashed_words(list(words.values())),
        ).deduplicated(),
        ordered=True,
        utility=None,
        note=f"ratings of {LIKED:g} and more; content: words of the title, decade and genres",
    )


def hashed_words(rows: Sequence[Iterable[str]]) -> FloatArray:
    """(N, HASHED_DIMENSIONS) float32, L2-normalised; zeros for a row without words.

    Each distinct word is a direction drawn by chance, weighted by how often it stands in the row and by its inverse
    document frequency: a random projection of TF-IDF.
    """
    vocabulary: dict[str, int] = {}
    numbered = [[vocabulary.setdefault(word, len(vocabulary)) for word in row] for row in rows]
    frequency = np.zeros(len(vocabulary))
    for row in numbered:
        frequency[np.unique(np.array(row, np.int64))] += 1
    rarity = np.log((1 + len(numbered)) / (1 + frequency)) + 1
    directions = np.random.default_rng(0).standard_normal((len(vocabulary), HASHED_DIMENSIONS), np.float32)
    content = np.zeros((len(numbered), HASHED_DIMENSIONS), np.float32)
    for place, row in enumerate(numbered):
        if row:
            content[place] = (rarity[row][:, None] * directions[row]).sum(axis=0)
    length = np.linalg.norm(content, axis=1, keepdims=True)
    return np.asarray(content / np.where(length > 0, length, 1), np.float32)


def _lines(path: Path) -> Iterator[tuple[Path, int, str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                yield path, number, line.rstrip("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"data: {str(path)!r} cannot be read: {error}") from error


def _bad(path: Path, number: int, line: str, expected: str) -> ValueError:
    return ValueError(f"data: line {number} of {str(path)!r}: received {line[:80]!r}, expected {expected}")
