"""The command: several processes, one database that only the leader knows, one registered version."""

import json
import os
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from recommender.models import ModelVersion, TrainingRun
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.recommender.processes import in_processes

pytestmark = pytest.mark.timeout(240)
SMALL = {"embedding_size": 8, "epochs": 2, "batch_size": 20}


def take_products():
    generator, began = np.random.default_rng(2), timezone.now() - timedelta(days=1)
    products = ProductFactory.create_batch(8)
    for _ in range(12):
        visitor = VisitorFactory(consented=True)
        for minutes, index in enumerate(generator.permutation(8)[:5]):
            EventFactory(
                visitor=visitor, type="like", product=products[index], occurred_at=began + timedelta(minutes=minutes)
            )


def _train(folder):
    try:
        call_command("train_distributed", "two_tower", config=SMALL, seed=3, stdout=(folder / "printed").open("a"))
    finally:
        if os.environ["RANK"] != "0":
            assert connection.connection is None, "only the leader knows the database"
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_two_processes_register_one_version_like_a_worker(tmp_path):
    take_products()
    connection.close()  # a connection cannot be shared with forked processes
    assert in_processes(_train, tmp_path) == [0, 0]
    version = ModelVersion.objects.get()
    assert (version.kind, version.seed, version.parameters["epochs"]) == ("two_tower", 3, 2)
    assert version.run.state == TrainingRun.State.DONE
    assert list(version.run.epochs.values_list("epoch", flat=True)) == [1, 2]
    assert version.item_vectors.count() == 8
    assert version.data_window["interactions"] == 60
    assert json.loads((tmp_path / "printed").read_text())["version"] == version.name


def _begin_and_die(folder):
    try:
        call_command("train_distributed", "two_tower", config=SMALL, timeout=0.1)
    except CommandError as error:
        (folder / f"error-{os.environ['RANK']}").write_text(str(error))
        os._exit(4)


@pytest.mark.django_db(transaction=True)
def test_when_the_leader_cannot_begin_the_others_end_too(tmp_path):
    connection.close()
    assert in_processes(_begin_and_die, tmp_path) == [4, 4]
    assert "nothing to learn from" in (tmp_path / "error-0").read_text()
    assert "process 1 of 2: another process of this training is gone" in (tmp_path / "error-1").read_text()
    assert TrainingRun.objects.get().state == TrainingRun.State.FAILED


@pytest.mark.django_db
def test_what_cannot_be_divided_is_refused(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(CommandError, match="kind: received 'popularity', expected one of two_tower, graphsage"):
        call_command("train_distributed", "popularity")
    earlier = ModelVersion.objects.create(kind="two_tower", artifact_sha256="0" * 64)
    TrainingRun.objects.create(kind="two_tower", continue_from=earlier)
    with pytest.raises(CommandError, match=f"continue_from: received {earlier.name}, only one process can"):
        call_command("train_distributed", "two_tower")
