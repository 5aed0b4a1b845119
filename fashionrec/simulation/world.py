"""A planted world: a catalogue and personas given, everything that moves shoppers known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fashionrec.simulation.config import WorldConfig
from fashionrec.simulation.rating_scale import log_probabilities
from fashionrec.simulation.shoppers import Population, ShopperEvents, simulate
from fashionrec.simulation.taste import PRICE_EDGES, Taste, hidden_normal, normalise_product, parse_price

LATENT_ATTRIBUTES = (
    "category",
    "colour",
    "pattern",
    "material",
    "season",
    "brand",
    "gender",
    "style",
    "price_band",
)


@dataclass(frozen=True)
class SimProduct:
    """A product as the simulator sees it; any attribute may be missing."""

    key: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SimPersona:
    """A persona: gender, age_band, region, occupation, style, budget, likes, dislikes (comma-separated)."""

    key: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class World:
    """The truth. Utility of product i for shopper s, in log-odds of being chosen::

        popularity[i] + private[s] · latents[i] + persona_part[persona[s], i]   (+ Gumbel noise per choice)

    popularity: (I,) float64, centred; latents: (I, K) float64, columns centred, uncorrelated, of variance 1;
    persona_part: (P, I) float64, rows of mean 0; private_scale: standard deviation of a private weight.
    """

    def __init__(
        self,
        products: Sequence[SimProduct],
        personas: Sequence[SimPersona],
        *,
        config: WorldConfig,
        seed: int,
    ) -> None:
        keys = [persona.key for persona in personas]
        if len(set(keys)) < len(keys):
            raise ValueError(
                f"personas: keys must differ, received {min(k for k in keys if keys.count(k) > 1)!r} twice"
            )
        if len(products) < 2:
            raise ValueError(f"products: at least 2 are needed, received {len(products)}")
        if not personas:
            raise ValueError("personas: at least 1 is needed, received 0")
        self.products, self.personas = tuple(products), tuple(personas)
        self.config, self.seed = config, seed
        self.taste = Taste(seed=seed)
        self.price_edges = price_edges([product.attributes for product in products])
        self._goods = [normalise_product(product.attributes, price_edges=self.price_edges) for product in products]
        popularity_seed, latent_seed, self._shopper_seed = np.random.SeedSequence(seed).spawn(3)
        self.popularity = _zipf(len(products), config.zipf_exponent, np.random.default_rng(popularity_seed))
        total = float(self.popularity.var()) / config.popularity_share
        self.persona_scores = self.taste.scores([persona.attributes for persona in personas], self._goods)
        self.persona_part = _persona_part(self.persona_scores, self.popularity, share=config.persona_share, total=total)
        self.latents = self._product_latents(np.random.default_rng(latent_seed))
        self.private_scale = float(np.sqrt(config.private_share * total / config.latent_size))
        names = [product["category"] for product in self._goods]
        self.categories = np.unique(names, return_inverse=True)[1].astype(np.int64)
        self._population: Population | None = None

    @property
    def digest(self) -> str:
        """sha256 hex of parameters and seed."""
        return self.config.digest(self.seed)

    def simulate_shoppers(self, n: int) -> ShopperEvents:
        """Events of n shoppers, sorted by (shopper, time); the same world and n give the same events."""
        if n < 1:
            raise ValueError(f"n: at least 1 shopper is needed, received {n!r}")
        rng = np.random.default_rng(self._shopper_seed)
        events, self._population = simulate(
            n,
            popularity=self.popularity,
            latents=self.latents,
            persona_part=self.persona_part,
            categories=self.categories,
            private_scale=self.private_scale,
            config=self.config,
            rng=rng,
        )
        return events

    def utility(self, shoppers: NDArray[np.int64] | Sequence[int] | None = None) -> NDArray[np.float32]:
        """The oracle: utilities just before each shopper's last choice of a new product, (n, I) float32.

        Includes the private taste of that session and the interest that the choice before it had raised,
        not the noise of the choice itself. Shoppers are those of the latest simulate_shoppers; None = all.
        Raises RuntimeError before any simulation and IndexError for an unknown shopper.
        """
        population = self.population
        chosen = np.arange(population.persona.size) if shoppers is None else np.asarray(shoppers, dtype=np.int64)
        utilities = self.popularity + self.private_part(chosen) + self.persona_part[population.persona[chosen]]
        same = self.categories[None, :] == population.interest[chosen, None]
        return np.asarray(utilities + self.config.interest_log_odds * same, dtype=np.float32)

    def private_part(self, shoppers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Private taste of the shoppers at their last choice: (n, I) float64."""
        return np.asarray(self.population.private[shoppers] @ self.latents.T)

    @property
    def population(self) -> Population:
        """Hidden states of the latest simulated shoppers; RuntimeError before any simulation."""
        if self._population is None:
            raise RuntimeError("utility: no shoppers yet, call simulate_shoppers first")
        return self._population

    def persona_rating_distribution(
        self, persona_key: str, product_attributes: Mapping[str, str]
    ) -> NDArray[np.float64]:
        """True distribution of a persona's rating of a product over −1, 1..10: (11,) float64, sums to 1."""
        persona = next((persona for persona in self.personas if persona.key == persona_key), None)
        if persona is None:
            raise KeyError(f"persona_key: received {persona_key!r}")
        score = self.taste.scores([persona.attributes], [product_attributes], price_edges=self.price_edges)
        return np.asarray(np.exp(log_probabilities(score))[0, 0])

    def rating_distributions(self) -> NDArray[np.float64]:
        """True rating distributions of every persona for every product: (P, I, 11) float64."""
        return np.asarray(np.exp(log_probabilities(self.persona_scores)))

    def variance_shares(self) -> dict[str, float]:
        """Measured shares of the utility variance over the cells of the latest shoppers, centred per shopper.

        The share of a part is its covariance with the sum over the variance of the sum: shares add to 1.
        """
        everyone = np.arange(self.population.persona.size)
        persona = self.persona_part[self.population.persona]
        private = self.private_part(everyone)
        total = self.popularity + private + persona
        parts = {
            "popularity": np.broadcast_to(self.popularity, total.shape),
            "private": private,
            "persona": persona,
        }
        return {name: float((part * total).mean() / (total**2).mean()) for name, part in parts.items()}

    def _product_latents(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """What attributes determine plus what is a product's own, whitened: (I, K) float64."""
        size = self.config.latent_size
        explained = np.zeros((len(self._goods), size))
        for name in LATENT_ATTRIBUTES:
            values, index = np.unique([product.get(name, "") for product in self._goods], return_inverse=True)
            table = [
                [hidden_normal(self.seed, "latent", name, str(value), str(k)) if value else 0.0 for k in range(size)]
                for value in values
            ]
            explained += np.asarray(table)[index]
        share = self.config.attribute_share if explained.std(axis=0).min() > 0 else 0.0
        own = _standardise(rng.standard_normal(explained.shape))
        return _whiten(np.sqrt(share) * _standardise(explained) + np.sqrt(1.0 - share) * own)


def build_world(
    products: Sequence[SimProduct],
    personas: Sequence[SimPersona],
    *,
    config: WorldConfig | None = None,
    seed: int = 0,
) -> World:
    """Plant a world on a catalogue and personas. Raises ValueError on fewer than 2 products or no persona."""
    return World(products, personas, config=config or WorldConfig(), seed=seed)


def price_edges(products: Sequence[Mapping[str, str]]) -> tuple[float, float]:
    """Terciles of a catalogue's numeric prices; the built-in edges when fewer than 3 products have one."""
    prices = [price for price in (parse_price(product.get("price", "")) for product in products) if price is not None]
    if len(prices) < 3:
        return PRICE_EDGES
    low, high = np.quantile(prices, [1 / 3, 2 / 3])
    return float(low), float(high)


def _zipf(n: int, exponent: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Centred log-popularity of n products whose ranks are drawn at random."""
    popularity = -exponent * np.log(1.0 + rng.permutation(n))
    return np.asarray(popularity - popularity.mean())


def _persona_part(
    scores: NDArray[np.float64], popularity: NDArray[np.float64], *, share: float, total: float
) -> NDArray[np.float64]:
    """Scores centred per persona, scaled to take `share` of the utility's variance: (P, I) float64.

    The share of a part is its covariance with the utility over the utility's variance. With variance V of
    the scores, covariance c with popularity and R = (1 − share)·total for the other parts, the scale a solves
    a²V + a·c = share·(R + a²V + 2·a·c), so that chance correlation cannot move the share.
    """
    centred = scores - scores.mean(axis=1, keepdims=True)
    variance, covariance = float((centred**2).mean()), float((centred * popularity).mean())
    if variance < 1e-12 or share == 0.0:
        return np.zeros_like(centred)
    rest = (1.0 - share) * total
    quadratic, linear = variance * (1.0 - share), covariance * (1.0 - 2.0 * share)
    scale = (-linear + np.sqrt(linear**2 + 4.0 * quadratic * share * rest)) / (2.0 * quadratic)
    return np.asarray(centred * scale)


def _standardise(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns of mean 0 and variance 1; a constant column becomes 0."""
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0))


def _whiten(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns rotated and scaled as little as makes them centred and uncorrelated with variance 1 (ZCA).

    A catalogue with fewer products than columns keeps what variance it has.
    """
    centred = columns - columns.mean(axis=0)
    left, spread, right = np.linalg.svd(centred, full_matrices=False)
    kept = spread > 1e-9
    return np.asarray(np.sqrt(len(columns)) * left[:, kept] @ right[kept])
