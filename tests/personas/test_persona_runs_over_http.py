"""People from a real HTTP server that answers prose, broken JSON, time-outs and 429."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from fashionrec import embedded
from fashionrec.common.queue import without_ringing
from personas.ml.persona_draft import CELL_ATTRIBUTES
from personas.ml.persona_report import joint_table
from personas.models import LanguageModel, Persona, PersonaRun
from personas.persona_jobs import work_persona_run
from personas.services.persona_runs import plan_persona_run, retry_failed
from tests.personas.checked_people import check
from tests.personas.misbehaving_server import MisbehavingServer

PEOPLE = 60
HALVES = {"gender": {"man": PEOPLE // 2, "woman": PEOPLE // 2}}
ARGUMENTS = (
    "--model", "scripted", "--seed", "11", "--male", str(PEOPLE // 2), "--female", str(PEOPLE // 2), "--verbosity", "0",
)  # fmt: skip


@pytest.fixture
def server():
    with MisbehavingServer() as server:
        yield server


def plan(server) -> PersonaRun:
    model = LanguageModel.objects.create(
        name="scripted",
        adapter="personas.ml.language_models.openai_compatible.OpenAICompatibleModel",
        options={"base_url": server.url, "model": "scripted", "timeout": 0.3, "backoff": 0.01},
    )
    with without_ringing():
        return plan_persona_run(count=PEOPLE, language_model=model, seed=11, quotas=HALVES)


@pytest.mark.django_db
def test_a_misbehaving_server_fills_every_cell_with_somebody_valid_or_reported_as_failed(server):
    run = plan(server)
    work_persona_run(str(run.pk))
    run.refresh_from_db()
    check(run)
    refused = run.report["refused"]
    assert min(refused["structure"] / 5, refused["duplicate"] / 2, refused["unusable"]) >= 1
    assert run.state == ("failed" if run.report["failed"] else "done")
    rounds = 0
    while run.state == "failed" and (rounds := rounds + 1) <= 5:
        with without_ringing():
            retry_failed(run=run)
        work_persona_run(str(run.pk))
        run.refresh_from_db()
    assert (run.state, run.report["failed"], run.report["quotas"]["exact"]) == ("done", 0, True)
    assert joint_table(chunk.cell for chunk in run.chunks.all()) == Counter(run.personas.values_list(*CELL_ATTRIBUTES))


@pytest.mark.django_db(transaction=True)
def test_a_killed_process_is_carried_on_by_the_next_and_nobody_is_asked_for_or_stored_twice(server, capsys):
    run = plan(server)
    process = start_command()
    ends = time.monotonic() + 60
    while Persona.objects.count() < PEOPLE // 4:
        assert process.poll() is None, "the command ended before it could be killed"
        assert time.monotonic() < ends, "nobody was written within 60 s"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = set(Persona.objects.values_list("pk", "key"))
    assert PEOPLE // 4 <= len(before) < PEOPLE
    call_command("generate_personas", *ARGUMENTS)
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    run.refresh_from_db()
    check(run)
    assert result["run"] == str(run.pk)
    assert result["created"] == Persona.objects.count() - len(before)
    assert before < set(Persona.objects.values_list("pk", "key"))
    # Only the answer under way when the process was killed is asked for again: refused ones are remembered, too.
    assert sum(times - 1 for times in Counter(server.texts).values()) <= 1


def start_command() -> "subprocess.Popen[bytes]":
    database = connection.settings_dict
    name = database["NAME"]
    url = (
        embedded.database_url(settings.DATA_DIR, database=name)
        if settings.USES_EMBEDDED_DATABASE
        else f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{name}"
    )
    return subprocess.Popen(
        [sys.executable, "manage.py", "generate_personas", *ARGUMENTS],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "fashionrec.settings.test"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
