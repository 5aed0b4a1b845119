"""Real reviews of clothes: read from a file, split by review, and told as personas and products without the answer."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

COLUMNS = ("Clothing ID", "Age", "Review Text", "Rating", "Department Name", "Class Name")
AGE_BANDS = ((25, "18-24"), (35, "25-34"), (45, "35-44"), (55, "45-54"), (65, "55-64"), (10_000, "65+"))
FEWEST_REVIEWS = 10
"""An item with fewer has too noisy a mean to be predicted, and too few other reviews to be described by."""

WORDS_SAID = 10
LEAST_SHARE = 0.1
"""Of an item's reviews that must name a colour, material or pattern for the item to have it."""

COLOURS = (
    "black", "white", "blue", "navy", "red", "green", "grey", "gray", "pink", "purple", "orange", "yellow", "brown",
    "cream", "ivory", "beige",
)  # fmt: skip
MATERIALS = (
    "cotton", "wool", "linen", "silk", "lace", "denim", "velvet", "leather", "cashmere", "chiffon", "knit", "suede",
)  # fmt: skip
PATTERNS = ("floral", "striped", "plaid", "embroidered", "polka")


@dataclass(frozen=True)
class Review:
    """row: its row in the file, the header being 1. rating: 1 to 5 stars. text: title and review, may be empty."""

    row: int
    item: str
    age: int
    rating: int
    department: str
    item_class: str
    text: str


@dataclass(frozen=True)
class ReviewSplit:
    """test: reviews to predict, of `items`. training: every other review of the file; no review is in both."""

    items: list[str]
    training: list[Review]
    test: list[Review]


def read_reviews(path: Path) -> list[Review]:
    """Reviews of a CSV file, plain or gzipped. Raises ValueError naming the column, or the row, column and value."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            return list(_reviews(file, path))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: cannot be read as CSV: {error}") from error


def split_reviews(reviews: Sequence[Review], *, items: int, per_item: int, seed: int) -> ReviewSplit:
    """Hold out at most `per_item` and at most half of the reviews of the `items` items reviewed most.

    Raises ValueError when fewer than 3 items have FEWEST_REVIEWS reviews, the least a rank correlation needs.
    """
    for name, value in (("items", items), ("reviews", per_item)):
        if value < 1:
            raise ValueError(f"{name}: received {value}, at least 1 is needed")
    counts = Counter(review.item for review in reviews)
    chosen = [item for item, count in counts.most_common() if count >= FEWEST_REVIEWS][:items]
    if len(chosen) < 3:
        raise ValueError(
            f"items: {len(chosen)} of {len(counts)} items are to be rated; at least 3 with {FEWEST_REVIEWS} reviews "
            f"each are needed"
        )
    generator = np.random.default_rng(seed)
    rows: dict[str, list[int]] = {item: [] for item in chosen}
    for index, review in enumerate(reviews):
        if review.item in rows:
            rows[review.item].append(index)
    held_out: set[int] = set()
    for item in chosen:
        size = min(per_item, len(rows[item]) // 2)
        held_out.update(int(index) for index in generator.choice(rows[item], size=size, replace=False))
    return ReviewSplit(
        items=chosen,
        training=[review for index, review in enumerate(reviews) if index not in held_out],
        test=[review for index, review in enumerate(reviews) if index in held_out],
    )


def age_band(age: int) -> str:
    return next(name for above, name in AGE_BANDS if age < above)


def persona_of(band: str, department: str) -> dict[str, str]:
    """Prompt fields of a reviewer: all that the file says of her is an age and what she bought."""
    wears = department.lower() or "clothes"
    return {
        "name": f"a woman of {band}",
        "gender": "female",
        "age_band": band,
        "likes": wears,
        "bio": f"A woman of {band} who buys her own clothes, {wears} above all, and tells others how they turned out.",
    }


def products_of(training: Sequence[Review]) -> dict[str, dict[str, str]]:
    """Prompt fields of each item, plus `said`: what its training reviews say more often than those of other items.

    Only training reviews go in, so nothing of a held-out review can reach a prompt; no star is told.
    """
    words_of: dict[str, Counter[str]] = {}
    everywhere: Counter[str] = Counter()
    reviewed: Counter[str] = Counter()
    of_item: dict[str, Review] = {}
    for review in training:
        words = set(re.findall(r"[a-z]{3,}", review.text.lower()))
        words_of.setdefault(review.item, Counter()).update(words)
        everywhere.update(words)
        reviewed[review.item] += 1
        of_item[review.item] = review
    return {
        item: _product(of_item[item], words, reviewed[item], everywhere, len(training))
        for item, words in words_of.items()
    }


def item_text(product: Mapping[str, str]) -> str:
    """The same words as in the prompt, as one text."""
    return " ".join(value for value in product.values() if value)


def _product(
    example: Review, words: Counter[str], reviews: int, everywhere: Counter[str], total: int
) -> dict[str, str]:
    def most_said(vocabulary: Sequence[str]) -> str:
        best = max(vocabulary, key=lambda word: words[word])
        return best if words[best] >= max(2, LEAST_SHARE * reviews) else ""

    def surprise(word: str) -> float:
        """Log-likelihood part: how much more often than elsewhere, weighted by how often."""
        return words[word] * float(np.log((words[word] / reviews) / (everywhere[word] / total)))

    candidates = [word for word in words if words[word] >= 2 and word not in ENGLISH_STOP_WORDS]
    said = sorted(candidates, key=lambda word: (-surprise(word), word))[:WORDS_SAID]
    return {
        "title": example.item_class or example.department or "Clothing",
        "category": example.department,
        "gender": "women",
        "colour": most_said(COLOURS),
        "pattern": most_said(PATTERNS),
        "material": most_said(MATERIALS),
        "said": ", ".join(said),
    }


def _reviews(file: TextIO, path: Path) -> Iterator[Review]:
    reader = csv.DictReader(file)
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
    if missing:
        raise ValueError(f"{path}: missing column {', '.join(missing)}; received {', '.join(reader.fieldnames or [])}")
    for number, values in enumerate(reader, start=2):
        item = (values["Clothing ID"] or "").strip()
        if not item:
            raise ValueError(f"{path}: row {number}, column Clothing ID: received nothing")
        yield Review(
            row=number,
            item=item,
            age=_whole(path, number, "Age", values["Age"], 1, 120),
            rating=_whole(path, number, "Rating", values["Rating"], 1, 5),
            department=(values["Department Name"] or "").strip(),
            item_class=(values["Class Name"] or "").strip(),
            text=f"{values.get('Title') or ''} {values['Review Text'] or ''}".strip(),
        )


def _whole(path: Path, row: int, column: str, value: str | None, low: int, high: int) -> int:
    try:
        number = int(value or "")
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise ValueError(f"{path}: row {row}, column {column}: received {value!r}, expected {low} to {high}")
    return number
