"""Which persona a visitor is like: the one whose published ratings go along with what the visitor did."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from feedback.models import Visitor
from feedback.selectors import standing_events
from personas.selectors import published_ratings

FEWEST_COMMON = 5
"""Products that a persona must have rated among those the visitor met."""

LEAST_CORRELATION = 0.2
"""Below this nobody is like the visitor."""


@dataclass(frozen=True, eq=False)
class PersonaMatcher:
    """keys: of the personas, in the order of `ratings`; ratings: (personas, products) float64, NaN where none."""

    keys: list[str]
    item_of: dict[int, int]
    ratings: NDArray[np.float64]

    @classmethod
    def of_published_ratings(cls) -> "PersonaMatcher":
        keys: dict[str, int] = {}
        items: dict[int, int] = {}
        cells: list[tuple[int, int, float]] = []
        for key, product, rating, *_ in published_ratings():
            cells.append((keys.setdefault(key, len(keys)), items.setdefault(product, len(items)), rating))
        ratings = np.full((len(keys), len(items)), np.nan)
        for persona, item, rating in cells:
            ratings[persona, item] = rating
        return cls(list(keys), items, ratings)

    def best_match(self, visitor: Visitor, *, passed_over: Collection[int] = ()) -> str | None:
        """Key of the persona with the highest Pearson correlation between its ratings and the visitor's signals.

        A product's signal is the sum of the rewards of its standing events, cut to −1..1, and 0 for one that was
        passed over. None without FEWEST_COMMON products in common, or below LEAST_CORRELATION.
        """
        rewards: dict[str, float] = settings.FASHIONREC["REWARDS"]
        signals = dict.fromkeys(passed_over, 0.0)
        events = standing_events(visitor).filter(type__in=list(rewards), product__isnull=False)
        for product, event_type in events.values_list("product_id", "type"):
            signals[int(product or 0)] = signals.get(int(product or 0), 0.0) + rewards[event_type]
        met = [(self.item_of[product], signal) for product, signal in signals.items() if product in self.item_of]
        if len(met) < FEWEST_COMMON:
            return None
        columns = self.ratings[:, [item for item, _ in met]]
        signal = np.clip([value for _, value in met], -1.0, 1.0)
        correlations = [_correlation(row, signal) for row in columns]
        best = int(np.argmax(correlations))
        return self.keys[best] if correlations[best] >= LEAST_CORRELATION else None


def _correlation(ratings: NDArray[np.float64], signal: NDArray[np.float64]) -> float:
    known = ~np.isnan(ratings)
    if known.sum() < FEWEST_COMMON or np.ptp(ratings[known]) == 0 or np.ptp(signal[known]) == 0:
        return -1.0
    return float(np.corrcoef(ratings[known], signal[known])[0, 1])
