"""A completion model and an instruction model side by side in the prompt lab, behind real HTTP servers."""

import re

import pytest
from django.utils import timezone

from fashionrec.common.queue import without_ringing
from personas.lab_jobs import work_lab_run
from personas.models import LabChunk, LabOutput, LabRun
from personas.services.lab import plan_lab_run
from personas.services.language_models import register_language_model
from personas.services.templates import template_named
from tests.factories.catalog import ProductFactory
from tests.factories.personas import PersonaFactory
from tests.scripted_server import Behaviour, Reply, Request, ScriptedServer, says, status

pytestmark = pytest.mark.django_db


def number_of(request: Request) -> int:
    """Some point that differs by product and is the same for the same one."""
    return 1 + int(re.findall(r"Title: Linen dress (\d+)", request.prompt)[-1]) % 10


def completion_model(request: Request) -> Reply:
    if request.is_chat:
        return status(404)
    return _reply(says(f" {number_of(request)}"), request)


def instruction_model(request: Request) -> Reply:
    return _reply(says(f"Sure! I would rate it {number_of(request)}/10."), request)


def _reply(behaviour: Behaviour, request: Request) -> Reply:
    assert callable(behaviour)
    return behaviour(request)


def registered(name: str, server: ScriptedServer, **options):
    adapter = "personas.ml.language_models.openai_compatible.OpenAICompatibleModel"
    options = {"base_url": server.url, "model": name, "retries": 0, "timeout": 5.0, **options}
    return register_language_model(name=name, adapter=adapter, options=options)


def plan(*models, grid=None) -> LabRun:
    with without_ringing():
        return plan_lab_run(
            language_models=models,
            templates=[template_named("strict numeric")],
            personas=PersonaFactory.create_batch(2),
            products=ProductFactory.create_batch(5, pictures=0),
            grid=grid or {"temperature": [0.7]},
        )


def test_both_kinds_of_model_are_asked_in_their_own_way_for_the_same_cells_and_compared() -> None:
    with ScriptedServer(default=completion_model) as base, ScriptedServer(default=instruction_model) as chat:
        run = plan(registered("base", base), registered("instruct", chat))
        work_lab_run(str(run.pk))
        run.refresh_from_db()
        completions = [request for request in base.requests if not request.is_chat]
        assert len(completions) == len(chat.requests) == 10
        assert {request.prompt for request in completions} == {request.prompt for request in chat.requests}
        assert all(request.is_chat for request in chat.requests)
        body = completions[0].body
        assert (body["temperature"], body["top_p"], body["max_tokens"], body["stop"]) == (0.7, 1.0, 8, ["\nProduct"])
    assert (run.state, run.done) == ("done", 20)
    first, second = run.report["arms"]
    assert (first["adherence"], first["parsable"]) == (1.0, 1.0)
    assert (second["adherence"], second["parsable"]) == (0.0, 1.0)
    assert first["latency_ms"] > 0
    assert second["tokens"] > first["tokens"] - 1 > 50
    assert run.report["models"][0]["consistency"] == pytest.approx(1.0)
    assert run.report["models"][0]["variance"] == pytest.approx(0.0)


def test_a_server_that_breaks_down_in_mid_arm_is_asked_again_for_what_is_missing_only() -> None:
    with ScriptedServer(default=instruction_model) as server:
        run = plan(registered("instruct", server, endpoint="chat", concurrency=1))
        server.script(*[instruction_model] * 4, status(503))
        work_lab_run(str(run.pk))
        run.refresh_from_db()
        assert (run.state, run.done, len(server.requests)) == ("running", 4, 5)
        assert run.chunks.get().error.startswith("ModelUnavailable: ")
        LabChunk.objects.update(lease_until=timezone.now())
        work_lab_run(str(run.pk))
        run.refresh_from_db()
        assert (run.state, run.done, len(server.requests)) == ("done", 10, 11)
    assert LabOutput.objects.count() == 10


def test_a_parameter_that_the_server_has_no_word_for_fails_its_arms_only() -> None:
    with ScriptedServer(default=instruction_model) as server:
        run = plan(registered("instruct", server, endpoint="chat"), grid={"top_k": [0, 40]})
        work_lab_run(str(run.pk))
        run.refresh_from_db()
        assert len(server.requests) == 10
    plain, limited = run.chunks.order_by("index")
    assert (plain.state, limited.state, run.state) == ("done", "failed", "done")
    assert "top_k: this server's dialect (openai) has no such parameter" in limited.error
