"""What a language model may write about a person."""

import pytest
from pydantic import ValidationError

from personas.ml.persona_draft import CELL_ATTRIBUTES, PersonaDraft, persona_messages
from personas.quotas import draw_cells

GOOD = {
    "name": "Ada Brink",
    "likes": ["wool", "navy"],
    "dislikes": ["neon", "fur"],
    "brands": ["Nordhavn"],
    "bio": "Ada cycles to work in all weathers. She will not wear neon or fur.",
}


def test_a_thing_said_twice_is_said_once_and_the_order_stays():
    draft = PersonaDraft.model_validate(GOOD | {"likes": ["wool", "Navy", " wool", "navy", "linen"]})
    assert draft.likes == ["wool", "Navy", "linen"]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("likes", ["wool", "Wool"], "at least 2 items"),
        ("likes", ["wool", 5], "valid string"),
        ("likes", "wool, navy", "valid list"),
        ("dislikes", ["a", "b", "c", "d", "e", "f", "g"], "at most 6 items"),
        ("dislikes", ["fur", "x" * 61], "1 to 60 characters"),
        ("dislikes", ["fur", "   "], "1 to 60 characters"),
        ("brands", [], "at least 1 item"),
        ("brands", ["Nord\x00havn"], "control characters"),
        ("name", "A", "at least 3 characters"),
        ("name", "A\x1b[31mda", "control characters"),
        ("bio", "Ada cycles to work in all weathers and that is all there is", "two sentences"),
        ("bio", "Short. Too.", "at least 40 characters"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(field, value, reason):
    with pytest.raises(ValidationError) as caught:
        PersonaDraft.model_validate(GOOD | {field: value})
    error = caught.value.errors()[0]
    assert error["loc"][0] == field
    assert reason in error["msg"]


def test_white_space_is_made_one_blank_and_unknown_keys_are_left_out():
    draft = PersonaDraft.model_validate(GOOD | {"name": "  Ada\n Brink ", "age": 5})
    assert draft.name == "Ada Brink"
    assert not hasattr(draft, "age")


def test_the_request_names_every_attribute_of_the_cell():
    cell = draw_cells(count=1, seed=3)[0]
    asked = persona_messages(cell)[1]["content"].splitlines()
    assert [line for line in asked if ": " in line] == [
        f"{name}: {cell[attribute]}"
        for name, attribute in zip(
            ("Gender", "Age", "Region", "Occupation", "Style", "Budget"), CELL_ATTRIBUTES, strict=True
        )
    ]
