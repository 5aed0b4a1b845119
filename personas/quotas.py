"""Who the personas are, before anyone imagines them: shares fixed outside the model, exact by construction."""

from collections.abc import Mapping

import numpy as np

QUOTAS: dict[str, dict[str, float]] = {
    "gender": {"woman": 0.5, "man": 0.5},
    "age_band": {"18-24": 0.18, "25-34": 0.24, "35-44": 0.20, "45-54": 0.16, "55-64": 0.12, "65+": 0.10},
    "region": {"northern city": 0.2, "southern coast": 0.2, "capital": 0.25, "small town": 0.2, "countryside": 0.15},
    "occupation": {
        "student": 0.16,
        "office worker": 0.24,
        "tradesperson": 0.14,
        "creative": 0.14,
        "health worker": 0.14,
        "retired": 0.18,
    },
    "style": {
        "casual": 0.2,
        "formal": 0.12,
        "sporty": 0.13,
        "boho": 0.11,
        "streetwear": 0.12,
        "classic": 0.12,
        "minimal": 0.1,
        "romantic": 0.1,
    },
    "budget": {"low": 0.35, "medium": 0.4, "high": 0.25},
}
"""Share of personas per attribute value."""


def apportion(shares: Mapping[str, float], count: int) -> dict[str, int]:
    """Whole numbers that add up to `count`, by largest remainder.

    >>> apportion({"a": 0.5, "b": 0.3, "c": 0.2}, 7)
    {'a': 4, 'b': 2, 'c': 1}
    """
    if count < 0:
        raise ValueError(f"count: expected at least 0, received {count!r}")
    total = sum(shares.values())
    exact = {name: count * share / total for name, share in shares.items()}
    whole = {name: int(value) for name, value in exact.items()}
    left = count - sum(whole.values())
    for name in sorted(exact, key=lambda name: whole[name] - exact[name])[:left]:
        whole[name] += 1
    return whole


def draw_cells(*, count: int, seed: int) -> list[dict[str, str]]:
    """`count` quota cells whose share of every attribute value is exact; how values meet is drawn by the seed."""
    generator = np.random.default_rng(seed)
    columns = {}
    for attribute, shares in QUOTAS.items():
        values = [value for value, number in apportion(shares, count).items() for _ in range(number)]
        columns[attribute] = generator.permutation(values)
    return [_plausible({name: str(column[row]) for name, column in columns.items()}) for row in range(count)]


def _plausible(cell: dict[str, str]) -> dict[str, str]:
    """Only a wording: nobody of 18–24 is retired, nobody of 65+ studies full time; quotas are untouched."""
    wording = {
        ("retired", "18-24"): "between jobs",
        ("retired", "25-34"): "between jobs",
        ("student", "65+"): "part-time student",
    }
    return {**cell, "occupation_wording": wording.get((cell["occupation"], cell["age_band"]), cell["occupation"])}
