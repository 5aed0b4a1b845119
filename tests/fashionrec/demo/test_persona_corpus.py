"""Made-up people: valid for every quota cell, true to the cell, and many."""

from __future__ import annotations

import itertools
import re
from dataclasses import asdict

import numpy as np

from fashionrec.demo.persona_corpus import draw_cell, draw_terms, write_person
from fashionrec.demo.persona_words import FIRST_NAMES, INVENTED_BRANDS, LAST_NAMES
from personas.ml.near_duplicates import neighbours, person_text
from personas.ml.persona_draft import PersonaDraft
from personas.quotas import QUOTAS


def test_every_cell_of_the_quota_grid_gets_a_valid_person() -> None:
    rng = np.random.default_rng(0)
    occupations = [*QUOTAS["occupation"], "between jobs", "part-time student"]
    grid = {**{name: list(shares) for name, shares in QUOTAS.items()}, "occupation": occupations}
    for gender, occupation in itertools.product(grid["gender"], occupations):
        for age_band, style in itertools.product(grid["age_band"], grid["style"]):
            cell = draw_cell(rng) | {
                "gender": gender, "occupation": occupation, "age_band": age_band, "style": style,
            }  # fmt: skip
            draft = PersonaDraft.model_validate(asdict(write_person(cell, rng)))
            assert 2 <= len(re.findall(r"[.!?](?=\s|$)", draft.bio)) <= 4


def test_the_bio_keeps_to_the_pronouns_and_tells_of_likes_or_dislikes() -> None:
    rng = np.random.default_rng(1)
    told = 0
    for _ in range(300):
        cell = draw_cell(rng)
        person = write_person(cell, rng)
        wrong = r"\b(he|his|him)\b" if cell["gender"] == "woman" else r"\b(she|her)\b"
        assert not re.search(wrong, person.bio, re.IGNORECASE)
        assert "{" not in person.bio
        told += any(term in person.bio for term in person.dislikes)
    assert told == 300


def test_likes_and_dislikes_share_no_word() -> None:
    rng = np.random.default_rng(2)
    for _ in range(300):
        person = write_person(draw_cell(rng), rng)
        liked, disliked = (
            {word for term in terms for word in term.split()} for terms in (person.likes, person.dislikes)
        )
        assert not liked & disliked


def test_terms_are_distinct_and_keep_clear_of_others() -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        terms = draw_terms(rng, count=6, without=["navy blue"])
        words = [word for term in terms for word in term.split()]
        assert len(set(words)) == len(words)
        assert not {"navy", "blue"} & set(words)


def test_two_thousand_people_are_all_different() -> None:
    rng = np.random.default_rng(4)
    people = [write_person(draw_cell(rng), rng) for _ in range(2_000)]
    judged = neighbours([person_text(bio=p.bio, brands=p.brands, dislikes=p.dislikes) for p in people])
    assert judged.above == []
    assert len({person.name for person in people}) > 1_900


def test_there_are_many_names_and_invented_brands() -> None:
    assert [len(set(names)) for names in FIRST_NAMES.values()] == [len(names) for names in FIRST_NAMES.values()]
    assert min(len(names) for names in FIRST_NAMES.values()) >= 100
    assert len(set(LAST_NAMES)) == len(LAST_NAMES) >= 150
    assert len(set(INVENTED_BRANDS)) == len(INVENTED_BRANDS) >= 300
