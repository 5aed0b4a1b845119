"""What recommended lists are like, whether they hit or not: how much of the catalogue, how alike, how popular."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.ml.dataset import FloatArray, IntArray
from recommender.ml.metrics import PerUser, unseen


@dataclass(frozen=True)
class ListFigures:
    """Of the lists shown to all users; None where it cannot be said.

    coverage: share of the catalogue that is in at least one list.
    gini: of how often each item is shown; 0 all equally often, near 1 a few items take all places.
    diversity: mean over users of 1 − cosine of the content of two items of one list.
    category_diversity: mean over users of the share of pairs of one list that are of different categories.
    novelty: mean bits, −log2 of an item's share of all events; rare items bring more.
    popularity_lift: mean popularity of what is shown over that of what the same users took; 1 is their own taste.
    """

    coverage: float
    gini: float
    diversity: float | None
    category_diversity: float | None
    novelty: float
    popularity_lift: float | None

    def rounded(self) -> dict[str, float | None]:
        return {name: None if value is None else round(value, 4) for name, value in asdict(self).items()}


def first_k(scores: NDArray[np.floating], seen: Sequence[IntArray], k: int) -> IntArray:
    """(B, k) int64: each user's list, best first; of equal scores the lower index; −1 where nothing unseen is left.

    scores: (B, n_items), not changed; seen: B arrays of item indexes, never shown.
    """
    candidate = unseen(seen, scores.shape[1])
    width = min(k, scores.shape[1])
    masked = np.where(candidate, scores, -np.inf)
    least = -np.partition(-masked, width - 1, axis=1)[:, width - 1 : width]
    above, at_least = masked > least, masked == least
    room = width - above.sum(axis=1, keepdims=True)
    chosen = np.nonzero(above | (at_least & (np.cumsum(at_least, axis=1) <= room)))[1].reshape(len(scores), width)
    rows = np.arange(len(scores))[:, None]
    order = np.argsort(-masked[rows, chosen], axis=1, kind="stable")
    listed = np.take_along_axis(chosen, order, axis=1)
    # An unseen item may itself be scored −∞; a seen one never is in a list.
    listed = np.where(candidate[rows, listed], listed, -1)
    listed = np.take_along_axis(listed, np.argsort(listed < 0, axis=1, kind="stable"), axis=1)
    return np.pad(listed, ((0, 0), (0, k - width)), constant_values=-1).astype(np.int64)


def list_figures(
    shown: IntArray,
    histories: Sequence[IntArray],
    *,
    popularity: PerUser,
    content: FloatArray,
    category: IntArray | None = None,
) -> ListFigures:
    """Figures of the lists `shown` (U, k), −1 for an empty place, to users with `histories`.

    popularity: (n_items,) event weight at the time of the ranking. content: (n_items, D), L2-normalised, zero rows
    for none; D may be 0. category: (n_items,), −1 for none.
    """
    n_items = len(popularity)
    diversity = intra_list_diversity(shown, content)
    by_category = None if category is None else category_diversity(shown, category)
    return ListFigures(
        coverage=coverage(shown, n_items),
        gini=gini(np.bincount(shown[shown >= 0], minlength=n_items)),
        diversity=_mean_known(diversity),
        category_diversity=None if by_category is None else _mean_known(by_category),
        novelty=float(np.nanmean(novelty(shown, popularity))),
        popularity_lift=popularity_lift(shown, histories, popularity),
    )


def coverage(shown: IntArray, n_items: int) -> float:
    """Share of n_items that stand in at least one of the (U, k) lists."""
    return len(np.unique(shown[shown >= 0])) / n_items


def gini(counts: IntArray) -> float:
    """Of (n_items,) counts: 0 when all are equal, (n − 1) / n when one has them all. Raises ValueError without any."""
    total = counts.sum()
    if not total:
        raise ValueError("counts: received none above 0, expected at least one shown item")
    n = len(counts)
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(counts).astype(np.float64) / (n * total))


def intra_list_diversity(shown: IntArray, content: FloatArray) -> PerUser:
    """(U,) float64: 1 − mean cosine over the pairs of a list whose items both have content; NaN without such a pair.

    shown: (U, k); content: (n_items, D) float32, L2-normalised. Ziegler et al. 2005, in its averaged form.
    """
    known = (shown >= 0) & (np.linalg.norm(content, axis=1) > 0)[shown]
    count = known.sum(axis=1)
    # The sum over pairs is (|Σv|² − Σ|v|²) / 2: no pair is visited.
    total = np.zeros((len(shown), content.shape[1]))
    squares = np.zeros(len(shown))
    for place in range(shown.shape[1]):
        vectors = content[shown[:, place]] * known[:, place, None]
        total += vectors
        squares += (vectors.astype(np.float64) ** 2).sum(axis=1)
    pairs = count * (count - 1)
    cosine = ((total**2).sum(axis=1) - squares) / np.where(pairs, pairs, 1)
    return np.where(pairs > 0, 1 - cosine, np.nan)


def category_diversity(shown: IntArray, category: IntArray) -> PerUser:
    """(U,) float64: share of pairs of a list with different categories, of items that have one; NaN without a pair."""
    group = np.where(shown >= 0, category[shown], -1)
    known = group >= 0
    count = known.sum(axis=1)
    same = np.zeros(len(shown))
    for place in range(shown.shape[1]):
        same += ((group == group[:, place, None]) & known & known[:, place, None]).sum(axis=1) - known[:, place]
    pairs = count * (count - 1)
    return np.where(pairs > 0, 1 - same / np.where(pairs, pairs, 1), np.nan)


def novelty(shown: IntArray, popularity: PerUser) -> PerUser:
    """(U,) float64: mean −log2 of an item's share of all event weight, one added to every item; NaN for an empty list.

    The added one keeps an item nobody took finite (self-information, Zhou et al. 2010; Castells et al. 2022).
    """
    bits = -np.log2((popularity + 1) / (popularity.sum() + len(popularity)))
    listed = shown >= 0
    count = listed.sum(axis=1)
    total = np.where(listed, bits[shown], 0.0).sum(axis=1)
    return np.where(count > 0, total / np.where(count, count, 1), np.nan)


def popularity_lift(shown: IntArray, histories: Sequence[IntArray], popularity: PerUser) -> float | None:
    """Mean popularity of the lists over mean popularity of the histories, users weighing alike; None without histories.

    After the group average popularity of Abdollahpouri et al. 2019: above 1, the lists are more popular than what
    the same users took by themselves.
    """
    listed = shown >= 0
    compared = np.array([len(history) > 0 for history in histories]) & listed.any(axis=1)
    took = [float(popularity[histories[user]].mean()) for user in np.flatnonzero(compared).tolist()]
    if not any(took):
        return None
    means = np.where(listed, popularity[shown], 0.0)[compared].sum(axis=1) / listed[compared].sum(axis=1)
    return float(means.mean() / np.mean(took))


def _mean_known(values: PerUser) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
