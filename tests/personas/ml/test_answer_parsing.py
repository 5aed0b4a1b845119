import pytest

from personas.ml.answer_parsing import ParsedAnswer, parse_answer, parse_everyone, parse_letter, parse_number
from personas.ml.prompt_text import DESCENDING, POINTS


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("7", 7),
        (" -1\n", -1),
        ("−1", -1),
        ("–1", -1),
        ("minus one", -1),
        ("negative 1", -1),
        ("seven", 7),
        ("Ten.", 10),
        ("7.0", 7),
        ("8/10", 8),
        ("10/10", 10),
        ("8 out of 10", 8),
        ("Rating: 7", 7),
        ("**Rating:** −1", -1),
        ("Rating: 8/10", 8),
        ("I'd give it a 7.", 7),
        ("I'd give this one a six", 6),
        ("The 2 pockets are great. My rating is 9", 9),
        ("I am 34 and rate it 6/10", 6),
        ("6, since I like navy", 6),
    ],
)
def test_a_rating_is_read_in_the_forms_that_models_give_it(text: str, point: int) -> None:
    assert parse_number(text) == point


@pytest.mark.parametrize(
    "text",
    ["", "lovely", "This one is nice", "0", "11", "-10", "-2", "7.5", "4/5", "Rating: 10/5", "between 6 and 7", "1-10",
     "$49.99", "Rating: 7.5", "12 pockets", "minus two"],
)  # fmt: skip
def test_no_rating_is_guessed_from_prose_two_numbers_or_numbers_off_the_scale(text: str) -> None:
    assert parse_number(text) is None


def test_every_point_is_read_back_from_itself_and_nothing_else_is_adherent() -> None:
    for point in POINTS:
        assert parse_answer("number", str(point)) == ParsedAnswer(point, True)
        assert parse_answer("number", f" {point}\n") == ParsedAnswer(point, True)
        for more in (f"{point}.", f"Rating: {point}", f"{point}/10"):
            assert parse_answer("number", more) == ParsedAnswer(point, False), more
    assert parse_answer("number", "−1") == ParsedAnswer(-1, True)
    assert parse_answer("number", "I like it") == ParsedAnswer(None, False)


@pytest.mark.parametrize(
    ("text", "point", "adherent"),
    [
        (" A", -1, True),
        ("K", 10, True),
        ("(F)", 5, False),
        ("C: 2 - finds it wrong", 2, False),
        ("Rating: J", 9, False),
        ("Answer: **D**", 3, False),
        ("J\n\nProduct", 9, False),
        ("7", 7, False),
        ("A or B", None, False),
        ("I like A line skirts", None, False),
        ("a", None, False),
        ("L", None, False),
    ],
)
def test_a_letter_stands_for_its_point(text: str, point: int | None, adherent: bool) -> None:
    assert parse_answer("letters", text) == ParsedAnswer(point, adherent)


def test_in_descending_order_the_letters_stand_for_the_points_from_the_other_end() -> None:
    assert parse_letter("A", DESCENDING) == 10
    assert parse_letter("K", DESCENDING) == -1


def test_an_open_answer_is_adherent_when_it_is_prose_with_one_rating_in_it() -> None:
    assert parse_answer("open", "Too loud for me, so I rate it 2.") == ParsedAnswer(2, True)
    assert parse_answer("open", "7") == ParsedAnswer(7, False)
    assert parse_answer("open", "Too loud for me.") == ParsedAnswer(None, False)
    with pytest.raises(ValueError, match="received 'riddle'"):
        parse_answer("riddle", "7")


def test_everyone_gets_their_own_line_and_one_stray_line_spoils_adherence_for_all() -> None:
    assert parse_everyone("1: 4\n2: -1\n3: 10\n", 3) == [
        ("1: 4", ParsedAnswer(4, True)),
        ("2: -1", ParsedAnswer(-1, True)),
        ("3: 10", ParsedAnswer(10, True)),
    ]
    assert parse_everyone("Here they are:\n1. 4\nPerson 2: 8/10", 3) == [
        ("1. 4", ParsedAnswer(4, False)),
        ("Person 2: 8/10", ParsedAnswer(8, False)),
        ("", ParsedAnswer(None, False)),
    ]
    assert [parsed.adherent for _, parsed in parse_everyone("2: 4\n1: 5", 2)] == [False, False]
    assert [parsed.point for _, parsed in parse_everyone("1: 4\n1: 9\n2: nice", 2)] == [4, None]
