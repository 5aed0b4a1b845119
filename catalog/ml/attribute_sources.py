"""What speaks for a value of a product's empty field: its neighbours, prompts, its own words, and how common it is.

Every source answers with log scores (N, V) for N products and V values, which `attribute_suggestions` weighs.
numpy only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Scores = NDArray[np.float64]

TEMPLATES = ("{}", "a photo of {}", "a photo of {} clothing")
NEIGHBOURS = 30
SHARPNESS = 40.0
"""A neighbour's vote is exp(40 · cosine): .05 further away counts a seventh."""

NEIGHBOURHOODS = ("image", "text", "hybrid")
"""Kinds of vectors whose neighbours vote; the last one's are shown as evidence."""
PROMPTED = ("image", "hybrid")
"""Kinds of vectors that are compared with prompts."""
SOURCE_GROUPS = {
    "zero_shot": tuple(f"zero_shot_{kind}" for kind in PROMPTED),
    "neighbours": tuple(f"neighbours_{kind}" for kind in NEIGHBOURHOODS),
    "title": ("title",),
}
"""Sources that are measured on their own, too."""
PART_NAMES = ("title_names_a_value", "title_is_silent")

_WORD = re.compile(r"\w+")
_PER_BLOCK = 256


def prompts(value: str) -> list[str]:
    """Texts that a picture of `value` would be filed under; of a category path the last part counts.

    >>> prompts("Women > Dresses")
    ['dresses', 'a photo of dresses', 'a photo of dresses clothing']
    """
    word = value.rsplit(">", 1)[-1].strip().lower()
    return [template.format(word) for template in TEMPLATES]


def mean_prompts(vectors: Vectors) -> Vectors:
    """(V, D), L2-normalised: the mean of each value's prompts. vectors: (V · len(TEMPLATES), D), value by value."""
    means = vectors.reshape(-1, len(TEMPLATES), vectors.shape[1]).mean(axis=1)
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def nearest(
    queries: Vectors, references: Vectors, *, own: NDArray[np.int64], k: int = NEIGHBOURS
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Positions (N, K) in `references` and cosines (N, K) of each query's nearest, best first; K = min(k, R).

    queries: (N, D), references: (R, D), L2-normalised, or zeros where there is no vector: such a row is nobody's
    neighbour. own: (N,) position of the query itself among the references, which is left out; -1 where it is none.
    A place that nothing fills has the cosine -inf.
    """
    k = min(k, len(references))
    positions = np.zeros((len(queries), k), dtype=np.int64)
    cosines = np.full((len(queries), k), -np.inf, dtype=np.float32)
    if not k:
        return positions, cosines
    blank = ~references.any(axis=1)
    for start in range(0, len(queries), _PER_BLOCK):
        block = slice(start, start + _PER_BLOCK)
        similarity = queries[block] @ references.T
        similarity[:, blank] = -np.inf
        similarity[~queries[block].any(axis=1)] = -np.inf
        itself = np.flatnonzero(own[block] >= 0)
        similarity[itself, own[block][itself]] = -np.inf
        found = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(similarity, found, axis=1), axis=1, kind="stable")
        positions[block] = np.take_along_axis(found, order, axis=1)
        cosines[block] = np.take_along_axis(similarity, positions[block], axis=1)
    return positions, cosines


def neighbour_votes(
    positions: NDArray[np.int64], cosines: NDArray[np.float32], codes: NDArray[np.int64], values: int
) -> Scores:
    """Log of the share of votes per value, (N, V); nought everywhere for a product without neighbours.

    positions, cosines: (N, K) as from `nearest`; codes: (R,) value of each reference, -1 for one that is never
    suggested (its vote counts for nobody, and so makes the others less sure).
    """
    weights = np.where(np.isfinite(cosines), np.exp(SHARPNESS * (cosines - 1.0)), 0.0)
    total = weights.sum(axis=1)
    shares = np.zeros((len(positions), values + 1))
    np.add.at(shares, (np.arange(len(positions))[:, None], codes[positions]), weights)
    voted = total > 0
    shares[voted] /= total[voted, None]
    # One of twenty votes is spread over all values: a value without a vote is unlikely, not impossible.
    smoothed = 0.95 * shares[:, :values] + 0.05 / values
    return np.where(voted[:, None], np.log(smoothed), 0.0)


def prompt_scores(queries: Vectors, prompt_vectors: Vectors, *, usual: Vectors) -> Scores:
    """10 · (cosine with a value's prompts − the value's usual cosine), (N, V); nought for a product without a vector.

    usual: (V,) mean cosine of the catalogue with each value's prompts: some prompts are near to everything.
    """
    scores = 10.0 * (queries.astype(np.float64) @ prompt_vectors.T - usual)
    return np.where(queries.any(axis=1, keepdims=True), scores, 0.0)


def word_scores(texts: Sequence[str], values: Sequence[str]) -> Scores:
    """How many words of a value the text says when it says all of them, (N, V): "navy blue" outweighs "blue".

    A plural says the singular. Of a category path the last part counts.
    """
    wanted = [_stems(value.rsplit(">", 1)[-1]) for value in values]
    scores = np.zeros((len(texts), len(values)))
    for row, text in enumerate(texts):
        said = _stems(text)
        for column, words in enumerate(wanted):
            if words and words <= said:
                scores[row, column] = len(words)
    return scores


def usual_shares(groups: Sequence[str], codes: NDArray[np.int64], values: int) -> dict[str, NDArray[np.float64]]:
    """Log of how common each value is, (V,), among the products of each group; under "" among all.

    groups: (R,) what a product is for ("women"), "" where unknown; codes: (R,), -1 is not counted. A group's shares
    are drawn towards those of all, as if it had ten more products like the rest.
    """
    everywhere = (np.bincount(codes[codes >= 0], minlength=values) + 1.0) / (int((codes >= 0).sum()) + values)
    shares = {"": np.log(everywhere)}
    named = np.asarray(groups, dtype=object)
    for group in sorted(set(groups) - {""}):
        counts = np.bincount(codes[(named == group) & (codes >= 0)], minlength=values)
        shares[group] = np.log((counts + 10.0 * everywhere) / (counts.sum() + 10.0))
    return shares


@dataclass(frozen=True)
class Reference:
    """The products that have a value, and the values that can be suggested."""

    values: tuple[str, ...]
    codes: NDArray[np.int64]
    """(R,) index of each product's value in `values`; -1 where that is too rare to be suggested."""
    vectors: Mapping[str, Vectors]
    """(R, D) by kind (image, text, hybrid), L2-normalised; zeros where a product has none."""
    groups: Sequence[str]
    """(R,) what each product is for: "women", or "" where unknown."""
    prompt_vectors: Vectors
    """(V, D), as from mean_prompts."""
    shares: dict[str, NDArray[np.float64]] = field(init=False)
    usual: dict[str, Vectors] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", usual_shares(self.groups, self.codes, len(self.values)))
        usual = {}
        for kind in PROMPTED:
            mean = self.vectors[kind].sum(axis=0) / max(1, int(self.vectors[kind].any(axis=1).sum()))
            usual[kind] = self.prompt_vectors @ mean
        object.__setattr__(self, "usual", usual)


@dataclass(frozen=True)
class Asked:
    """N products whose value is asked for; their text must have been encoded without it."""

    vectors: Mapping[str, Vectors]
    """(N, D) by kind; zeros where a product has none."""
    titles: Sequence[str]
    groups: Sequence[str]
    own: NDArray[np.int64]
    """(N,) position among the references of a product that is one itself; -1 for the others."""


@dataclass(frozen=True)
class Answers:
    """What the sources say of N products."""

    scores: dict[str, Scores]
    """(N, V) by source."""
    neighbours: NDArray[np.int64]
    """(N, K) positions of the nearest references by hybrid vectors, best first."""
    cosines: NDArray[np.float32]
    """(N, K); -inf where there is no such neighbour."""


def ask(reference: Reference, asked: Asked) -> Answers:
    scores, positions, cosines = {}, np.zeros((0, 0), dtype=np.int64), np.zeros((0, 0), dtype=np.float32)
    for kind in NEIGHBOURHOODS:
        positions, cosines = nearest(asked.vectors[kind], reference.vectors[kind], own=asked.own)
        scores[f"neighbours_{kind}"] = neighbour_votes(positions, cosines, reference.codes, len(reference.values))
    for kind in PROMPTED:
        scores[f"zero_shot_{kind}"] = prompt_scores(
            asked.vectors[kind], reference.prompt_vectors, usual=reference.usual[kind]
        )
    scores["title"] = word_scores(asked.titles, reference.values)
    scores["usual"] = np.stack([reference.shares.get(group, reference.shares[""]) for group in asked.groups])
    return Answers(scores, positions, cosines)


def parts(scores: Mapping[str, Scores]) -> NDArray[np.int64]:
    """(N,) which of PART_NAMES each product belongs to."""
    return np.asarray(~scores["title"].any(axis=1), dtype=np.int64)


def _stems(text: str) -> set[str]:
    words = (word.lower().replace("_", "") for word in _WORD.findall(text))
    return {word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in words}
