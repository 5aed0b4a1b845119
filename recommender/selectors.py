"""Reads over the registry."""

from recommender.models import ModelAlias, ModelKind, ModelVersion, TrainingRun


def champion() -> ModelVersion | None:
    alias = ModelAlias.objects.select_related("version").filter(name=ModelAlias.Name.CHAMPION).first()
    return alias.version if alias else None


def find_version(name: str) -> ModelVersion | None:
    """The version of that public name, `<kind>-<number>`."""
    kind, _, number = name.rpartition("-")
    if not (number.isascii() and number.isdecimal() and len(number) <= 18):
        return None
    return ModelVersion.objects.prefetch_related("aliases").filter(pk=int(number), kind=kind).first()


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
