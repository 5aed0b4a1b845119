import random
from collections import Counter

import pytest

from fashionrec.common.errors import Invalid
from personas.ml.persona_report import joint_table
from personas.quotas import QUOTAS, apportion, draw_cells, in_order, resolve_quotas


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


def test_without_quotas_the_cells_are_those_of_the_usual_shares():
    assert draw_cells(count=200, seed=5, quotas={}) == draw_cells(count=200, seed=5)
    assert resolve_quotas(count=200) == {name: apportion(shares, 200) for name, shares in QUOTAS.items()}


def test_numbers_of_people_are_met_exactly_and_the_rest_is_shared_as_usual():
    quotas = {"gender": {"man": 700, "woman": 300}, "age_band": {"18-24": 200}, "budget": {"low": 0}}
    cells = draw_cells(count=1000, seed=1, quotas=quotas)
    assert Counter(cell["gender"] for cell in cells) == {"man": 700, "woman": 300}
    ages = Counter(cell["age_band"] for cell in cells)
    others = {value: share for value, share in QUOTAS["age_band"].items() if value != "18-24"}
    assert ages == {"18-24": 200, **apportion(others, 800)}
    assert Counter(cell["budget"] for cell in cells) == apportion({"medium": 0.4, "high": 0.25}, 1000)
    assert Counter(cell["style"] for cell in cells) == apportion(QUOTAS["style"], 1000)
    assert sum(joint_table(cells).values()) == 1000


def test_shares_are_apportioned_and_the_rest_is_shared_as_usual():
    assert resolve_quotas(count=7, quotas={"gender": {"man": 0.1, "woman": 0.9}})["gender"] == {"woman": 6, "man": 1}
    tenths = {"18-24": 0.1, "25-34": 0.2, "35-44": 0.3, "45-54": 0.1, "55-64": 0.2, "65+": 0.1}
    assert resolve_quotas(count=10, quotas={"age_band": tenths})["age_band"]["35-44"] == 3
    assert resolve_quotas(count=100, quotas={"budget": {"low": 0.35}})["budget"] == {
        "low": 35,
        "medium": 40,
        "high": 25,
    }
    assert resolve_quotas(count=10, quotas={"gender": {"man": 1.0}})["gender"] == {"woman": 0, "man": 10}


@pytest.mark.parametrize(
    ("quotas", "field", "value"),
    [
        ({"shoe size": {"44": 1}}, "quotas", "shoe size"),
        ({"gender": {"robot": 1}}, "quotas.gender", "robot"),
        ({"gender": {"man": 60, "woman": 30}}, "quotas.gender", 90),
        ({"gender": {"man": 101}}, "quotas.gender", 101),
        ({"gender": {"man": -1}}, "quotas.gender.man", -1),
        ({"gender": {"man": True}}, "quotas.gender.man", True),
        ({"gender": {"man": "50"}}, "quotas.gender.man", "50"),
        ({"gender": {"man": 1.5}}, "quotas.gender.man", 1.5),
        ({"gender": {"man": 0.5, "woman": 0.4}}, "quotas.gender", 0.9),
        ({"gender": {"man": 50, "woman": 0.5}}, "quotas.gender", {"man": 50, "woman": 0.5}),
    ],
)
def test_quotas_that_cannot_be_met_are_refused_naming_field_and_value(quotas, field, value):
    with pytest.raises(Invalid) as caught:
        draw_cells(count=100, seed=0, quotas=quotas)
    assert (caught.value.fields[0].field, caught.value.fields[0].value) == (field, value)


def test_a_table_is_shown_in_the_order_of_the_quotas_with_unknown_values_last():
    shown = list(in_order({"gender": {"man": 1, "other": 2, "woman": 3}, "budget": {"high": 4, "low": 5}}))
    assert [entry for _, _, entry in shown] == [3, 1, 2, 5, 4]
    assert shown[0] == ("gender", "woman", 3)


def test_not_a_number_is_refused_as_a_quota():
    with pytest.raises(Invalid, match=r"quotas.gender.man: .*received nan"):
        resolve_quotas(count=10, quotas={"gender": {"man": float("nan")}})
