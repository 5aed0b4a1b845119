"""Persona runs: planning who is to be imagined, storing who was, and asking again for those who were not."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from fashionrec.common.errors import Conflict
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.models import Chunk
from fashionrec.common.queue import enqueue
from fashionrec.common.runs import LeaseLost
from personas.ml.persona_draft import CELL_ATTRIBUTES, PersonaDraft
from personas.models import LanguageModel, Persona, PersonaChunk, PersonaRun
from personas.quotas import Quotas, draw_cells, resolve_quotas
from personas.services.language_models import check_usable
from personas.services.personas import check_count_and_seed

LLM = "llm:"
"""How the provenance of personas begins that a language model wrote."""

MAX_RETRIES = 3
"""A person is asked for at most 1 + MAX_RETRIES times, whatever was wrong with the answers."""

REOPENED = "reopened"
"""The kind of entry in a chunk's rejections after which the retries count anew."""


def same_persona_run(
    *, count: int, language_model: LanguageModel, seed: int, quotas: Quotas | None = None
) -> PersonaRun | None:
    """The newest run of exactly these parameters that was not cancelled. Raises Invalid as `plan_persona_run` does."""
    check_count_and_seed(count=count, seed=seed)
    return (
        PersonaRun.objects.filter(
            language_model=language_model, seed=seed, total=count, quotas=resolve_quotas(count=count, quotas=quotas)
        )
        .exclude(state=PersonaRun.State.CANCELLED)
        .first()
    )


@transaction.atomic
def plan_persona_run(
    *, count: int, language_model: LanguageModel, seed: int = 0, quotas: Quotas | None = None
) -> PersonaRun:
    """Queue a run in which a language model imagines `count` people, one for each cell drawn from the quotas.

    Raises Invalid for a count, seed or quota that cannot be met; Conflict when probing refused the model, or while
    a run of the same parameters is open.
    """
    check_usable(language_model)
    take_lock(Lock.PERSONA_WRITE)
    known = same_persona_run(count=count, language_model=language_model, seed=seed, quotas=quotas)
    if known is not None and known.is_open:
        raise Conflict.for_field(
            "language_model", language_model.name, f"run {known.pk} of it asks for the same people"
        )
    resolved = resolve_quotas(count=count, quotas=quotas)
    run = PersonaRun.objects.create(language_model=language_model, seed=seed, quotas=resolved, total=count)
    cells = draw_cells(count=count, seed=seed, quotas=quotas)
    PersonaChunk.objects.bulk_create(
        [PersonaChunk(run=run, index=index, size=1, cell=cell) for index, cell in enumerate(cells)]
    )
    enqueue(PersonaRun.task_name, str(run.pk))
    return run


def store_persona(*, run: PersonaRun, chunk: PersonaChunk, draft: PersonaDraft, seed: int) -> Persona:
    """The person of a chunk, as the model wrote it. Call it inside `finish_chunk`, holding Lock.PERSONA_WRITE."""
    persona = Persona.objects.create(
        key=f"m{run.pk.hex[:16]}-{chunk.index:05d}",
        **{attribute: chunk.cell[attribute] for attribute in CELL_ATTRIBUTES},
        **draft.model_dump(),
        seed=seed,
        provenance=f"{LLM}{run.language_model.name}",
        run=run,
    )
    PersonaChunk.objects.filter(pk=chunk.pk).update(persona=persona)
    return persona


def record_rejection(*, chunk: PersonaChunk, kind: str, reason: str) -> None:
    """Keep why an answer was refused, at once: a worker that takes over goes on counting from there.

    Raises LeaseLost when another worker holds the chunk by now.
    """
    chunk.rejections = [*chunk.rejections, {"kind": kind, "reason": reason}]
    held = PersonaChunk.objects.filter(pk=chunk.pk, lease_owner=chunk.lease_owner, state=Chunk.State.PENDING)
    if not held.update(rejections=chunk.rejections):
        raise LeaseLost(f"{chunk.run_id} chunk {chunk.index}")


def refusals(rejections: list[dict[str, str]]) -> list[dict[str, str]]:
    """The refused answers since the person was last opened."""
    since = [position for position, entry in enumerate(rejections) if entry["kind"] == REOPENED]
    return rejections[since[-1] + 1 :] if since else rejections


@transaction.atomic
def retry_failed(*, run: PersonaRun) -> int:
    """Ask again, with other seeds, for the people that the model failed to write; returns how many.

    Whatever else a failed run left undone is done too. Raises Conflict when the run is open or nobody is missing.
    """
    locked = PersonaRun.objects.select_for_update().get(pk=run.pk)
    if locked.is_open or locked.state == PersonaRun.State.PAUSED:
        raise Conflict.for_field("state", locked.state, "only a run that has ended can ask again")
    missing = run.chunks.exclude(state=Chunk.State.DONE)
    if not missing.exists():
        raise Conflict.for_field("state", locked.state, "nobody is missing")
    failed = list(missing.filter(state=Chunk.State.FAILED))
    for chunk in failed:
        chunk.rejections = [*chunk.rejections, {"kind": REOPENED, "reason": chunk.error}]
    _open_again(failed)
    _ring(locked)
    run.refresh_from_db()
    return len(failed)


@transaction.atomic
def take_back_look_alikes(*, run: PersonaRun, look_alikes: Mapping[int, str]) -> int:
    """Remove people of a finished run whom the whole set shows to be too alike, and ask for them again.

    look_alikes: persona id → reason. Whoever was already asked for a rating stays, for ratings are a record. A person
    without a retry left fails. Returns how many were removed.
    """
    take_lock(Lock.PERSONA_WRITE)
    locked = PersonaRun.objects.select_for_update().get(pk=run.pk)
    chunks = list(
        PersonaChunk.objects.select_for_update(of=("self",))
        .filter(run=run, persona_id__in=look_alikes, persona__ratingchunk__isnull=True, persona__laboutput__isnull=True)
        .order_by("index")
    )
    again: list[PersonaChunk] = []
    for chunk in chunks:
        reason = look_alikes[chunk.persona_id]  # type: ignore[index]
        chunk.rejections = [*chunk.rejections, {"kind": "duplicate", "reason": reason}]
        if len(refusals(chunk.rejections)) <= MAX_RETRIES:
            again.append(chunk)
        else:
            chunk.state, chunk.error = Chunk.State.FAILED, reason
    Persona.objects.filter(pk__in=[chunk.persona_id for chunk in chunks]).delete()
    PersonaChunk.objects.bulk_update(chunks, ["rejections", "state", "error"])
    _open_again(again)
    locked.done -= len(chunks)
    if again:
        _ring(locked)
    elif chunks:
        locked.state = PersonaRun.State.FAILED
        locked.error = f"{len(chunks)} people were too like others; first: {chunks[0].error}"
        locked.save(update_fields=["done", "state", "error"])
    run.refresh_from_db()
    return len(chunks)


def store_report(*, run: PersonaRun, report: dict[str, Any]) -> None:
    PersonaRun.objects.filter(pk=run.pk).update(report=report)
    run.report = report


def _open_again(chunks: list[PersonaChunk]) -> None:
    for chunk in chunks:
        chunk.state, chunk.attempts, chunk.error = Chunk.State.PENDING, 0, ""
        chunk.lease_until = chunk.finished_at = None
        chunk.lease_owner, chunk.persona = "", None
    fields = ["state", "attempts", "error", "lease_until", "finished_at", "lease_owner", "rejections"]
    PersonaChunk.objects.bulk_update(chunks, fields)


def _ring(run: PersonaRun) -> None:
    run.state, run.error, run.cancel_requested, run.finished_at = PersonaRun.State.QUEUED, "", False, None
    run.report = {}
    run.save(update_fields=["state", "error", "cancel_requested", "finished_at", "report", "done"])
    enqueue(PersonaRun.task_name, str(run.pk))
