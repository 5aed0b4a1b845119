"""Files of made-up reviews, whose truth is known, and a model that reads what others said."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from personas.ml.language_model import Usage

COLUMNS = ["", "Clothing ID", "Age", "Title", "Review Text", "Rating", "Department Name", "Class Name"]
QUALITIES = ("awful", "scratchy", "plain", "pleasant", "wonderful")
ITEMS, REVIEWS = 15, 24


def made_up_rows(seed: int = 0) -> list[list[object]]:
    """ITEMS items × REVIEWS reviews. Item i has quality i % 5, which its reviews name, and its stars lie around it."""
    generator = np.random.default_rng(seed)
    rows: list[list[object]] = []
    for number in range(ITEMS * REVIEWS):
        item = number % ITEMS
        stars = int(np.clip(1 + item % 5 + generator.integers(-1, 2), 1, 5))
        said = f"a {QUALITIES[item % 5]} thing, said buyer{number}"
        kind = ("Dresses", "Dresses") if item % 2 else ("Tops", "Knits")
        rows.append([number, 100 + item, int(generator.integers(18, 70)), "Blue", said, stars, *kind])
    return rows


def write_reviews(path: Path, rows: Sequence[Sequence[object]], columns: Sequence[str] = COLUMNS) -> Path:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8", newline="") as file:  # type: ignore[operator]
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


class Listener:
    """Rates by the quality that others name in the prompt, shyly: never below 6, in whichever letters."""

    name, scoring, demonstration, digest = "listener", "exact", False, "0" * 64

    def __init__(self) -> None:
        self.usage = Usage()
        self.prompts: list[str] = []

    def check_labels(self, labels: Sequence[str]) -> None:
        assert len(labels) == 11

    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        self.usage.calls += len(suffixes)
        self.prompts += [prefix + suffix for suffix in suffixes]
        rows = []
        for suffix in suffixes:
            named = [number for number, word in enumerate(QUALITIES) if word in suffix]
            centre = 6 + (named[0] if named else 2) * 0.5
            points = np.arange(11)
            scores = -((points - centre) ** 2)
            rows.append(scores - np.log(np.exp(scores).sum()))
        return np.array(rows, dtype=np.float32)


class SmallListener(Listener):
    name, demonstration = "small", True
