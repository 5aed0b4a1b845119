import json

import pytest
from django.core.management import CommandError, call_command

from fashionrec.common.errors import Invalid
from personas.models import Persona
from personas.quotas import QUOTAS, apportion
from personas.services.personas import generate_personas

pytestmark = pytest.mark.django_db


def test_personas_fill_the_quota_grid_with_people():
    made = generate_personas(count=48, seed=7)
    assert len(made) == Persona.objects.count() == 48
    for attribute, shares in QUOTAS.items():
        counts = {value: Persona.objects.filter(**{attribute: value}).count() for value in shares}
        assert counts == apportion(shares, 48)
    assert set(Persona.objects.values_list("provenance", flat=True)) == {"template"}


def test_the_same_count_and_seed_make_nobody_twice_and_change_nobody():
    first = generate_personas(count=12, seed=7)
    Persona.objects.filter(pk=first[0].pk).update(bio="Rewritten by hand. Still the same person.")
    second = generate_personas(count=12, seed=7)
    assert [persona.pk for persona in second] == [persona.pk for persona in first]
    assert second[0].bio == "Rewritten by hand. Still the same person."
    generate_personas(count=12, seed=8)
    assert Persona.objects.count() == 24


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [({"count": 0}, "count", 0), ({"count": 10_001}, "count", 10_001), ({"count": 3, "seed": -1}, "seed", -1)],
)
def test_a_count_or_seed_out_of_range_is_refused_and_makes_nobody(arguments, field, value):
    with pytest.raises(Invalid) as caught:
        generate_personas(**arguments)
    assert (caught.value.fields[0].field, caught.value.fields[0].value) == (field, value)
    assert not Persona.objects.exists()


def test_the_command_says_how_many_it_made_in_its_last_line(capsys):
    for created in (5, 0):
        call_command("generate_personas", count=5, seed=2)
        lines = capsys.readouterr().out.splitlines()
        result = json.loads(lines[-1])
        assert {name: result[name] for name in ("personas", "created", "total")} == {
            "personas": 5,
            "created": created,
            "total": 5,
        }
    assert lines[0].startswith(Persona.objects.order_by("key").first().name)
    with pytest.raises(CommandError, match="count: expected 1 to 10000"):
        call_command("generate_personas", count=0)


def test_other_quotas_make_other_people_and_the_usual_ones_spelt_out_make_the_same():
    first = generate_personas(count=12, seed=7)
    assert generate_personas(count=12, seed=7, quotas={"gender": {"man": 6, "woman": 6}}) == first
    others = generate_personas(count=12, seed=7, quotas={"gender": {"man": 12}})
    assert {person.gender for person in others} == {"man"}
    assert generate_personas(count=12, seed=7, quotas={"gender": {"man": 1.0}}) == others
    assert Persona.objects.count() == 24
