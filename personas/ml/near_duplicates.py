"""Who says nearly the same as somebody already there: word-bigram TF-IDF over bio, brands and dislikes.

Bigrams, counts and weights are those of scikit-learn's TfidfVectorizer(ngram_range=(2, 2)): words of two or more
characters in lower case, idf(t) = ln((1 + n) / (1 + df(t))) + 1 over the n texts, vectors of length 1. The weights
move as texts are added, so a text is compared twice: with the weights as of now, the text itself counted among the n,
and without any weights. `PersonaIndex` adds texts one by one and refits nothing; `neighbours` judges a finished set.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

LIMIT = 0.9
"""No two people of a finished set have a cosine above it."""

ACCEPTED = 0.87
"""A new person is refused above it: room for the weights to move until the set is finished."""

_WORD = re.compile(r"\b\w\w+\b")
_BLOCK = 500
_FIRST_SIZE = 1 << 12


def person_text(*, bio: str, brands: Sequence[str], dislikes: Sequence[str]) -> str:
    """What is compared of a person."""
    return "\n".join((bio, ", ".join(brands), ", ".join(dislikes)))


def bigrams(text: str) -> list[tuple[str, str]]:
    """Neighbouring words of a text, in lower case; words have at least two characters.

    >>> bigrams("She wears a Navy coat.")
    [('she', 'wears'), ('wears', 'navy'), ('navy', 'coat')]
    """
    words = _WORD.findall(text.lower())
    return list(pairwise(words))


def distinct_2(texts: Sequence[str]) -> float:
    """Distinct bigrams / bigrams over all texts (Li et al. 2016), in 0..1; 0 without any."""
    found = [bigram for text in texts for bigram in bigrams(text)]
    return len(set(found)) / len(found) if found else 0.0


@dataclass(frozen=True)
class Twin:
    """The nearest of the texts already there. index: its place in order of adding; cosine: weighted or not, 0..1."""

    index: int
    cosine: float


class PersonaIndex:
    """Texts added one by one, and the nearest of them to a new one, found exactly.

    Bigram counts are kept as one growing sparse matrix, so a comparison is three products of it with a vector
    (1,000 texts of 80 bigrams: 1 ms; 10,000: 12 ms).
    """

    def __init__(self) -> None:
        self._vocabulary: dict[tuple[str, str], int] = {}
        self._frequency = np.zeros(_FIRST_SIZE)
        self._columns = np.zeros(_FIRST_SIZE, dtype=np.int32)  # scipy copies wider ones
        self._counts = np.zeros(_FIRST_SIZE)
        self._starts = np.zeros(_FIRST_SIZE, dtype=np.int32)
        self._lengths = np.zeros(_FIRST_SIZE)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, text: str) -> None:
        counted = Counter(bigrams(text))
        columns = [self._vocabulary.setdefault(bigram, len(self._vocabulary)) for bigram in counted]
        start = int(self._starts[self._size])
        end = start + len(columns)
        self._frequency = _grown(self._frequency, len(self._vocabulary))
        self._columns, self._counts = _grown(self._columns, end), _grown(self._counts, end)
        self._starts, self._lengths = _grown(self._starts, self._size + 2), _grown(self._lengths, self._size + 1)
        self._columns[start:end], self._counts[start:end] = columns, list(counted.values())
        self._frequency[columns] += 1
        self._lengths[self._size] = sum(n * n for n in counted.values())
        self._size += 1
        self._starts[self._size] = end

    def nearest(self, text: str) -> Twin | None:
        """The text with the highest cosine, weighted or unweighted, to `text`; None when nothing was added yet."""
        if not self._size:
            return None
        counted = Counter(bigrams(text))
        known = {self._vocabulary[bigram]: n for bigram, n in counted.items() if bigram in self._vocabulary}
        columns = np.fromiter(known.keys(), dtype=np.int64, count=len(known))
        asked = np.zeros(len(self._vocabulary))
        asked[columns] = np.fromiter(known.values(), dtype=np.float64, count=len(known))
        frequency = self._frequency[: len(self._vocabulary)].copy()
        frequency[columns] += 1
        weights = _idf(frequency, self._size + 1) ** 2
        # A bigram that no other text has takes part in the length of the new text alone.
        unknown = np.array([n for bigram, n in counted.items() if bigram not in self._vocabulary], dtype=np.float64)
        unknown_length = float((unknown**2).sum())
        unknown_weight = float(_idf(np.ones(1), self._size + 1)[0] ** 2)
        end = int(self._starts[self._size])
        shape = (self._size, len(self._vocabulary))
        pattern = (self._columns[:end], self._starts[: self._size + 1])
        counts = csr_matrix((self._counts[:end], *pattern), shape=shape)
        squares = csr_matrix((self._counts[:end] ** 2, *pattern), shape=shape)
        plain = _cosines(counts @ asked, self._lengths[: self._size], float((asked**2).sum()) + unknown_length)
        length = float((weights * asked**2).sum()) + unknown_weight * unknown_length
        weighted = _cosines(counts @ (weights * asked), squares @ weights, length)
        cosines = np.maximum(plain, weighted)
        index = int(np.argmax(cosines))
        return Twin(index=index, cosine=float(cosines[index]))


@dataclass(frozen=True)
class Neighbours:
    """A finished set judged. cosine: (N,) to the nearest other text, 0 for a text alone; index: (N,) which that is;
    above: (i, j, cosine) with i < j for every pair above the limit."""

    cosine: NDArray[np.float64]
    index: NDArray[np.int64]
    above: list[tuple[int, int, float]]


def neighbours(texts: Sequence[str], *, limit: float = LIMIT) -> Neighbours:
    """Every text's nearest neighbour by scikit-learn's own TfidfVectorizer fitted on all of them: an independent check.

    Works in blocks of rows, so that 10,000 texts need no 10,000 × 10,000 matrix.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    cosine, index = np.zeros(len(texts)), np.full(len(texts), -1, dtype=np.int64)
    above: list[tuple[int, int, float]] = []
    if len(texts) < 2 or not any(bigrams(text) for text in texts):
        return Neighbours(cosine, index, above)
    vectors = TfidfVectorizer(ngram_range=(2, 2)).fit_transform(texts)
    for start in range(0, len(texts), _BLOCK):
        block = (vectors[start : start + _BLOCK] @ vectors.T).toarray()
        rows = np.arange(len(block))
        block[rows, start + rows] = -1.0
        index[start : start + _BLOCK] = block.argmax(axis=1)
        cosine[start : start + _BLOCK] = np.clip(block.max(axis=1), 0.0, 1.0)
        for row, other in zip(*np.nonzero(block > limit), strict=True):
            if start + row < other:
                above.append((int(start + row), int(other), float(block[row, other])))
    return Neighbours(cosine, index, above)


def _idf(frequency: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    idf: NDArray[np.float64] = np.log((1 + size) / (1 + frequency)) + 1
    return idf


def _cosines(
    products: NDArray[np.float64], squared_lengths: NDArray[np.float64], squared_length: float
) -> NDArray[np.float64]:
    lengths = np.sqrt(squared_lengths * squared_length)
    return np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)


def _grown(array: NDArray[np.generic], size: int) -> NDArray:  # type: ignore[type-arg]
    """`array`, doubled until it holds `size` values."""
    while len(array) < size:
        array = np.concatenate([array, np.zeros_like(array)])
    return array
