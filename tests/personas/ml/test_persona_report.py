import numpy as np
import pytest

from personas.ml.persona_report import Person, describe_people, nearest_neighbours, quota_table, stereotype_check

CELL = {
    "gender": "woman", "age_band": "25-34", "region": "capital", "occupation": "creative", "style": "casual",
    "budget": "low",
}  # fmt: skip


def person(key, *, gender="woman", brand="Nordfell", bio="She walks a lot. She wears no fur.", style="casual"):
    cell = {**CELL, "gender": gender, "style": style}
    return Person(key=key, cell=cell, likes=["wool"], dislikes=["fur"], brands=[brand], bio=bio)


def crowd(count, brand_of, seed=0):
    generator = np.random.default_rng(seed)
    genders = ["woman", "man"] * (count // 2)
    return [person(str(n), gender=gender, brand=brand_of(gender, generator)) for n, gender in enumerate(genders)]


def test_the_quota_table_counts_values_and_whole_cells():
    asked = [CELL, CELL, {**CELL, "gender": "man"}]
    assert quota_table(asked, asked)["exact"] is True
    swapped = quota_table(asked, [CELL, {**CELL, "gender": "man"}, {**CELL, "gender": "man"}])
    assert swapped["attributes"]["gender"] == {"man": [1, 2], "woman": [2, 1]}
    assert swapped["attributes"]["style"] == {"casual": [3, 3]}
    assert (swapped["exact"], swapped["missing"], swapped["unasked"], swapped["cells"]) == (False, 1, 1, 2)


def test_right_totals_in_the_wrong_combination_are_not_exact():
    asked = [CELL, {**CELL, "gender": "man", "style": "formal"}]
    got = [{**CELL, "gender": "man"}, {**CELL, "style": "formal"}]
    table = quota_table(asked, got)
    assert all(wanted == found for values in table["attributes"].values() for wanted, found in values.values())
    assert (table["exact"], table["missing"], table["unasked"]) == (False, 2, 2)


def test_nearest_neighbours_name_the_closest_pair_and_count_those_above_the_limit():
    people = [person("a"), person("b", bio="Completely other words here. Nothing is shared at all."), person("c")]
    found = nearest_neighbours(people)
    assert (found["maximum"], sorted(found["pair"]), found["pairs_above"]) == (1.0, ["a", "c"], 1)
    assert sum(found["histogram"]) == 3
    assert found["histogram"][9] == 2
    assert nearest_neighbours([])["maximum"] == 0.0


def test_brands_chosen_by_gender_are_found_out_with_the_words_that_tell():
    found = stereotype_check(crowd(80, lambda gender, _: {"woman": "Fleur", "man": "Bolt"}[gender]))
    assert (found["accuracy"], found["auc"], found["base_rate"], found["folds"]) == (1.0, 1.0, 0.5, 5)
    assert found["telling"]["woman"][0] == "brands fleur"
    assert found["telling"]["man"][0] == "brands bolt"


def test_brands_chosen_by_chance_give_gender_away_no_better_than_guessing():
    found = stereotype_check(crowd(400, lambda _, generator: str(generator.choice(["Fleur", "Bolt", "Kaia"]))))
    assert abs(found["accuracy"] - 0.5) < 0.08
    assert abs(found["auc"] - 0.5) < 0.08


@pytest.mark.parametrize("people", [[], [person(str(n)) for n in range(20)], crowd(8, lambda *_: "Fleur")])
def test_too_few_people_of_two_genders_give_a_reason_instead_of_figures(people):
    assert "needs at least 5 people of each of two genders" in stereotype_check(people)["reason"]
    assert describe_people(people)["people"] == len(people)
