"""A scorer with a known truth and the known faults of language models: never −1, nearly everything 6 or 8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashionrec.simulation.rating_scale import SCALE, log_probabilities

LATENTS = 6
TASTE_MEAN, TASTE_SPREAD = -1.2, 1.7
"""Of the taste behind a rating, as in the planted world on the demo catalogue."""

PRODUCT_SHARE = 0.3
"""Share of the taste's variance that all personas have in common; the rest depends on who is asked."""

MISREADING, ORDER_NOISE = 1.2, 0.4
"""Noise added to the taste: common to both label orders, and anew in each."""

SHARPNESS = 0.5
"""Factor on the honest log-probabilities: the model knows less than it should, and its habits weigh more."""

HABIT = {-1: -9.0, 6: 6.0, 8: 6.0}
"""Log-bias of points of the scale, in either label order. It brings 6 and 8 to over 80% and −1 to none."""

LETTER_SPREAD = 0.5
"""Standard deviation of the log-bias of letters, drawn once per seed."""


@dataclass(frozen=True)
class BiasedCells:
    """persona, product: (N,) numbers from 0. truth: (N,) expected honest rating. log_probabilities: (N, 2, 11)
    float64, what the scorer says in ascending and descending label order; columns are points of the scale, rows sum
    to 1 after exp.
    """

    persona: NDArray[np.int64]
    product: NDArray[np.int64]
    truth: NDArray[np.float64]
    log_probabilities: NDArray[np.float64]


def score_with_bias(*, cells: int, raters_per_product: int = 4, personas: int = 200, seed: int = 0) -> BiasedCells:
    """Each product is rated by `raters_per_product` different personas until there are `cells` cells.

    Raises ValueError unless 1 ≤ raters_per_product ≤ personas and cells ≥ 1.
    """
    if cells < 1:
        raise ValueError(f"cells: at least 1 is needed, received {cells}")
    if not 1 <= raters_per_product <= personas:
        raise ValueError(f"raters_per_product: expected 1 to {personas}, the personas, received {raters_per_product}")
    rng = np.random.default_rng(seed)
    product = np.arange(cells) // raters_per_product
    # Consecutive numbers from a random start are different personas, and each persona comes equally often.
    persona = (rng.integers(personas, size=product[-1] + 1)[product] + np.arange(cells) % raters_per_product) % personas
    likes = rng.standard_normal((personas, LATENTS))
    looks = rng.standard_normal((product[-1] + 1, LATENTS)) / np.sqrt(LATENTS)
    common = rng.standard_normal(product[-1] + 1)[product]
    own = (likes[persona] * looks[product]).sum(axis=1)
    taste = TASTE_MEAN + TASTE_SPREAD * (np.sqrt(PRODUCT_SHARE) * common + np.sqrt(1 - PRODUCT_SHARE) * own)
    misread = taste + MISREADING * rng.standard_normal(cells)
    heard = misread[:, None] + ORDER_NOISE * rng.standard_normal((cells, 2))
    habit = np.array([HABIT.get(point, 0.0) for point in SCALE])
    letters = LETTER_SPREAD * rng.standard_normal(len(SCALE))
    scores = SHARPNESS * log_probabilities(heard) + habit + np.stack([letters, letters[::-1]])
    scores -= np.log(np.exp(scores).sum(axis=2, keepdims=True))
    truth = np.exp(log_probabilities(taste)) @ np.array(SCALE)
    return BiasedCells(persona=persona, product=product, truth=truth, log_probabilities=scores)
