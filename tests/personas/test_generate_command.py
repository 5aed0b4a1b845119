"""manage.py generate_personas."""

import json
from collections import Counter

import pytest
from django.core.management import CommandError, call_command

from fashionrec.common.queue import without_ringing
from personas.models import LanguageModel, Persona, PersonaChunk, PersonaRun
from personas.persona_jobs import call_seed
from personas.quotas import QUOTAS, apportion
from personas.services.persona_runs import plan_persona_run
from tests.personas.persona_writer import PROSE, Writer

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(monkeypatch) -> LanguageModel:
    monkeypatch.setattr(Writer, "asked", [])
    monkeypatch.setattr(Writer, "script", None)
    return LanguageModel.objects.create(name="writer", adapter="tests.personas.persona_writer.Writer")


def run_command(capsys, *arguments):
    call_command("generate_personas", *arguments)
    lines = capsys.readouterr().out.splitlines()
    return lines, json.loads(lines[-1])


def test_templates_are_made_with_exact_quotas_and_counted_as_templates(capsys):
    arguments = ["--count", "20", "--male", "5", "--female", "15", "--age-band", "18-24=8", "--quota", "budget:low=0.5"]
    for created in (20, 0):
        lines, result = run_command(capsys, *arguments)
        assert (result["personas"], result["created"], result["total"]) == (20, created, 20)
    assert result["by_provenance"] == {"template": 20}
    assert (result["valid"], result["failed"], result["retries"], result["quota_exact"]) == (20, 0, {}, True)
    people = Persona.objects.all()
    assert Counter(person.gender for person in people) == {"man": 5, "woman": 15}
    assert Counter(person.age_band for person in people)["18-24"] == 8
    assert Counter(person.budget for person in people)["low"] == 10
    assert Counter(person.style for person in people) == apportion(QUOTAS["style"], 20)
    assert any(line.split() == ["gender", "man", "5", "5"] for line in lines)
    run_command(capsys, "--count", "20")
    assert Persona.objects.count() == 40


def test_both_numbers_of_genders_are_the_count(capsys):
    assert run_command(capsys, "--male", "2", "--female", "4")[1]["personas"] == 6
    assert Counter(Persona.objects.values_list("gender", flat=True)) == {"man": 2, "woman": 4}


def test_a_model_imagines_people_here_and_the_last_line_says_what_they_are_worth(capsys, model):
    run_command(capsys, "--count", "5")
    lines, result = run_command(capsys, "--count", "20", "--male", "10", "--female", "10", "--model", "writer")
    assert result["by_provenance"] == {"llm:writer": 20, "template": 5}
    assert (result["personas"], result["created"], result["total"]) == (20, 20, 25)
    assert (result["state"], result["valid"], result["failed"], result["retries"]) == ("done", 20, 0, {"0": 20})
    assert result["quota_exact"] is True
    assert 0 <= result["max_cosine"] < 0.5
    assert 0.9 < result["distinct_2"] <= 1
    assert 0 <= result["stereotype_accuracy"] <= 1
    assert "people: 20 asked, 20 valid, 0 failed" in lines
    _, again = run_command(capsys, "--count", "20", "--male", "10", "--female", "10", "--model", "writer")
    assert again == {**result, "created": 0}
    assert len(Writer.asked) == 20


def test_an_open_run_of_the_same_parameters_is_carried_on(capsys, model):
    with without_ringing():
        run = plan_persona_run(count=8, language_model=model, seed=3)
    PersonaChunk.objects.filter(run=run, index=0).update(lease_until=None, attempts=1)
    _, result = run_command(capsys, "--count", "8", "--seed", "3", "--model", "writer")
    assert (result["run"], result["valid"]) == (str(run.pk), 8)
    assert PersonaRun.objects.count() == 1


def test_those_who_failed_are_named_with_their_reasons_and_asked_again_on_request(capsys, model, monkeypatch):
    failing = {call_seed(0, 2, attempt) for attempt in range(4)}
    monkeypatch.setattr(Writer, "script", staticmethod(lambda prompt, seed: PROSE if seed in failing else None))
    lines, result = run_command(capsys, "--count", "6", "--model", "writer")
    assert (result["state"], result["valid"], result["failed"], result["quota_exact"]) == ("failed", 5, 1, False)
    assert sum("there is no JSON object in" in line for line in lines) == 4
    cell = PersonaChunk.objects.get(index=2).cell
    assert f"failed: person 2: {', '.join(cell[name] for name in QUOTAS)}" in lines
    _, result = run_command(capsys, "--count", "6", "--model", "writer", "--retry-failed")
    assert (result["state"], result["created"], result["failed"], result["quota_exact"]) == ("done", 1, 0, True)


def test_a_queued_run_is_left_to_the_worker(capsys, model):
    _, result = run_command(capsys, "--count", "4", "--model", "writer", "--queue")
    assert result == {"run": str(PersonaRun.objects.get().pk), "state": "queued"}
    assert Writer.asked == []


def test_the_report_tells_provenances_apart(capsys, model):
    run_command(capsys, "--count", "7")
    run_command(capsys, "--count", "6", "--model", "writer")
    lines, result = run_command(capsys, "--report")
    assert result["by_provenance"] == {"llm:writer": 6, "template": 7}
    assert {name: report["people"] for name, report in result["reports"].items()} == result["by_provenance"]
    assert "== template: 7 personas" in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nobody"], "unknown language model; known: writer .received 'nobody'."),
        (["--model", "mute", "--count", "3"], "mute cannot write people: generate: the simulated rater only scores"),
        (["--queue"], "--queue: only with --model"),
        (["--retry-failed"], "--retry-failed: only with --model"),
        (["--quota", "low=3"], "expected ATTRIBUTE:VALUE=N, received 'low=3'"),
        (["--quota", "budget:low"], "expected VALUE=N, received 'low'"),
        (["--quota", "budget:low=many"], "expected a number, received 'many'"),
        (["--budget", "low=1", "--quota", "budget:low=2"], "is given twice"),
        (["--quota", "shoes:44=2"], "quotas: unknown attribute"),
        (["--count", "10", "--male", "3", "--female", "3"], r"quotas.gender: expected to add up to 10 \(received 6\)"),
    ],
)
def test_what_cannot_be_done_is_said_and_nobody_is_made(model, arguments, message):
    LanguageModel.objects.create(name="mute", adapter="fashionrec.simulation.rater.SimulatedRater")
    if "nobody" in arguments:
        LanguageModel.objects.filter(name="mute").delete()
    with pytest.raises(CommandError, match=message):
        call_command("generate_personas", *arguments)
    assert not Persona.objects.exists()
