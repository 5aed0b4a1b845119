import re

from personas.biographies import DISLIKES, LIKES_BY_STYLE, write_biography
from personas.quotas import draw_cells


def people(count, seed=7):
    return [
        (cell, write_biography(cell, index=index, seed=seed))
        for index, cell in enumerate(draw_cells(count=count, seed=seed))
    ]


def test_everyone_has_at_least_two_sentences_and_two_dislikes_that_their_style_does_not_like():
    for cell, person in people(300):
        sentences = re.findall(r"[A-Z][^.]+\.", person.bio)
        assert len(sentences) >= 2, person.bio
        assert 2 <= len(person.dislikes) == len(set(person.dislikes)) <= 4
        assert len(person.likes) == len(set(person.likes)) == 3
        assert set(person.likes) <= set(LIKES_BY_STYLE[cell["style"]])
        assert set(person.dislikes) <= set(DISLIKES) - set(LIKES_BY_STYLE[cell["style"]])
        assert all(word in person.bio for word in person.dislikes)


def test_a_biography_says_what_its_quota_cell_says():
    for cell, person in people(60):
        assert cell["region"] in person.bio
        assert cell["occupation_wording"] in person.bio
        assert cell["style"] in person.bio
        assert person.bio.startswith(person.name.split()[0])
        assert ("She " in person.bio) == (cell["gender"] == "woman")
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|\s\s|\.\.", person.bio), person.bio


def test_names_and_biographies_differ_between_hundreds_of_people():
    everyone = [person for _, person in people(400)]
    assert len({person.name for person in everyone}) == 400
    assert len({person.bio for person in everyone}) == 400
    openings = {" ".join(person.bio.split()[1:4]) for person in everyone}
    assert len(openings) >= 15


def test_the_same_seed_writes_the_same_person_and_another_seed_another():
    assert people(20) == people(20)
    assert [person for _, person in people(20, seed=8)] != [person for _, person in people(20)]
