"""The parameters of a planted world: frozen, each with its meaning."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

_SHARES = (
    "popularity_share",
    "persona_share",
    "segment_share",
    "attribute_share",
    "slate_relevance",
    "click_noise",
)
_POSITIVE = (
    "latent_size",
    "segments",
    "drift_days",
    "slate_size",
    "median_events",
    "events_per_session",
    "horizon_days",
)


@dataclass(frozen=True)
class WorldConfig:
    """What is assumed about shoppers. Changing a default is an ADR with figures before and after."""

    popularity_share: float = 0.08
    """Share of the utility variance over (shopper, product) cells due to shared popularity."""

    persona_share: float = 0.30
    """Share of that variance explained by persona and product attributes; private taste takes the rest."""

    zipf_exponent: float = 1.0
    """Shared popularity of the product of rank r is proportional to r ** -zipf_exponent."""

    latent_size: int = 6
    """Dimensions of private taste and of the product latents."""

    segments: int = 8
    """Number of segments: shoppers who share much of their private taste, whatever their personas."""

    segment_share: float = 0.7
    """Share of private taste's variance that a shopper's segment determines; the rest is own, and drifts."""

    attribute_share: float = 0.7
    """Share of a product latent's variance that its attributes (what it looks like) determine."""

    drift_days: float = 365.0
    """Time constant of own taste's stationary random walk: correlation exp(-days / drift_days)."""

    interest_log_odds: float = 1.4
    """Log-odds added, within a session, to the category of the product chosen just before."""

    slate_size: int = 24
    """Positions shown to a shopper before each choice."""

    slate_relevance: float = 0.5
    """How much own taste already shapes the slate (search, browsing); the choice among it does the rest."""

    examination_exponent: float = 0.5
    """Position bias: the position p = 1, 2, … is examined with probability p ** -examination_exponent."""

    click_noise: float = 0.05
    """Share of clicks that fall on a random examined product, whatever its utility."""

    min_events: int = 5
    """Fewest events of a shopper."""

    median_events: float = 20.0
    """Median of the long-tailed (log-normal) number of events of a shopper."""

    events_sigma: float = 0.7
    """Standard deviation of the logarithm of the number of events."""

    max_events: int = 60
    """Most events of a shopper."""

    events_per_session: float = 6.0
    """Mean number of events in a session."""

    horizon_days: float = 90.0
    """Length of the simulated period, in days; sessions start within it."""

    def __post_init__(self) -> None:
        for name in _SHARES:
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name}: must lie in [0, 1], received {value!r}")
        if self.popularity_share <= 0.0:
            raise ValueError(f"popularity_share: must be positive, received {self.popularity_share!r}")
        if self.private_share < 0.0:
            total = self.popularity_share + self.persona_share
            raise ValueError(f"popularity_share + persona_share: must not exceed 1, received {total!r}")
        if not 1 <= self.min_events <= self.max_events:
            raise ValueError(f"min_events: must lie in [1, {self.max_events}], received {self.min_events!r}")
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: must be positive, received {getattr(self, name)!r}")

    @property
    def private_share(self) -> float:
        """Share of the utility variance due to private taste."""
        return 1.0 - self.popularity_share - self.persona_share

    def digest(self, seed: int) -> str:
        """sha256 hex of these parameters and a seed: the name of a world's truth."""
        text = json.dumps({"seed": seed, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
