import random
from collections import Counter

import pytest

from personas.quotas import QUOTAS, apportion, draw_cells


def test_apportioned_numbers_add_up_and_are_the_share_rounded_up_or_down():
    chance = random.Random(5)
    for _ in range(500):
        shares = {str(n): chance.random() + 0.01 for n in range(chance.randint(1, 12))}
        count = chance.randint(0, 3000)
        numbers = apportion(shares, count)
        assert list(numbers) == list(shares)
        assert sum(numbers.values()) == count
        for name, share in shares.items():
            assert abs(numbers[name] - count * share / sum(shares.values())) < 1


def test_the_rest_goes_to_the_largest_remainders_and_ties_to_the_first():
    assert apportion({"a": 0.5, "b": 0.3, "c": 0.2}, 7) == {"a": 4, "b": 2, "c": 1}
    assert apportion({"a": 1, "b": 1, "c": 1}, 4) == {"a": 2, "b": 1, "c": 1}
    assert apportion({"a": 1, "b": 3}, 0) == {"a": 0, "b": 0}


def test_a_negative_count_is_refused_with_its_value():
    with pytest.raises(ValueError, match="count: expected at least 0, received -1"):
        apportion({"a": 1}, -1)


@pytest.mark.parametrize("count", [1, 7, 48, 200, 1000])
def test_every_attribute_has_exactly_its_share_whatever_the_seed(count):
    for seed in (0, 1, 99):
        cells = draw_cells(count=count, seed=seed)
        assert len(cells) == count
        for attribute, shares in QUOTAS.items():
            assert abs(sum(shares.values()) - 1) < 1e-9
            expected = {value: number for value, number in apportion(shares, count).items() if number}
            assert Counter(cell[attribute] for cell in cells) == expected


def test_the_seed_decides_how_values_meet():
    assert draw_cells(count=48, seed=3) == draw_cells(count=48, seed=3)
    assert draw_cells(count=48, seed=3) != draw_cells(count=48, seed=4)


def test_wording_is_plausible_and_changes_no_quota():
    cells = draw_cells(count=1000, seed=0)
    worded = {(c["age_band"], c["occupation"], c["occupation_wording"]) for c in cells}
    assert ("18-24", "retired", "between jobs") in worded
    assert ("65+", "student", "part-time student") in worded
    assert ("65+", "retired", "retired") in worded
