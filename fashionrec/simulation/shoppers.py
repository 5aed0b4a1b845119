"""Shoppers of a planted world: who they are, and the events and hidden states that come of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashionrec.simulation.browsing import KINDS, Browsing
from fashionrec.simulation.config import WorldConfig

BLOCK = 512  # shoppers worked on at once: 512 × 5,000 float64 utilities ≈ 20 MB


@dataclass(frozen=True)
class ShopperEvents:
    """Events sorted by (shopper, time); one click per shopper and product, before all else with it."""

    n_shoppers: int
    n_products: int
    shopper: NDArray[np.int64]
    """(E,) index of the shopper."""
    persona: NDArray[np.int64]
    """(n_shoppers,) index of each shopper's persona."""
    product: NDArray[np.int64]
    """(E,) index of the product."""
    kind: NDArray[np.str_]
    """(E,) one of KINDS."""
    time: NDArray[np.float64]
    """(E,) seconds since the world began, strictly increasing per shopper."""

    def first_positives(self) -> NDArray[np.int64]:
        """Indexes (F,) of each shopper's first positive event with each product: what a split holds out."""
        return np.flatnonzero(self.kind == "click")


@dataclass
class Population:
    """Hidden states of simulated shoppers, as of their last choice of a new product."""

    persona: NDArray[np.int64]
    """(n,) persona of each shopper."""
    private: NDArray[np.float64]
    """(n, K) private taste."""
    interest: NDArray[np.int64]
    """(n,) category that the session's previous choice made interesting; −1 for none."""


def simulate(
    n: int,
    *,
    popularity: NDArray[np.float64],
    latents: NDArray[np.float64],
    persona_part: NDArray[np.float64],
    categories: NDArray[np.int64],
    private_scale: float,
    config: WorldConfig,
    rng: np.random.Generator,
) -> tuple[ShopperEvents, Population]:
    """Simulate n shoppers. popularity (I,), latents (I, K), persona_part (P, I), categories (I,).

    Personas and segments are dealt round and shuffled apart: all are equally large, but for one shopper.
    """
    order = np.argsort(categories, kind="stable")  # so that a category is one stretch
    personas = rng.permutation(np.arange(n) % persona_part.shape[0])
    segment_scale = private_scale * float(np.sqrt(config.segment_share))
    centres = segment_scale * _standardised(rng, config.segments, latents.shape[1])
    centre = centres[rng.permutation(np.arange(n) % config.segments)]
    own_scale = private_scale * float(np.sqrt(1.0 - config.segment_share))
    private = centre + rng.normal(0.0, own_scale, centre.shape)
    population = Population(personas, private, np.full(n, -1, dtype=np.int64))
    targets = np.clip(
        np.rint(config.median_events * np.exp(config.events_sigma * rng.standard_normal(n))),
        config.min_events,
        config.max_events,
    ).astype(np.int64)
    columns: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    for start in range(0, n, BLOCK):
        rows = slice(start, min(start + BLOCK, n))
        block = Browsing(
            popularity=popularity[order],
            latents=latents[order],
            persona_part=persona_part[personas[rows]][:, order],
            categories=categories[order],
            private=private[rows],
            centre=centre[rows],
            own_scale=own_scale,
            targets=targets[rows],
            config=config,
            rng=rng,
        )
        shopper, product, kind, time = block.run()
        columns.append((shopper + start, order[product], kind, time))
        population.private[rows], population.interest[rows] = block.final_private, block.final_interest
    shopper, product, kind, time = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    events = ShopperEvents(
        n_shoppers=n,
        n_products=popularity.size,
        shopper=shopper,
        persona=personas,
        product=product,
        kind=np.asarray(KINDS)[kind],
        time=time,
    )
    return events, population


def _standardised(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    """Normal draws whose columns have exactly mean 0 and variance 1 (0 for a single row)."""
    draws = rng.standard_normal((rows, columns))
    draws -= draws.mean(axis=0)
    return np.asarray(draws / draws.std(axis=0)) if rows > 1 else draws
