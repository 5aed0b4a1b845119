"""How shoppers browse: sessions, slates, examined positions, noisy choices, and what follows a click."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fashionrec.simulation.config import WorldConfig

KINDS: tuple[str, ...] = ("click", "like", "basket_add", "purchase", "dislike")

# (constant, slope) of the log-odds of each kind after a click, the slope per standard deviation of own taste.
# Measured shares of the kinds: docs/explanation/planted-worlds.md.
LIKE_ODDS = (-2.2, 0.6)
BASKET_ODDS = (-1.9, 0.7)
PURCHASE_ODDS = (-0.9, 0.5)
DISLIKE_ODDS = (-3.4, -1.2)

DAY = 86_400.0
MEAN_GAP = 45.0  # seconds between two events of a session
SLATES_PER_SESSION = 80  # a shopper who has found nothing new by then leaves

Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


class Browsing:
    """B shoppers, simulated together session by session.

    popularity (I,), latents (I, K), persona_part (B, I), categories (I,), private and centre (B, K) taste
    now and the segment's, own_scale: spread of private weights around the centre, targets (B,) number of
    events. Products must be sorted by category: its mass is then the difference of two cumulative sums.
    """

    def __init__(
        self,
        *,
        popularity: NDArray[np.float64],
        latents: NDArray[np.float64],
        persona_part: NDArray[np.float64],
        categories: NDArray[np.int64],
        private: NDArray[np.float64],
        centre: NDArray[np.float64],
        own_scale: float,
        targets: NDArray[np.int64],
        config: WorldConfig,
        rng: np.random.Generator,
    ) -> None:
        self.popularity, self.latents, self.persona_part = popularity, latents, persona_part
        self.private, self.centre, self.own_scale = private.copy(), centre, own_scale
        self.targets, self.config, self.rng = targets, config, rng
        self.categories = categories
        labels = np.arange(categories.max() + 1)
        self.category_start = np.searchsorted(categories, labels, side="left")
        self.category_end = np.searchsorted(categories, labels, side="right")
        self.own_spread = float(np.sqrt(latents.shape[1] * private.var() + persona_part.var())) or 1.0
        self.examination = (1.0 + np.arange(config.slate_size)) ** -config.examination_exponent
        size = targets.size
        self.met = np.zeros((size, popularity.size), dtype=bool)
        self.emitted = np.zeros(size, dtype=np.int64)
        self.clock = np.zeros(size)
        self.interest = np.full(size, -1, dtype=np.int64)
        self.final_private, self.final_interest = self.private.copy(), self.interest.copy()
        self.log: list[Columns] = []

    def run(self) -> Columns:
        """Events (shopper, product, kind as an index into KINDS, time), sorted by (shopper, time)."""
        size = self.targets.size
        sessions = 1 + self.rng.poisson(self.targets / self.config.events_per_session)
        horizon = self.config.horizon_days * DAY
        arrival = self.rng.uniform(0.0, horizon, size)[:, None]
        starts = arrival + (horizon - arrival) * self.rng.random((size, int(sessions.max())))
        starts[np.arange(starts.shape[1]) >= sessions[:, None]] = np.inf
        starts.sort(axis=1)
        for number in range(starts.shape[1]):
            active = np.flatnonzero(number < sessions)
            quota = -(-self.targets * (number + 1) // sessions)
            self._session(active, starts[active, number], quota[active])
        return self._columns()

    def _session(self, rows: NDArray[np.int64], start: NDArray[np.float64], quota: NDArray[np.int64]) -> None:
        self._drift(rows, start)
        own = self.private[rows] @ self.latents.T + self.persona_part[rows]
        weight = self.popularity + self.config.slate_relevance * own
        weight = np.exp(weight - weight.max(axis=1, keepdims=True))
        weight[self.met[rows]] = 0.0
        sums = np.concatenate([np.zeros((rows.size, 1)), np.cumsum(weight, axis=1)], axis=1)
        here = np.arange(rows.size)
        for _ in range(SLATES_PER_SESSION):
            here = here[self.emitted[rows[here]] < quota[here]]
            if not here.size:
                return
            self._choose(rows, here, own, sums)

    def _drift(self, rows: NDArray[np.int64], start: NDArray[np.float64]) -> None:
        """Stationary random walk (Ornstein-Uhlenbeck) around the segment's taste since the last session."""
        begin = np.maximum(start, self.clock[rows] + 1800.0)
        days = np.where(self.clock[rows] > 0, begin - self.clock[rows], 0.0) / DAY
        keep = np.exp(-days / self.config.drift_days)[:, None]
        step = self.rng.normal(0.0, self.own_scale, (rows.size, self.latents.shape[1]))
        away = self.private[rows] - self.centre[rows]
        self.private[rows] = self.centre[rows] + keep * away + np.sqrt(1.0 - keep**2) * step
        self.clock[rows] = begin
        self.interest[rows] = -1

    def _choose(
        self,
        rows: NDArray[np.int64],
        here: NDArray[np.int64],
        own: NDArray[np.float64],
        sums: NDArray[np.float64],
    ) -> None:
        """One slate each: examine, then click the best of it by own taste plus Gumbel noise."""
        config, rng = self.config, self.rng
        slate = self._slates(sums, here, self.interest[rows[here]])
        taste = own[here[:, None], slate]
        examined = (rng.random(slate.shape) < self.examination) & ~self.met[rows[here][:, None], slate]
        wish = (1.0 - config.slate_relevance) * taste
        wish[rng.random(here.size) < config.click_noise] = 0.0
        wish = np.where(examined, wish + rng.gumbel(size=slate.shape), -np.inf)
        at = wish.argmax(axis=1)
        found = examined.any(axis=1)
        each = np.arange(here.size)
        clicked = slate[each, at]
        dull = np.where(examined & (slate != clicked[:, None]), taste, np.inf)
        worst_at = dull.argmin(axis=1)
        disliked = rng.random(here.size) < _probability(DISLIKE_ODDS, dull[each, worst_at] / self.own_spread)
        shoppers = rows[here]
        self.clock[shoppers] += rng.exponential(MEAN_GAP, here.size) + 1.0
        self._emit(
            shoppers[found],
            clicked[found],
            slate[each, worst_at][found],
            taste[each, at][found] / self.own_spread,
            disliked[found],
        )

    def _slates(
        self, sums: NDArray[np.float64], here: NDArray[np.int64], interest: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Products drawn in proportion to exp(popularity + relevance + interest): (n, slate_size) int64.

        Raising one category's log-odds mixes two draws from the same cumulative sums: inside that category's
        stretch, or outside it. So one (B, I) table serves every slate of a session.
        """
        shape = (here.size, self.config.slate_size)
        low = np.where(interest >= 0, sums[here, self.category_start[interest]], 0.0)[:, None]
        high = np.where(interest >= 0, sums[here, self.category_end[interest]], 0.0)[:, None]
        total, inside = sums[here, -1][:, None], high - low
        raised = inside * np.exp(self.config.interest_log_odds)
        takes_inside = self.rng.random(shape) * (raised + total - inside) < raised
        draw = self.rng.random(shape)
        outside = draw * (total - inside)
        mark = np.where(takes_inside, low + draw * inside, outside + np.where(outside >= low, inside, 0.0))
        product = np.empty(shape, dtype=np.int64)
        for index, row in enumerate(here):  # one binary search a row: 0.3 µs a draw
            product[index] = np.searchsorted(sums[row], mark[index], side="right") - 1
        return np.clip(product, 0, self.popularity.size - 1)

    def _emit(
        self,
        shoppers: NDArray[np.int64],
        clicked: NDArray[np.int64],
        worst: NDArray[np.int64],
        taste: NDArray[np.float64],
        disliked: NDArray[np.bool_],
    ) -> None:
        """Log a click and what follows it, and remember the state that led to the click."""
        rng, n = self.rng, shoppers.size
        liked = rng.random(n) < _probability(LIKE_ODDS, taste)
        basket = rng.random(n) < _probability(BASKET_ODDS, taste)
        bought = basket & (rng.random(n) < _probability(PURCHASE_ODDS, taste))
        happens = np.stack([np.ones(n, dtype=bool), liked, basket, bought, disliked], axis=1)
        gaps = (rng.exponential(MEAN_GAP, happens.shape) + 1.0) * happens
        times = self.clock[shoppers][:, None] + np.cumsum(gaps, axis=1)
        products = np.repeat(clicked[:, None], len(KINDS), axis=1)
        products[:, -1] = worst
        kinds = np.broadcast_to(np.arange(len(KINDS)), happens.shape)
        who = np.broadcast_to(shoppers[:, None], happens.shape)
        self.log.append((who[happens], products[happens], kinds[happens], times[happens]))
        self.emitted[shoppers] += happens.sum(axis=1)
        self.clock[shoppers] = times[:, -1]
        self.met[shoppers, clicked] = True
        self.met[shoppers[disliked], worst[disliked]] = True
        self.final_private[shoppers] = self.private[shoppers]
        self.final_interest[shoppers] = self.interest[shoppers]
        self.interest[shoppers] = self.categories[clicked]

    def _columns(self) -> Columns:
        shopper, product, kind, time = (np.concatenate(parts) for parts in zip(*self.log, strict=True))
        order = np.lexsort((time, shopper))
        shopper, product, kind, time = shopper[order], product[order], kind[order], time[order]
        rank = np.arange(shopper.size) - np.searchsorted(shopper, shopper, side="left")
        kept = rank < self.targets[shopper]  # a chain may overshoot: its tail is cut, never its click
        return shopper[kept], product[kept], kind[kept], time[kept]


def _probability(odds: tuple[float, float], taste: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logistic of constant + slope · taste; an infinite taste with a negative slope gives 0."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds[0] + odds[1] * taste, -60.0, 60.0))))
