"""Trained models for tests, made as the shop makes them: a run, its job, a registered version."""

from fashionrec.common.queue import without_ringing
from recommender.jobs import work_training_run
from recommender.models import ModelVersion
from recommender.services.models import promote, store_report
from recommender.services.training import start_training


def train_version(kind: str = "popularity", **config: object) -> ModelVersion:
    with without_ringing():
        run = start_training(kind=kind, config=config)
    work_training_run(str(run.pk))
    return ModelVersion.objects.get(run=run)


def measured(version: ModelVersion, ndcg: float = 0.5) -> ModelVersion:
    """As if it had been evaluated beside the baselines."""
    models = {"popularity": {"ndcg@10": 0.1}, version.kind: {"ndcg@10": ndcg}}
    store_report(versions=[version], results={"users": 3, "models": models})
    return version


def serve(kind: str = "popularity", **config: object) -> ModelVersion:
    """Train, measure and promote a model of `kind`."""
    version = measured(train_version(kind, **config))
    promote(version=version, actor="tests")
    return version
