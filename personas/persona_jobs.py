"""Worker-side work: asking a language model for people, one a call."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.db import OperationalError

from fashionrec.common.errors import Invalid
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.models import Chunk
from fashionrec.common.runs import fail_run, finish_chunk, work_through_chunks
from personas.ml.language_model import GenerationFailed, Message, ModelUnusable, Sampling
from personas.ml.language_model import LanguageModel as Adapter
from personas.ml.near_duplicates import ACCEPTED, PersonaIndex, neighbours, person_text
from personas.ml.persona_draft import PersonaDraft, persona_messages
from personas.ml.structured_output import refusal
from personas.models import Persona, PersonaChunk, PersonaRun
from personas.persona_reports import persona_run_report, written_people
from personas.services.language_models import load_adapter
from personas.services.persona_runs import (
    LLM,
    MAX_RETRIES,
    REOPENED,
    record_rejection,
    refusals,
    store_persona,
    store_report,
    take_back_look_alikes,
)

SAMPLING = Sampling(temperature=0.8, top_p=0.95, max_tokens=500)
"""Warm, for a thousand people must differ, but small models lose the thread at 1.0; an answer takes some 200 tokens."""

RETRY_LATER = (OperationalError, ConnectionError, TimeoutError)


class PersonRefused(Exception):
    """No answer for a person was fit to be stored, after all retries."""


class NearDuplicate(Exception):
    """Somebody who says nearly the same is already there."""


class People:
    """The index of everybody a language model wrote so far. Exact while Lock.PERSONA_WRITE is held, for all of them
    are stored under it: primary keys then come in order of commit."""

    def __init__(self) -> None:
        self._index, self._last = PersonaIndex(), 0
        self._keys: list[str] = []

    def read_new(self) -> None:
        rows = Persona.objects.filter(provenance__startswith=LLM, pk__gt=self._last).order_by("pk")
        for pk, key, bio, brands, dislikes in rows.values_list("pk", "key", "bio", "brands", "dislikes"):
            self._index.add(person_text(bio=bio, brands=brands, dislikes=dislikes))
            self._keys.append(key)
            self._last = pk

    def refuse_twin(self, draft: PersonaDraft) -> None:
        """Raises NearDuplicate naming whom the draft is too like."""
        twin = self._index.nearest(person_text(bio=draft.bio, brands=draft.brands, dislikes=draft.dislikes))
        if twin is not None and twin.cosine > ACCEPTED:
            raise NearDuplicate(f"too like {self._keys[twin.index]}: cosine {twin.cosine:.3f}, at most {ACCEPTED}")


def work_persona_run(run_id: str, *, on_chunk: Callable[[PersonaRun], None] | None = None) -> None:
    """Imagine everybody of a run who is still missing, and report once nobody is.

    A model that cannot be loaded or cannot write fails the run, saying why.
    """
    run = PersonaRun.objects.select_related("language_model").filter(pk=run_id).first()
    if run is None:
        return
    while True:
        if run.is_open:
            _imagine_everybody(run, on_chunk)
        if run.is_open:
            return  # others work on the rest, or it is to be tried again later
        if run.report or not _take_back(run):
            break
    if not run.report:
        store_report(run=run, report=persona_run_report(run))


def _imagine_everybody(run: PersonaRun, on_chunk: Callable[[PersonaRun], None] | None) -> None:
    try:
        adapter = load_adapter(run.language_model)
    except RETRY_LATER:
        raise
    except (
        Exception
    ) as error:  # whatever an adapter's own code raises: left open, the run would be rung for without end
        reason = str(error) if isinstance(error, (Invalid, ModelUnusable)) else f"{type(error).__name__}: {error}"
        fail_run(run=run, error=reason)
        return
    people = People()
    people.read_new()

    def process(run: PersonaRun, chunk: PersonaChunk) -> None:
        try:
            imagine_person(run, chunk, adapter, people)
        finally:
            if on_chunk:
                run.refresh_from_db()
                on_chunk(run)

    work_through_chunks(run, PersonaChunk.objects.filter(run=run), process, retry_on=RETRY_LATER)


def imagine_person(run: PersonaRun, chunk: PersonaChunk, adapter: Adapter, people: People) -> None:
    """One person for a chunk's cell. Raises PersonRefused after MAX_RETRIES retries, all reasons kept in the chunk.

    A model that turns out unusable fails the whole run: before it has written anybody at once, later when it is
    unusable for all calls of one person.
    """
    messages = persona_messages({**chunk.cell, "occupation": chunk.cell["occupation_wording"]})
    while len(refused := refusals(chunk.rejections)) <= MAX_RETRIES:
        attempt = sum(entry["kind"] != REOPENED for entry in chunk.rejections)
        seed = call_seed(run.seed, chunk.index, attempt)
        try:
            # One call at a time: refused structure and near-duplicates share the retries.
            draft = adapter.generate(
                _told_what_was_wrong(messages, refused),
                PersonaDraft,
                sampling=replace(SAMPLING, seed=seed),
                retries=0,
            )
            with finish_chunk(run, chunk):
                take_lock(Lock.PERSONA_WRITE)
                people.read_new()
                people.refuse_twin(draft)
                store_persona(run=run, chunk=chunk, draft=draft, seed=seed)
        except GenerationFailed as error:
            record_rejection(chunk=chunk, kind="structure", reason=error.reasons[-1] if error.reasons else str(error))
        except NearDuplicate as error:
            record_rejection(chunk=chunk, kind="duplicate", reason=str(error))
        except NotImplementedError as error:
            _fail_for_the_model(run, error)
            raise
        except ModelUnusable as error:
            # A model that has written somebody can write: one odd answer (a body cut in the middle) is no verdict.
            if not run.personas.exists():
                _fail_for_the_model(run, error)
                raise
            record_rejection(chunk=chunk, kind="unusable", reason=str(error))
        else:
            return
    if all(entry["kind"] == "unusable" for entry in refused):
        _fail_for_the_model(run, refused[-1]["reason"])
    raise PersonRefused(f"{len(refused)} answers refused; last: {refused[-1]['reason']}")


def _fail_for_the_model(run: PersonaRun, reason: object) -> None:
    fail_run(run=run, error=f"language_model: {run.language_model.name} cannot write people: {reason}")


def call_seed(run_seed: int, index: int, attempt: int) -> int:
    """The seed of one call, below 2³¹ (servers take no wider ones): the same whenever and wherever it is made."""
    digest = hashlib.sha256(f"{run_seed}/{index}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _told_what_was_wrong(messages: Sequence[Message], refused: Sequence[dict[str, str]]) -> list[Message]:
    if not refused or refused[-1]["kind"] != "structure":
        return list(messages)
    return [*messages, refusal(refused[-1]["reason"])]


def _take_back(run: PersonaRun) -> int:
    """Judge the finished set with the weights of now, beside the run's own people alone; returns how many must go."""
    pending = PersonaChunk.objects.filter(run=run, state=Chunk.State.PENDING)
    if run.state == PersonaRun.State.CANCELLED or pending.exists():  # pending: failed as a whole
        return 0
    own = written_people(Persona.objects.filter(run=run))
    everybody = written_people(Persona.objects.filter(provenance__startswith=LLM))
    look_alikes: dict[int, str] = {}
    for rows in (own, everybody):
        for first, second, cosine in neighbours([row.person.text for row in rows]).above:
            later, earlier = rows[second], rows[first]
            if later.run_id == run.pk:
                look_alikes[later.pk] = f"too like {earlier.person.key} among all: cosine {cosine:.3f}"
    return take_back_look_alikes(run=run, look_alikes=look_alikes) if look_alikes else 0
