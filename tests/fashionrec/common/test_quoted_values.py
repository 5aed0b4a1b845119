"""An error quotes what it received, but never at any length."""

from fashionrec.common.errors import Invalid


def test_a_long_value_is_cut_in_the_message_and_in_its_field() -> None:
    error = Invalid.for_field("file", "x" * 5000, "not a CSV text")
    assert error.message == f"file: not a CSV text (received {'x' * 200 + '…'!r})"
    assert error.fields[0].as_dict() == {"field": "file", "value": "x" * 200 + "…", "reason": "not a CSV text"}


def test_a_short_value_and_a_number_are_quoted_whole() -> None:
    assert Invalid.for_field("n", 0, "expected 1 to 100").message == "n: expected 1 to 100 (received 0)"
    assert Invalid.for_field("q", "é", "no").fields[0].as_dict()["value"] == "é"
