"""The registry: which versions exist, which one serves, and the way back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from catalog.models import Product
from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.locks import Lock, take_lock
from fashionrec.common.services.audit import record_audit
from recommender.models import EvaluationReport, ItemVector, ModelAlias, ModelKind, ModelVersion, TrainingRun

BASELINE = ModelKind.POPULARITY
"""No model serves without having been compared with it."""


@transaction.atomic
def register_version(
    *,
    run: TrainingRun,
    parameters: dict[str, Any],
    window: dict[str, Any],
    metrics: dict[str, Any],
    artifact_sha256: str,
    code_version: str,
    product_ids: NDArray[np.int64],
    item_vectors: NDArray[np.float32] | None,
    files: Mapping[str, str] | None = None,
    components: Sequence[ModelVersion] = (),
) -> ModelVersion:
    """Store a trained model once per run, with its item vectors where the model has any.

    product_ids: (N,) primary keys by item index; products deleted since the training began have no vector.
    item_vectors: (N, D) float32. files: sha256 by name. components: what a blend is made of.
    """
    version, created = ModelVersion.objects.get_or_create(
        run=run,
        defaults={
            "kind": run.kind,
            "parameters": parameters,
            "seed": run.seed,
            "data_window": window,
            "row_counts": {name: window[name] for name in ("events", "persona_likes", "products", "users")},
            "metrics": metrics,
            "artifact_sha256": artifact_sha256,
            "code_version": code_version,
            "files": dict(files or {}),
            "parent": run.continue_from,
            "components": [component.name for component in components],
        },
    )
    if created and item_vectors is not None:
        known = set(Product.objects.filter(pk__in=product_ids.tolist()).values_list("pk", flat=True))
        ItemVector.objects.bulk_create(
            [
                ItemVector(version=version, product_id=pk, vector=vector)
                for pk, vector in zip(product_ids.tolist(), item_vectors, strict=True)
                if pk in known
            ],
            batch_size=1000,
        )
    return version


@transaction.atomic
def promote(*, version: ModelVersion, actor: str) -> ModelAlias:
    """Make `version` the champion: one update, and every web process serves it from its next request.

    A challenger that becomes champion challenges no more. Raises Conflict for a retired version, Invalid for one that
    was never measured beside the baselines.
    """
    take_lock(Lock.PROMOTION)
    version.refresh_from_db()
    _refuse_retired(version)
    if not measured_beside_baselines(version):
        raise Invalid.for_field("version", version.name, "measure it beside the baselines first (evaluate_models)")
    ModelAlias.objects.filter(name=ModelAlias.Name.CHALLENGER, version=version).delete()
    alias = ModelAlias.objects.select_for_update().filter(name=ModelAlias.Name.CHAMPION).first()
    if alias is None:
        alias = ModelAlias(name=ModelAlias.Name.CHAMPION, version=version)
    elif alias.version_id == version.pk:
        return alias
    else:
        alias.previous, alias.version = alias.version, version
    alias.save()
    record_audit(
        actor=actor,
        action="promote",
        object=version,
        details={"previous": alias.previous.name if alias.previous else None},
    )
    return alias


@transaction.atomic
def rollback(*, actor: str) -> ModelAlias:
    """Give the previous champion its place back. Raises Conflict when there is none, or it is retired."""
    take_lock(Lock.PROMOTION)
    alias = ModelAlias.objects.select_for_update().filter(name=ModelAlias.Name.CHAMPION).first()
    if alias is None or alias.previous is None:
        raise Conflict.for_field("champion", alias.version.name if alias else None, "there is no previous champion")
    if alias.previous.retired_at is not None:
        raise Conflict.for_field("champion", alias.previous.name, "the previous champion is retired")
    alias.version, alias.previous = alias.previous, alias.version
    alias.save()
    ModelAlias.objects.filter(name=ModelAlias.Name.CHALLENGER, version=alias.version).delete()
    record_audit(actor=actor, action="rollback", object=alias.version, details={"from": alias.previous.name})
    return alias


@transaction.atomic
def set_challenger(*, version: ModelVersion, actor: str) -> ModelAlias:
    """Make `version` the one that is to be tried against the champion, in the place of an earlier challenger.

    Raises Conflict for a retired version, and for the champion itself.
    """
    take_lock(Lock.PROMOTION)
    version.refresh_from_db()
    _refuse_retired(version)
    if version.aliases.filter(name=ModelAlias.Name.CHAMPION).exists():
        raise Conflict.for_field("version", version.name, "it is the champion")
    alias = ModelAlias.objects.select_for_update().filter(name=ModelAlias.Name.CHALLENGER).first()
    if alias is not None and alias.version_id == version.pk:
        return alias
    alias, _ = ModelAlias.objects.update_or_create(name=ModelAlias.Name.CHALLENGER, defaults={"version": version})
    record_audit(actor=actor, action="challenge", object=version, details={})
    return alias


@transaction.atomic
def clear_challenger(*, actor: str) -> None:
    """Let no version challenge the champion. Raises Conflict when none does."""
    take_lock(Lock.PROMOTION)
    alias = ModelAlias.objects.select_related("version").filter(name=ModelAlias.Name.CHALLENGER).first()
    if alias is None:
        raise Conflict.for_field("challenger", None, "there is no challenger")
    alias.delete()
    record_audit(actor=actor, action="withdraw", object=alias.version, details={})


@transaction.atomic
def retire(*, version: ModelVersion, actor: str) -> None:
    """Drop a version's vectors; its row and artifact stay.

    Raises Conflict while an alias points at it, or at a blend that it is part of.
    """
    take_lock(Lock.PROMOTION)
    if version.aliases.exists():
        raise Conflict.for_field("version", version.name, "it serves; promote another one first")
    blend = ModelVersion.objects.filter(aliases__isnull=False, components__contains=[version.name]).first()
    if blend is not None:
        raise Conflict.for_field("version", version.name, f"it is part of {blend.name}; promote another one first")
    version.item_vectors.all().delete()
    version.retired_at = timezone.now()
    version.save(update_fields=["retired_at"])
    record_audit(actor=actor, action="retire", object=version, details={})


def measured_beside_baselines(version: ModelVersion) -> bool:
    """Whether some report holds figures of this version and of popularity, on the same held-out events."""
    for results in version.reports.values_list("results", flat=True):
        models = results.get("models", {})
        own = models.get(version.name) or models.get(version.kind)
        if own and BASELINE in models and all("ndcg@10" in figures for figures in (own, models[BASELINE])):
            return True
    return False


def _refuse_retired(version: ModelVersion) -> None:
    if version.retired_at is not None:
        raise Conflict.for_field("version", version.name, "this version is retired")


@transaction.atomic
def store_report(*, versions: list[ModelVersion], results: dict[str, Any]) -> EvaluationReport:
    """Keep an evaluation, and its figures on every version it measured."""
    report = EvaluationReport.objects.create(results=results)
    report.versions.set(versions)
    for version in versions:
        version.metrics = {**version.metrics, **results["models"][version.kind]}
        version.save(update_fields=["metrics"])
    return report
