"""A language model imagines people: from the plan to the report, however badly it writes."""

import json
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from sklearn.feature_extraction.text import TfidfVectorizer

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import request_cancel
from personas import persona_jobs
from personas.ml.language_model import ModelUnavailable, ModelUnusable
from personas.ml.near_duplicates import person_text
from personas.ml.persona_report import joint_table
from personas.models import LanguageModel, Persona, PersonaChunk
from personas.persona_jobs import call_seed, work_persona_run
from personas.quotas import draw_cells, resolve_quotas
from personas.services.persona_runs import plan_persona_run, retry_failed, same_persona_run
from personas.services.personas import generate_personas
from tests.factories.personas import PersonaFactory, RatingRunFactory
from tests.personas.persona_writer import BROKEN, PROSE, TWIN, Writer, misbehaves

pytestmark = pytest.mark.django_db

HALVES = {"gender": {"man": 30, "woman": 30}}


@pytest.fixture(autouse=True)
def writer(monkeypatch):
    monkeypatch.setattr(Writer, "asked", [])
    monkeypatch.setattr(Writer, "told", [])
    monkeypatch.setattr(Writer, "script", None)
    return Writer


def model(name="writer", adapter="tests.personas.persona_writer.Writer"):
    return LanguageModel.objects.get_or_create(name=name, defaults={"adapter": adapter})[0]


def plan(count, **options):
    with without_ringing():
        return plan_persona_run(count=count, language_model=options.pop("language_model", None) or model(), **options)


def work(run, **options):
    work_persona_run(str(run.pk), **options)
    run.refresh_from_db()
    return run


def says(monkeypatch, script):
    monkeypatch.setattr(Writer, "script", staticmethod(script))


def highest_cosine(personas):
    texts = [person_text(bio=row.bio, brands=row.brands, dislikes=row.dislikes) for row in personas]
    vectors = TfidfVectorizer(ngram_range=(2, 2)).fit_transform(texts)
    cosines = (vectors @ vectors.T).toarray()
    return max(cosines[i, j] for i in range(len(texts)) for j in range(i))


def test_a_plan_has_one_chunk_for_every_person_with_the_cell_to_fill():
    run = plan(60, seed=3, quotas=HALVES)
    cells = [chunk.cell for chunk in run.chunks.order_by("index")]
    assert cells == draw_cells(count=60, seed=3, quotas=HALVES)
    assert (run.total, run.state, run.quotas) == (60, "queued", resolve_quotas(count=60, quotas=HALVES))
    assert same_persona_run(count=60, language_model=model(), seed=3, quotas=HALVES) == run
    assert same_persona_run(count=60, language_model=model(), seed=4, quotas=HALVES) is None
    with pytest.raises(Conflict, match="asks for the same people"):
        plan(60, seed=3, quotas=HALVES)
    assert plan(60, seed=4, quotas=HALVES).pk != run.pk


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"count": 0}, "count"),
        ({"count": 5, "seed": -1}, "seed"),
        ({"count": 5, "quotas": {"gender": {"man": 6}}}, "quotas.gender"),
    ],
)
def test_a_plan_that_cannot_be_met_is_refused_and_leaves_no_run(options, field):
    with pytest.raises(Invalid) as caught:
        plan(**options)
    assert caught.value.fields[0].field == field
    assert not PersonaChunk.objects.exists()


def test_a_model_that_probing_refused_is_not_asked():
    refused = model()
    refused.state, refused.probe = "refused", {"reason": "it ignores the seed"}
    refused.save()
    with pytest.raises(Conflict, match="it ignores the seed"):
        plan(3)


CELL = ("gender", "age_band", "region", "occupation", "style", "budget")


def test_people_fill_their_cells_or_are_reported_as_failed_however_badly_the_model_writes(monkeypatch):
    says(monkeypatch, misbehaves)
    generate_personas(count=12, seed=3)  # templates are nobody's twins and no part of the run
    run = work(plan(60, seed=3, quotas=HALVES))
    people = list(Persona.objects.filter(provenance="llm:writer"))
    chunks = list(run.chunks.select_related("persona"))
    refused = Counter(entry["kind"] for chunk in chunks for entry in chunk.rejections)
    assert (run.state, run.done, len(people)) == ("failed", 58, 58)
    assert {chunk.persona_id for chunk in chunks if chunk.state == "done"} == {person.pk for person in people}
    assert all(getattr(c.persona, name) == c.cell[name] for c in chunks if c.persona for name in CELL)
    assert Counter(len(chunk.rejections) for chunk in chunks if chunk.state == "failed") == {4: 2}
    assert max(len(chunk.rejections) for chunk in chunks if chunk.state == "done") == 3
    assert refused["structure"] > 5
    assert refused["duplicate"] > 1
    assert len(Writer.asked) == 58 + sum(refused.values())
    report = run.report
    assert (report["asked"], report["valid"], report["failed"], report["unasked"]) == (60, 58, 2, 0)
    assert (report["quotas"]["exact"], report["quotas"]["missing"], report["quotas"]["unasked"]) == (False, 2, 0)
    assert report["refused"] == {**refused, "unusable": 0}
    assert sum(number * int(retry) for retry, number in report["retries"].items()) == sum(refused.values()) - 8
    assert report["nearest"]["maximum"] == pytest.approx(highest_cosine(people), abs=1e-4)
    assert highest_cosine(people) < 0.9
    with without_ringing():
        retry_failed(run=run)
    work(run)
    assert (run.state, run.personas.count(), run.report["quotas"]["exact"]) == ("done", 60, True)
    assert run.report["quotas"]["attributes"]["gender"] == {"man": [30, 30], "woman": [30, 30]}
    assert joint_table(chunk.cell for chunk in chunks) == Counter(run.personas.values_list(*CELL))


def test_each_call_is_seeded_by_run_person_and_attempt_and_told_what_was_wrong(monkeypatch):
    answers = iter([PROSE, BROKEN, None])
    says(monkeypatch, lambda prompt, seed: next(answers))
    run = work(plan(1, seed=9))
    assert [seed for _, seed in Writer.asked] == [call_seed(9, 0, attempt) for attempt in range(3)]
    assert len({call_seed(9, index, attempt) for index in range(100) for attempt in range(4)}) == 400
    assert Persona.objects.get().seed == call_seed(9, 0, 2)
    reasons = [entry["reason"] for entry in run.chunks.get().rejections]
    assert reasons[0].startswith("there is no JSON object in 'Certainly!")
    assert reasons[1].startswith("broken JSON")
    # The reason alone: a small model that is shown its broken answer repeats it.
    assert [told[0] if told else "" for told in Writer.told] == [
        "",
        "That was refused: there is no JSON object Answer with the JSON alone.",
        "That was refused: broken JSON (Expecting value at 39) Answer with the JSON alone.",
    ]


def test_a_person_is_refused_after_three_retries_of_any_kind_with_all_reasons_and_nothing_is_stored(monkeypatch):
    twin_of_an_earlier_run = plan(1, seed=1)
    says(monkeypatch, lambda prompt, seed: TWIN)
    work(twin_of_an_earlier_run)
    answers = [PROSE, TWIN, BROKEN, TWIN]
    first_seeds = {call_seed(2, 0, attempt): answer for attempt, answer in enumerate(answers)}
    says(monkeypatch, lambda prompt, seed: first_seeds.get(seed))
    Writer.asked.clear()
    run = work(plan(3, seed=2))
    assert len(Writer.asked) == 4 + 2
    failed = run.chunks.get(index=0)
    assert [entry["kind"] for entry in failed.rejections] == ["structure", "duplicate", "structure", "duplicate"]
    assert f"too like {twin_of_an_earlier_run.personas.get().key}: cosine 1.000" in failed.rejections[1]["reason"]
    assert (failed.state, failed.persona) == ("failed", None)
    assert failed.error.startswith("PersonRefused: 4 answers refused; last: too like")
    assert (run.state, run.done, run.personas.count()) == ("failed", 2, 2)
    assert "1 of 3 chunks failed" in run.error
    assert (run.report["valid"], run.report["failed"], run.report["quotas"]["exact"]) == (2, 1, False)
    assert run.report["quotas"]["missing"] == 1
    assert run.report["refused"] == {"structure": 2, "duplicate": 2, "unusable": 0}


def test_those_who_failed_are_asked_again_with_other_seeds_and_the_run_becomes_whole(monkeypatch):
    says(monkeypatch, lambda prompt, seed: PROSE if seed in {call_seed(2, 1, n) for n in range(4)} else None)
    run = work(plan(3, seed=2))
    written = set(run.personas.values_list("pk", flat=True))
    assert len(written) == 2
    with without_ringing():
        assert retry_failed(run=run) == 1
    assert (run.state, run.error, run.report) == ("queued", "", {})
    with pytest.raises(Conflict, match="only a run that has ended"):
        retry_failed(run=run)
    Writer.asked.clear()
    work(run)
    assert [seed for _, seed in Writer.asked] == [call_seed(2, 1, 4)]
    assert (run.state, run.done, run.personas.count()) == ("done", 3, 3)
    assert written < set(run.personas.values_list("pk", flat=True))
    assert run.report["quotas"]["exact"] is True
    assert run.report["retries"] == {"0": 3}
    kinds = [entry["kind"] for entry in run.chunks.get(index=1).rejections]
    assert kinds == ["structure"] * 4 + ["reopened"]
    with pytest.raises(Conflict, match="nobody is missing"):
        retry_failed(run=run)


def test_only_people_written_by_a_model_are_twins_of_another(monkeypatch):
    draft = json.loads(TWIN)
    PersonaFactory(bio=draft["bio"], brands=draft["brands"], dislikes=draft["dislikes"], provenance="template")
    says(monkeypatch, lambda prompt, seed: TWIN)
    assert work(plan(1)).state == "done"
    assert Persona.objects.filter(provenance="llm:writer").count() == 1


def test_a_killed_run_is_carried_on_without_asking_or_storing_anybody_twice(monkeypatch):
    killed_at = call_seed(5, 4, 1)

    def kill_once(prompt, seed):
        if seed == call_seed(5, 4, 0):
            return PROSE
        if seed == killed_at and [asked for _, asked in Writer.asked].count(seed) == 1:
            return KeyboardInterrupt()
        return None

    says(monkeypatch, kill_once)
    run = plan(10, seed=5)
    with pytest.raises(KeyboardInterrupt):
        work(run)
    assert Persona.objects.count() == 4
    assert [entry["kind"] for entry in run.chunks.get(index=4).rejections] == ["structure"]
    work(run)
    seeds = Counter(seed for _, seed in Writer.asked)
    assert (run.state, run.done, Persona.objects.count()) == ("done", 10, 10)
    # The call in flight when it was killed is made again, no other; the refused answer before it is remembered.
    assert {seed: number for seed, number in seeds.items() if number > 1} == {killed_at: 2}
    assert len(seeds) == 11
    assert run.report["retries"] == {"0": 9, "1": 1}


def test_a_result_that_arrives_after_the_lease_was_lost_is_dropped(monkeypatch):
    run = plan(1)
    live = timezone.now() + timedelta(seconds=60)

    def too_slow(prompt, seed):
        PersonaChunk.objects.filter(run=run).update(lease_owner="elsewhere:1:a", lease_until=live)

    says(monkeypatch, too_slow)
    work(run)
    assert not Persona.objects.exists()
    assert (run.state, run.report) == ("running", {})


def test_a_server_that_is_away_is_asked_again_later_and_costs_no_retry(monkeypatch):
    away = [ModelUnavailable("429 after all retries"), None]
    says(monkeypatch, lambda prompt, seed: away.pop(0))
    run = work(plan(1))
    chunk = run.chunks.get()
    assert (run.state, chunk.state, chunk.rejections) == ("running", "pending", [])
    assert "429 after all retries" in chunk.error
    PersonaChunk.objects.update(lease_until=None)
    work(run)
    assert (run.state, run.report["retries"]) == ("done", {"0": 1})


@pytest.mark.parametrize(
    ("adapter", "reason"),
    [
        (
            "fashionrec.simulation.rater.SimulatedRater",
            "cannot write people: generate: the simulated rater only scores",
        ),
        ("nowhere.Writer", "adapter: cannot be imported"),
    ],
)
def test_a_model_that_cannot_write_fails_the_run_with_the_reason(adapter, reason):
    run = work(plan(3, language_model=model("mute", adapter)))
    assert run.state == "failed"
    assert reason in run.error
    assert (run.report["valid"], run.report["unasked"] + run.report["failed"]) == (0, 3)
    assert not Persona.objects.exists()


def test_one_unusable_answer_is_a_refused_answer_once_the_model_has_written_somebody(monkeypatch):
    odd = call_seed(0, 1, 0)
    says(monkeypatch, lambda prompt, seed: ModelUnusable("answered no JSON") if seed == odd else None)
    run = work(plan(3))
    assert (run.state, run.personas.count()) == ("done", 3)
    assert run.chunks.get(index=1).rejections == [{"kind": "unusable", "reason": "answered no JSON"}]


def test_a_model_that_is_unusable_from_the_start_fails_the_run_at_its_first_answer(monkeypatch):
    says(monkeypatch, lambda prompt, seed: ModelUnusable("no such model"))
    run = work(plan(3))
    assert (run.state, len(Writer.asked)) == ("failed", 1)
    assert run.error == "language_model: writer cannot write people: no such model"


def test_a_model_that_turns_out_unusable_stops_the_run_and_is_asked_no_more(monkeypatch):
    says(monkeypatch, lambda prompt, seed: ModelUnusable("the server ignores max_tokens") if Writer.asked[1:] else None)
    run = work(plan(5))
    assert run.state == "failed"
    assert run.error == "language_model: writer cannot write people: the server ignores max_tokens"
    assert (len(Writer.asked), run.personas.count()) == (1 + 4, 1)
    assert (run.report["failed"], run.report["unasked"]) == (1, 3)
    says(monkeypatch, lambda prompt, seed: None)
    with without_ringing():
        assert retry_failed(run=run) == 1
    assert (work(run).state, run.personas.count()) == ("done", 5)


def test_a_cancelled_run_keeps_whom_it_has_and_says_so(monkeypatch):
    run = plan(5)
    work(run, on_chunk=lambda seen: request_cancel(run=seen) if seen.done == 2 else None)
    assert (run.state, run.personas.count()) == ("cancelled", 2)
    assert (run.report["valid"], run.report["unasked"]) == (2, 3)
    assert same_persona_run(count=5, language_model=model(), seed=0) is None


def test_people_whom_the_finished_set_shows_too_alike_are_asked_for_again(monkeypatch):
    monkeypatch.setattr(persona_jobs, "ACCEPTED", 2.0)  # as if the weights had moved since they were accepted
    same = {call_seed(7, index, 0) for index in (1, 3)}
    says(monkeypatch, lambda prompt, seed: TWIN if seed in same else None)
    run = work(plan(5, seed=7))
    assert (run.state, run.done, run.personas.count()) == ("done", 5, 5)
    assert run.report["nearest"]["pairs_above"] == 0
    assert run.report["refused"] == {"structure": 0, "duplicate": 1, "unusable": 0}
    kept, again = run.chunks.get(index=1), run.chunks.get(index=3)
    assert (kept.rejections, kept.persona.name) == ([], "Ada Brink")
    assert again.rejections[0]["reason"].startswith(f"too like {kept.persona.key} among all: cosine 1.000")
    assert again.persona.seed == call_seed(7, 3, 1)


def test_people_too_alike_to_the_end_fail_and_those_already_rating_stay(monkeypatch):
    monkeypatch.setattr(persona_jobs, "ACCEPTED", 2.0)
    says(monkeypatch, lambda prompt, seed: TWIN)
    run = work(plan(2, seed=7))
    assert (run.state, run.done, run.personas.count()) == ("failed", 1, 1)
    assert run.error.startswith("1 people were too like others; first: too like")
    assert len(run.chunks.get(index=1).rejections) == 4
    rated = work(plan(1, seed=8), on_chunk=lambda seen: RatingRunFactory(chunks=1).chunks.update(
        persona=Persona.objects.filter(run=seen).get()
    ))  # fmt: skip
    assert (rated.state, rated.personas.count(), rated.report["maximum_among_all_written"]) == ("done", 1, 1.0)


def test_an_ended_run_that_was_killed_before_its_report_gets_it_when_looked_at_again():
    run = work(plan(3))
    report = run.report
    type(run).objects.filter(pk=run.pk).update(report={})
    assert work(run).report == report
    assert len(Writer.asked) == 3


@pytest.mark.django_db(transaction=True)
def test_two_workers_who_are_told_the_same_person_at_the_same_time_store_it_once(monkeypatch):
    together = threading.Barrier(2, timeout=20)
    first = {call_seed(4, 0, 0), call_seed(4, 1, 0)}

    def same_at_once(prompt, seed):
        if seed in first:
            together.wait()
            return TWIN
        return None

    says(monkeypatch, same_at_once)
    run = plan(2, seed=4)

    def worker():
        try:
            work_persona_run(str(run.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    run.refresh_from_db()
    assert (run.state, run.personas.filter(name="Ada Brink").count(), run.personas.count()) == ("done", 1, 2)
    assert Counter(len(chunk.rejections) for chunk in run.chunks.all()) == {0: 1, 1: 1}
    assert run.report["refused"] == {"structure": 0, "duplicate": 1, "unusable": 0}


def test_after_a_near_duplicate_the_same_words_are_asked_with_another_seed(monkeypatch):
    answers = iter([TWIN, TWIN, None])
    says(monkeypatch, lambda prompt, seed: next(answers))
    assert work(plan(2)).state == "done"
    assert Writer.told == [[], [], []]
    assert [seed for _, seed in Writer.asked] == [call_seed(0, 0, 0), call_seed(0, 1, 0), call_seed(0, 1, 1)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"name":' * 20_000, "broken JSON (nested too deeply)"),
        (TWIN.replace('"wool"', '"wo\\u0000ol"'), "control characters are not allowed"),
        (TWIN.replace('"Nordfell"', '"Nord\\u001b[31mfell"'), "control characters are not allowed"),
        (TWIN.replace('"neon"', '"ne\\ud800on"'), "dislikes.0"),
    ],
)
def test_an_answer_that_cannot_be_stored_is_refused_and_asked_for_again(monkeypatch, answer, reason):
    says(monkeypatch, lambda prompt, seed: answer if len(Writer.asked) == 1 else None)
    run = work(plan(1))
    assert (run.state, run.report["valid"], run.report["refused"]["structure"]) == ("done", 1, 1)
    assert reason in PersonaChunk.objects.get(run=run).rejections[0]["reason"]
