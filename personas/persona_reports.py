"""Reports of stored personas: of one run of a language model, and of everybody by provenance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from fashionrec.common.models import Chunk
from personas.ml.near_duplicates import neighbours
from personas.ml.persona_draft import CELL_ATTRIBUTES
from personas.ml.persona_report import Person, describe_people, quota_table
from personas.models import Persona, PersonaChunk, PersonaRun
from personas.services.persona_runs import LLM, refusals


@dataclass(frozen=True)
class Written:
    """A stored persona and the run it is from."""

    pk: int
    run_id: UUID | None
    person: Person


def written_people(personas: QuerySet[Persona]) -> list[Written]:
    """The personas as the report sees them, in order of storing."""
    return [
        Written(
            pk=persona.pk,
            run_id=persona.run_id,
            person=Person(
                key=persona.key,
                cell={attribute: getattr(persona, attribute) for attribute in CELL_ATTRIBUTES},
                likes=persona.likes,
                dislikes=persona.dislikes,
                brands=persona.brands,
                bio=persona.bio,
            ),
        )
        for persona in personas.order_by("pk").iterator()
    ]


def persona_run_report(run: PersonaRun) -> dict[str, Any]:
    """Who was asked for and who came, retries, quotas, neighbours, distinct-2 and the stereotype check, as JSON."""
    chunks = list(PersonaChunk.objects.filter(run=run))
    people = [row.person for row in written_people(Persona.objects.filter(run=run))]
    failed = [chunk for chunk in chunks if chunk.state == Chunk.State.FAILED]
    retries = Counter(len(refusals(chunk.rejections)) for chunk in chunks if chunk.state == Chunk.State.DONE)
    refused = Counter(entry["kind"] for chunk in chunks for entry in chunk.rejections)
    written = written_people(Persona.objects.filter(provenance__startswith=LLM))
    among_all = neighbours([row.person.text for row in written])
    return {
        "asked": len(chunks),
        "valid": len(people),
        "failed": len(failed),
        "unasked": len(chunks) - len(people) - len(failed),
        "retries": {str(number): retries[number] for number in sorted(retries)},
        "refused": {kind: refused[kind] for kind in ("structure", "duplicate", "unusable")},
        "quotas": quota_table([chunk.cell for chunk in chunks], [person.cell for person in people]),
        "maximum_among_all_written": round(float(among_all.cosine.max(initial=0.0)), 4),
        **describe_people(people, seed=run.seed % 2**32),
    }


def report_by_provenance() -> dict[str, dict[str, Any]]:
    """Figures of everybody stored, each provenance by itself: templates are never counted as written by a model."""
    provenances = Persona.objects.order_by("provenance").values_list("provenance", flat=True).distinct()
    return {
        provenance: describe_people(
            [row.person for row in written_people(Persona.objects.filter(provenance=provenance))]
        )
        for provenance in provenances
    }


def template_report(personas: Sequence[Persona], *, cells: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The report of template personas beside the cells they were made for; nobody fails and nobody is asked twice."""
    people = [row.person for row in written_people(Persona.objects.filter(pk__in=[row.pk for row in personas]))]
    return {
        "valid": len(people),
        "failed": 0,
        "retries": {},
        "quotas": quota_table(cells, [person.cell for person in people]),
        **describe_people(people),
    }
