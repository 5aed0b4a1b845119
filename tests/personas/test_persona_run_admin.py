import pytest
from django.test import Client
from django.urls import reverse

from personas.models import LanguageModel, PersonaRun
from personas.persona_jobs import call_seed, work_persona_run
from personas.services.persona_runs import plan_persona_run
from tests.personas.persona_writer import PROSE, Writer

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(monkeypatch) -> LanguageModel:
    monkeypatch.setattr(Writer, "asked", [])
    monkeypatch.setattr(Writer, "script", None)
    return LanguageModel.objects.create(name="writer", adapter="tests.personas.persona_writer.Writer")


def test_a_run_is_started_from_admin_with_its_numbers_of_men_and_women(admin_client: Client, model) -> None:
    url = reverse("admin:personas_personarun_start")
    listed = admin_client.get(reverse("admin:personas_personarun_changelist")).content.decode()
    assert f'href="{url}"' in listed
    page = {"language_model": model.pk, "count": 10, "seed": 3, "male": 4, "female": 5}
    assert "expected to add up to 10" in admin_client.post(url, page).content.decode()
    assert not PersonaRun.objects.exists()
    assert admin_client.post(url, page | {"female": ""}).status_code == 302
    run = PersonaRun.objects.get()
    assert (run.state, run.total, run.seed) == ("queued", 10, 3)
    assert run.quotas["gender"] == {"man": 4, "woman": 6}
    again = admin_client.post(url, page | {"female": ""}).content.decode()
    assert "asks for the same people" in again


def test_a_simulator_cannot_be_chosen_for_it_writes_nothing(admin_client: Client, model) -> None:
    LanguageModel.objects.create(name="mute", adapter="fashionrec.simulation.rater.SimulatedRater", is_simulator=True)
    page = admin_client.get(reverse("admin:personas_personarun_start")).content.decode()
    assert "writer</option>" in page
    assert "mute</option>" not in page


def test_the_page_of_a_run_shows_its_report_and_who_failed_and_asks_again(
    admin_client: Client, model, monkeypatch
) -> None:
    failing = {call_seed(0, 2, attempt) for attempt in range(4)}
    monkeypatch.setattr(Writer, "script", staticmethod(lambda prompt, seed: PROSE if seed in failing else None))
    run = plan_persona_run(count=12, language_model=model)
    change = reverse("admin:personas_personarun_change", args=[run.pk])
    assert "How alike people are" not in admin_client.get(change).content.decode()
    work_persona_run(str(run.pk))
    page = admin_client.get(change).content.decode()
    assert "12 asked for, 11 valid, 1 failed" in page
    assert "Answers refused: 4 for structure, 0 as near-duplicates" in page
    assert "1 people are missing from the joint table" in page
    assert '<progress value="11" max="11">' in page
    assert "Person 2: " in page
    assert page.count("structure: there is no JSON object in") == 4
    assert "style=" not in page[page.index("<h2>People") : page.index("Person 2: ")]
    lists = reverse("admin:personas_personarun_changelist")
    admin_client.post(lists, {"action": "retry", "_selected_action": [str(run.pk)]})
    run.refresh_from_db()
    assert (run.state, run.chunks.get(index=2).state) == ("queued", "pending")
    work_persona_run(str(run.pk))
    page = admin_client.get(change).content.decode()
    assert "12 asked for, 12 valid, 0 failed" in page
    assert "combinations has exactly the people it was drawn for" in page
    refused = admin_client.post(lists, {"action": "retry", "_selected_action": [str(run.pk)]}, follow=True)
    assert "nobody is missing" in refused.content.decode()


def test_who_may_not_change_runs_starts_none(client: Client, model, django_user_model) -> None:
    client.force_login(django_user_model.objects.create_user("looker", is_staff=True))
    url = reverse("admin:personas_personarun_start")
    assert client.post(url, {"language_model": model.pk, "count": 10, "seed": 3}).status_code == 403
    assert not PersonaRun.objects.exists()
