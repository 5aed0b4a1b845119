"""Studies: asking for one, and writing down what its trainings achieved."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction

from fashionrec.common.errors import Invalid
from fashionrec.common.queue import enqueue
from fashionrec.common.runs import advance
from recommender.ml.splits import PROTOCOLS
from recommender.ml.study import Cell, Measured
from recommender.models import EvaluationReport, ModelKind, Study, StudyCell
from recommender.services.training import trainable_kinds

MOST_SEEDS = 20

STUDIED_KINDS = (
    ModelKind.POPULARITY,
    ModelKind.CONTENT_KNN,
    ModelKind.ITEM_KNN,
    ModelKind.TRANSITION_KNN,
    ModelKind.TWO_TOWER,
    ModelKind.GRAPHSAGE,
    ModelKind.BLEND,
)
"""What is studied unless other kinds are asked for."""


def plan_study(
    *,
    kinds: Collection[str],
    protocols: Collection[str] = tuple(PROTOCOLS),
    seeds: int = 5,
    parameters: Mapping[str, Any] | None = None,
) -> Study:
    """Queue a study of `kinds`; popularity is always among them, for the others are measured beside it.

    parameters: by kind, what differs from the defaults. Raises Invalid for what is unknown or empty.
    """
    for field, given, known in (("kinds", kinds, trainable_kinds()), ("protocols", protocols, list(PROTOCOLS))):
        unknown = [name for name in given if name not in known]
        if unknown or not given:
            raise Invalid.for_field(field, unknown[0] if unknown else "", f"expected some of {', '.join(known)}")
    if not 1 <= seeds <= MOST_SEEDS:
        raise Invalid.for_field("seeds", seeds, f"expected 1 to {MOST_SEEDS}")
    strange = [kind for kind in parameters or {} if kind not in kinds]
    if strange:
        raise Invalid.for_field("parameters", strange[0], "this kind is not in the study")
    for kind, changed in (parameters or {}).items():
        if not isinstance(changed, Mapping):
            raise Invalid.for_field(f"parameters.{kind}", changed, "expected an object of names and values")
    study = Study.objects.create(
        kinds=[kind for kind in trainable_kinds() if kind in {"popularity", *kinds}],
        protocols=[name for name in PROTOCOLS if name in protocols],
        seeds=seeds,
        parameters=dict(parameters or {}),
    )
    enqueue(Study.task_name, str(study.pk))
    return study


@transaction.atomic
def record_cell(
    *,
    study: Study,
    cell: Cell,
    done: int,
    total: int,
    seconds: float = 0.0,
    measured: Measured | None = None,
    error: str = "",
) -> StudyCell:
    """Write down a finished cell, or why it cannot be done; the unique constraint refuses one that was finished.

    Raises LeaseLost, writing nothing, when another process has the study now.
    """
    row = StudyCell.objects.create(
        study=study,
        protocol=cell.protocol,
        kind=cell.kind,
        seed=cell.seed,
        figures=dict(measured.figures) if measured else {},
        validation_ndcg=measured.validation_ndcg if measured else None,
        per_user=measured.to_bytes() if measured else None,
        error=error,
        seconds=round(seconds, 2),
        worker=study.lease_owner,
    )
    advance(study, done=done, total=total)
    return row


@transaction.atomic
def conclude_study(*, study: Study, results: Mapping[str, Any]) -> EvaluationReport:
    """Keep what a study came to as a report. Raises LeaseLost as `record_cell` does."""
    report = EvaluationReport.objects.create(results=dict(results))
    study.report = report
    advance(study, done=study.done, report=report)
    return report


def measured_cells(study: Study, protocol: str) -> dict[str, list[Measured]]:
    """What the finished cells of a protocol achieved, by kind, in the order of the study and of the seeds."""
    found: dict[str, list[Measured]] = {}
    rows = study.cells.filter(protocol=protocol, per_user__isnull=False)
    for row in sorted(rows, key=lambda row: (study.kinds.index(row.kind), row.seed)):
        data = bytes(row.per_user or b"")
        measured = Measured.from_bytes(data, figures=row.figures, validation_ndcg=row.validation_ndcg)
        found.setdefault(row.kind, []).append(measured)
    return found
