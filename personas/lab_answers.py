"""Reads over prompt lab runs: arms with their answers, and the pairs of answers that a person may compare."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from django.db.models import QuerySet

from personas.ml.lab_arms import EVERYONE, ArmSettings
from personas.ml.lab_report import ArmAnswers, CellAnswer
from personas.models import LabChunk, LabOutput, LabRun, LanguageModel, PreferencePair


@dataclass(frozen=True)
class Comparison:
    """Two answers to one cell, left and right. cell: its place in the run's cells."""

    cell: int
    left: LabOutput
    right: LabOutput
    key: str

    @property
    def same_prompt(self) -> bool:
        return self.left.prompt == self.right.prompt

    @property
    def may_be_stored(self) -> bool:
        """Preference training needs two different answers to one and the same prompt, each of it whole."""
        styles = {self.left.chunk.template.style, self.right.chunk.template.style}
        return self.same_prompt and EVERYONE not in styles and self.left.text.strip() != self.right.text.strip()


def arms_of(run: LabRun) -> list[ArmAnswers]:
    """Every arm of a run with its answers so far, in the order of the arms."""
    answers: dict[int, list[CellAnswer]] = {}
    rows = LabOutput.objects.filter(chunk__run=run).order_by("chunk_id", "persona_id", "product_id")
    for row in rows.defer("prompt").iterator(chunk_size=2_000):
        answers.setdefault(row.chunk_id, []).append(
            CellAnswer(
                persona=row.persona_id,
                product=row.product_id,
                text=row.text,
                point=row.point,
                adherent=row.adherent,
                probabilities=row.probabilities,
                latency_ms=row.latency_ms,
                tokens=row.tokens,
            )
        )
    return [
        ArmAnswers(
            index=chunk.index,
            model=chunk.language_model.name,
            template=chunk.template.name,
            style=chunk.template.style,
            settings=ArmSettings.from_json(chunk.arm),
            answers=answers.get(chunk.pk, []),
            error=chunk.error,
        )
        for chunk in LabChunk.objects.filter(run=run).select_related("language_model", "template")
    ]


def model_notes(run: LabRun) -> list[str]:
    """What must be said beside the figures of models that are not what they may be taken for."""
    models = LanguageModel.objects.filter(labchunk__run=run).distinct().order_by("name")
    notes = [f"{model.name} is a simulator, not a language model." for model in models if model.is_simulator]
    small = [model.name for model in models if model.is_demonstration and not model.is_simulator]
    return notes + [f"{name} is a small model for demonstration." for name in small]


def choice_prefix(run: LabRun) -> str:
    """How the keys of the choices made in a run begin."""
    return f"lab:{run.pk}:"


def choices_of(run: LabRun) -> QuerySet[PreferencePair]:
    return PreferencePair.objects.filter(key__startswith=choice_prefix(run))


def next_comparison(
    run: LabRun, *, cell: int = 0, after: str = "", arms: tuple[int, int] | None = None
) -> Comparison | None:
    """The first pair that nobody has judged, from `cell` on and behind the one with key `after`, if that is given.

    Without `arms`, only pairs that may be stored; with `arms`, those of two arms, by index, whatever their prompts.
    """
    judged = set(choices_of(run).values_list("key", flat=True))
    passed = not after.startswith(choice_prefix(run))
    for pair in _comparisons(run, arms, cell):
        if passed and (pair.key not in judged or arms is not None):
            return pair
        passed = passed or pair.key == after
    return None


def comparison_of(run: LabRun, left_id: int, right_id: int) -> Comparison | None:
    """Two answers of a run to one cell; None when they are not that."""
    found = {row.pk: row for row in _outputs(run).filter(pk__in=[left_id, right_id])}
    if left_id == right_id or len(found) != 2:
        return None
    left, right = found[left_id], found[right_id]
    cell = [left.persona_id, left.product_id]
    if [right.persona_id, right.product_id] != cell or cell not in run.cells:
        return None
    return Comparison(run.cells.index(cell), left, right, _key(run, left, right))


def _comparisons(run: LabRun, arms: tuple[int, int] | None, start: int) -> Iterator[Comparison]:
    """Cell by cell, so that a page reads few rows however large the run is."""
    for cell, (persona, product) in enumerate(run.cells[start:], start=start):
        rows = _outputs(run).filter(persona=persona, product=product)
        if arms is not None:
            rows = rows.filter(chunk__index__in=arms)
        for first, second in combinations(rows.order_by("chunk__index"), 2):
            key = _key(run, first, second)
            # Which side an arm stands on is chance by the pair, so that no arm is favoured by its place.
            swapped = arms is None and hashlib.sha256(key.encode()).digest()[0] % 2
            pair = Comparison(cell, second, first, key) if swapped else Comparison(cell, first, second, key)
            if arms is not None or (pair.may_be_stored and first.text.strip() and second.text.strip()):
                yield pair


def _outputs(run: LabRun) -> QuerySet[LabOutput]:
    related = ("chunk__template", "chunk__language_model", "persona", "product")
    return LabOutput.objects.filter(chunk__run=run).select_related(*related)


def _key(run: LabRun, first: LabOutput, second: LabOutput) -> str:
    return f"{choice_prefix(run)}{min(first.pk, second.pk)}-{max(first.pk, second.pk)}"
