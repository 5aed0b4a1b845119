"""Reads over the registry."""

from collections.abc import Sequence

from django.db.models import Q

from recommender.models import ModelAlias, ModelKind, ModelVersion, Retraining, RetrainingStep, TrainingRun


def champion() -> ModelVersion | None:
    alias = ModelAlias.objects.select_related("version").filter(name=ModelAlias.Name.CHAMPION).first()
    return alias.version if alias else None


def challenger() -> ModelVersion | None:
    alias = ModelAlias.objects.select_related("version").filter(name=ModelAlias.Name.CHALLENGER).first()
    return alias.version if alias else None


def versions_in_use() -> list[ModelVersion]:
    """The champion, the one before it, the challenger, and what the blends among them are made of; none twice."""
    aliased: dict[int, ModelVersion] = {}
    for alias in ModelAlias.objects.select_related("version", "previous").order_by("name"):
        for version in (alias.version, alias.previous):
            if version is not None and version.retired_at is None:
                aliased[version.pk] = version
    names = [name for version in aliased.values() for name in version.components]
    numbers = [int(name.rpartition("-")[2]) for name in names]
    parts = ModelVersion.objects.filter(pk__in=numbers, retired_at__isnull=True).order_by("pk") if numbers else []
    return list({**aliased, **{part.pk: part for part in parts}}.values())


def find_version(name: str) -> ModelVersion | None:
    """The version of that public name, `<kind>-<number>`."""
    kind, _, number = name.rpartition("-")
    if kind not in ModelKind.values or not (number.isascii() and number.isdecimal() and len(number) <= 18):
        return None
    return ModelVersion.objects.prefetch_related("aliases").filter(pk=int(number), kind=kind).first()


def part_of(version: ModelVersion, kind: str) -> ModelVersion | None:
    """The version itself, or the part of a blend, that is of `kind`."""
    if version.kind == kind:
        return version
    return next((part for name in version.components if (part := find_version(name)) and part.kind == kind), None)


def latest_versions(*, fingerprint: str | None = None) -> dict[str, ModelVersion]:
    """The newest version of every kind that has one and is not retired, in the order of ModelKind.

    fingerprint: of a dataset, where only versions trained on exactly that data count.
    """
    versions = ModelVersion.objects.filter(retired_at__isnull=True).order_by("created_at", "pk")
    if fingerprint is not None:
        versions = versions.filter(data_window__fingerprint=fingerprint)
    newest = {version.kind: version for version in versions}
    return {kind: newest[kind] for kind in ModelKind.values if kind in newest}


def open_trainings() -> dict[str, TrainingRun]:
    return {run.kind: run for run in TrainingRun.objects.filter(state__in=TrainingRun.OPEN_STATES)}


def is_abandoned(training: TrainingRun) -> bool:
    """Whether a training is a step of a retraining that has ended, or was asked to."""
    going_on = Q(retraining__state__in=Retraining.OPEN_STATES, retraining__cancel_requested=False)
    return RetrainingStep.objects.filter(training=training).exclude(going_on).exists()


def open_retraining() -> Retraining | None:
    return Retraining.objects.filter(state__in=Retraining.OPEN_STATES).first()


def latest_retraining_of(kinds: Sequence[str]) -> Retraining | None:
    """The last finished one of exactly these kinds that came to a best version."""
    done = Retraining.objects.filter(state=Retraining.State.DONE, kinds=list(kinds), best__isnull=False)
    return done.select_related("best").order_by("-created_at").first()
