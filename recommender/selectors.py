"""Reads over the registry."""

from recommender.models import ModelAlias, ModelKind, ModelVersion, TrainingRun


def champion() -> ModelVersion | None:
    alias = ModelAlias.objects.select_related("version").filter(name=ModelAlias.Name.CHAMPION).first()
    return alias.version if alias else None


def latest_versions() -> dict[str, ModelVersion]:
    """The newest version of every kind that has one and is not retired, in the order of ModelKind."""
    newest = {
        version.kind: version
        for version in ModelVersion.objects.filter(retired_at__isnull=True).order_by("created_at", "pk")
    }
    return {kind: newest[kind] for kind in ModelKind.values if kind in newest}


def open_trainings() -> dict[str, TrainingRun]:
    return {run.kind: run for run in TrainingRun.objects.filter(state__in=TrainingRun.OPEN_STATES)}
