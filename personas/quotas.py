"""Who the personas are, before anyone imagines them: shares fixed outside the model, exact by construction."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fashionrec.common.errors import Invalid

Quotas = Mapping[str, Mapping[str, float]]
"""Numbers of people or shares per attribute value: {"gender": {"man": 500, "woman": 500}}."""

TOLERANCE = 1e-9
"""Shares such as 0.1 and 0.2 add up to 1 but for rounding."""

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


def resolve_quotas(*, count: int, quotas: Quotas | None = None) -> dict[str, dict[str, int]]:
    """How many of `count` people have each value of each attribute; every attribute adds up to `count`.

    `quotas` overrides QUOTAS per attribute value: whole numbers are people, fractions below 1 are shares, one kind per
    attribute. Values left out share what is left in their usual proportion. Raises Invalid naming the attribute or
    value for an unknown one, a number out of range, a mixture of both kinds, or a sum that cannot make `count`.
    """
    asked = quotas or {}
    for attribute in asked:
        if attribute not in QUOTAS:
            raise Invalid.for_field("quotas", attribute, f"unknown attribute; expected one of {', '.join(QUOTAS)}")
    return {name: _resolve(name, usual, asked.get(name) or {}, count) for name, usual in QUOTAS.items()}


def draw_cells(*, count: int, seed: int, quotas: Quotas | None = None) -> list[dict[str, str]]:
    """`count` quota cells whose number of every attribute value is exact; how values meet is drawn by the seed."""
    generator = np.random.default_rng(seed)
    columns = {}
    for attribute, numbers in resolve_quotas(count=count, quotas=quotas).items():
        values = [value for value, number in numbers.items() for _ in range(number)]
        columns[attribute] = generator.permutation(values)
    return [_plausible({name: str(column[row]) for name, column in columns.items()}) for row in range(count)]


def in_order(table: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """(attribute, value, entry) of a table in the order of QUOTAS, which a JSON column forgets; unknown values last."""
    for attribute, usual in QUOTAS.items():
        values = table.get(attribute, {})
        for value in [*(name for name in usual if name in values), *(name for name in values if name not in usual)]:
            yield attribute, value, values[value]


def _resolve(attribute: str, usual: Mapping[str, float], asked: Mapping[str, float], count: int) -> dict[str, int]:
    if not asked:
        return apportion(usual, count)
    field = f"quotas.{attribute}"
    for value, number in asked.items():
        if value not in usual:
            raise Invalid.for_field(field, value, f"unknown value; expected one of {', '.join(usual)}")
        if isinstance(number, bool) or not isinstance(number, int | float) or not number >= 0:
            raise Invalid.for_field(f"{field}.{value}", number, "expected a number of people, or a share below 1")
        if isinstance(number, float) and number > 1:
            raise Invalid.for_field(f"{field}.{value}", number, "a share is at most 1; people are whole numbers")
    if len({isinstance(number, float) for number in asked.values()}) > 1:
        raise Invalid.for_field(field, dict(asked), "either numbers of people or shares, not both")
    total, shares = sum(asked.values()), isinstance(next(iter(asked.values())), float)
    whole = 1 if shares else count
    left_out = {value: share for value, share in usual.items() if value not in asked}
    if total > whole + TOLERANCE or (not left_out and total < whole - TOLERANCE):
        raise Invalid.for_field(field, total, f"expected to add up to {whole}")
    if shares:
        rest = max(0.0, 1 - total) / (sum(left_out.values()) or 1)
        return apportion({value: asked.get(value, share * rest) for value, share in usual.items()}, count)
    rest_numbers = apportion(left_out, count - int(total)) if left_out else {}
    return {value: int(asked[value]) if value in asked else rest_numbers[value] for value in usual}


def _plausible(cell: dict[str, str]) -> dict[str, str]:
    """Only a wording: nobody of 18–24 is retired, nobody of 65+ studies full time; quotas are untouched."""
    wording = {
        ("retired", "18-24"): "between jobs",
        ("retired", "25-34"): "between jobs",
        ("student", "65+"): "part-time student",
    }
    return {**cell, "occupation_wording": wording.get((cell["occupation"], cell["age_band"]), cell["occupation"])}
