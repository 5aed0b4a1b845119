import pytest

from fashionrec.common.errors import Invalid
from personas.models import PreferencePair
from personas.services.preferences import NewPreference, forget_preferences, record_preference, record_preferences
from tests.factories.personas import PersonaFactory

pytestmark = pytest.mark.django_db

PAIR = {"prompt": "Rate it.\nRating:", "preferred": " J", "rejected": " E", "provenance": "lab"}


def test_a_key_is_recorded_once_and_pairs_without_a_key_as_often_as_they_come():
    persona = PersonaFactory()
    first = record_preference(**PAIR, key="lab:1", persona=persona, chosen_by="tess")
    again = record_preference(**{**PAIR, "preferred": " K"}, key="lab:1")
    assert first.pk == again.pk
    assert (again.preferred, again.persona, again.chosen_by) == (" J", persona, "tess")
    assert record_preference(**PAIR).pk != record_preference(**PAIR).pk
    assert PreferencePair.objects.count() == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rejected": "J "}, "rejected"),
        ({"prompt": " "}, "prompt"),
        ({"preferred": ""}, "preferred"),
        ({"provenance": "oracle"}, "provenance"),
        ({"key": ""}, "key"),
        ({"key": "k" * 161}, "key"),
    ],
)
def test_what_says_nothing_is_refused_with_its_field(change, field):
    with pytest.raises(Invalid) as caught:
        record_preference(**{**PAIR, **change})
    assert caught.value.fields[0].field == field
    assert not PreferencePair.objects.exists()


def test_many_are_recorded_once_each_and_one_bad_pair_keeps_all_out():
    pairs = [NewPreference("p", " J", " E", key=f"clicks:v:{n}") for n in range(3)]
    assert record_preferences(pairs=pairs, provenance="clicks") == 3
    more = [*pairs, NewPreference("p", " J", " E", key="clicks:v:3")]
    assert record_preferences(pairs=more, provenance="clicks") == 1
    with pytest.raises(Invalid):
        record_preferences(pairs=[NewPreference("p", "x", "x", key="bad"), *more], provenance="clicks")
    assert PreferencePair.objects.count() == 4


def test_pairs_are_forgotten_by_what_their_keys_begin_with():
    for key in ("clicks:a:1", "clicks:a:2", "clicks:ab:1", "lab:1"):
        record_preference(**PAIR, key=key)
    record_preference(**PAIR)
    assert forget_preferences(key_prefix="clicks:a:", keep={"clicks:a:2"}) == 1
    assert set(PreferencePair.objects.values_list("key", flat=True)) == {"clicks:a:2", "clicks:ab:1", "lab:1", None}
    with pytest.raises(ValueError, match="must not be empty"):
        forget_preferences(key_prefix="")
