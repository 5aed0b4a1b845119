"""Trainings and the registry: what may serve, who decided it, and the way back."""

import numpy as np
import pytest

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.models import AuditEntry
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import LeaseLost
from recommender.evaluation_jobs import evaluate_versions
from recommender.jobs import checkpoint_folder, sweep_checkpoints, work_training_run
from recommender.ml.progress import EpochReport
from recommender.models import EvaluationReport, ItemVector, ModelAlias, ModelVersion, TrainingEpoch, TrainingRun
from recommender.selectors import champion, find_version, latest_versions, open_trainings
from recommender.services.models import promote, register_version, retire, rollback
from recommender.services.training import forget_epochs_after, record_epoch, start_training
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.recommender.training import measured, train_version

pytestmark = pytest.mark.django_db
WINDOW = {"events": 9, "persona_likes": 0, "products": 3, "users": 2, "fingerprint": "f"}


def new_version(kind="popularity", **fields):
    return ModelVersion.objects.create(kind=kind, artifact_sha256="0" * 64, **fields)


def begin(kind="popularity", **options):
    with without_ringing():
        return start_training(kind=kind, **options)


@pytest.fixture
def shop():
    """Three shoppers with five products each, in an order: two of them are held out."""
    products = ProductFactory.create_batch(8, pictures=0, sizes=())
    for shopper in range(3):
        visitor = VisitorFactory(consented=True)
        for step in range(5):
            EventFactory(visitor=visitor, type="click", product=products[(shopper + step) % 8])
    return products


def audit():
    return list(AuditEntry.objects.order_by("pk").values_list("actor", "action", "object_id", "details"))


def test_a_version_serves_only_once_it_was_measured_beside_the_baselines():
    version = new_version()
    with pytest.raises(Invalid, match="measure it beside the baselines first"):
        promote(version=version, actor="ann")
    assert champion() is None
    assert audit() == []
    alias = promote(version=measured(version), actor="ann")
    assert (alias.name, champion()) == ("champion", version)
    assert audit() == [("ann", "promote", str(version.pk), {"previous": None})]


def test_promotion_remembers_the_way_back_and_every_step_is_audited():
    first, second = measured(new_version()), measured(new_version(kind="random"))
    promote(version=first, actor="ann")
    promote(version=second, actor="ben")
    promote(version=second, actor="ben")  # it serves already
    assert champion() == second
    assert rollback(actor="cleo").version == first
    assert champion() == first
    assert rollback(actor="cleo").version == second  # and forth again
    assert ModelAlias.objects.count() == 1
    assert audit() == [
        ("ann", "promote", str(first.pk), {"previous": None}),
        ("ben", "promote", str(second.pk), {"previous": first.name}),
        ("cleo", "rollback", str(first.pk), {"from": second.name}),
        ("cleo", "rollback", str(second.pk), {"from": first.name}),
    ]


def test_without_a_previous_champion_there_is_no_way_back():
    with pytest.raises(Conflict, match="there is no previous champion \\(received None\\)"):
        rollback(actor="ann")
    version = measured(new_version())
    promote(version=version, actor="ann")
    with pytest.raises(Conflict, match=f"received '{version.name}'"):
        rollback(actor="ann")
    assert champion() == version


def test_a_retired_version_keeps_its_row_loses_its_vectors_and_never_serves_again():
    first, second = measured(new_version()), measured(new_version(kind="random"))
    for version in (first, second):
        ItemVector.objects.create(version=version, product=ProductFactory(), vector=[1.0, 0.0])
    promote(version=first, actor="ann")
    with pytest.raises(Conflict, match="it serves; promote another one first"):
        retire(version=first, actor="ann")
    promote(version=second, actor="ann")
    stale = ModelVersion.objects.get(pk=first.pk)
    retire(version=first, actor="ann")
    assert list(ItemVector.objects.values_list("version", flat=True)) == [second.pk]
    for again in (first, stale):
        with pytest.raises(Conflict, match="this version is retired"):
            promote(version=again, actor="ann")
    with pytest.raises(Conflict, match="the previous champion is retired"):
        rollback(actor="ann")
    assert champion() == second
    assert latest_versions() == {"random": second}
    assert audit()[-1] == ("ann", "retire", str(first.pk), {})


def test_one_training_of_a_kind_is_open_at_a_time():
    run = begin()
    with pytest.raises(Conflict) as caught:
        begin()
    assert (caught.value.fields[0].field, caught.value.fields[0].value) == ("kind", "popularity")
    other = begin("random")
    assert open_trainings() == {"popularity": run, "random": other}
    TrainingRun.objects.filter(pk=run.pk).update(state="done")
    begin()
    assert TrainingRun.objects.count() == 3


def test_an_unknown_kind_is_refused_with_what_is_known():
    with pytest.raises(Invalid, match="kind: expected one of random, popularity, .*received 'oracle'"):
        begin("oracle")
    assert not TrainingRun.objects.exists()


def test_an_epoch_is_written_down_once_and_progress_with_it():
    run = begin()
    TrainingRun.objects.filter(pk=run.pk).update(lease_owner="host:1:a")
    run.refresh_from_db()
    for epoch in (1, 2):
        record_epoch(run=run, report=EpochReport(epoch=epoch, epochs=5, loss=0.5, seconds=0.1))
    run.refresh_from_db()
    assert (run.done, run.total) == (2, 5)
    assert forget_epochs_after(run=run, epoch=1) == 1
    assert list(TrainingEpoch.objects.values_list("epoch", "worker")) == [(1, "host:1:a")]


def test_a_process_that_lost_its_run_leaves_no_epoch_in_the_new_holders_way():
    run = begin()
    TrainingRun.objects.filter(pk=run.pk).update(lease_owner="host:2:b")
    with pytest.raises(LeaseLost):
        record_epoch(run=run, report=EpochReport(epoch=1, epochs=5, loss=0.5, seconds=0.1))
    run.refresh_from_db()
    assert (run.done, TrainingEpoch.objects.count()) == (0, 0)


def test_a_version_is_found_by_its_whole_name_alone():
    version = new_version()
    assert find_version(version.name) == version
    for name in (str(version.pk), f"random-{version.pk}", "popularity-", "popularity-²", "popularity-" + "9" * 19, ""):
        assert find_version(name) is None, name


def test_a_version_is_registered_once_per_run_and_products_deleted_meanwhile_have_no_vector():
    run = begin()
    products = ProductFactory.create_batch(3)
    pks = np.array([product.pk for product in products])
    products[1].delete()
    known = {"run": run, "parameters": {"reg": 0.1}, "window": WINDOW, "metrics": {}, "artifact_sha256": "a" * 64}
    vectors = np.eye(3, 4, dtype=np.float32)
    first = register_version(code_version="c", product_ids=pks, item_vectors=vectors, **known)
    again = register_version(code_version="c", product_ids=pks, item_vectors=vectors, **known)
    assert first == again
    assert ModelVersion.objects.get().row_counts == {"events": 9, "persona_likes": 0, "products": 3, "users": 2}
    stored = {row.product_id: list(row.vector) for row in ItemVector.objects.all()}
    assert stored == {int(pks[0]): [1, 0, 0, 0], int(pks[2]): [0, 0, 1, 0]}


def test_a_training_ends_in_a_version_with_its_data_metrics_and_files(shop):
    version = train_version("popularity")
    assert version.run.state == "done"
    assert version.row_counts == {"events": 15, "persona_likes": 0, "products": 8, "users": 3}
    assert set(version.metrics) >= {"recall@10", "ndcg@10", "users", "validation_ndcg@10"}
    assert version.metrics["users"] == 3
    assert len(version.artifact_sha256) == 64
    assert version.code_version
    assert train_version("popularity").artifact_sha256 == version.artifact_sha256  # the same data, the same files


def test_a_training_with_nothing_to_learn_from_or_an_unknown_parameter_fails_with_the_reason(shop):
    run = begin(config={"depth": 3})
    with pytest.raises(ValueError, match="depth: unknown parameter of popularity"):
        work_training_run(str(run.pk))
    run.refresh_from_db()
    assert run.state == "failed"
    assert "depth: unknown parameter" in run.error
    assert not checkpoint_folder(run).exists()
    for product in shop:
        product.delete()
    empty = begin()
    with pytest.raises(ValueError, match="nothing to learn from: 0 products, 0 interactions"):
        work_training_run(str(empty.pk))
    assert not ModelVersion.objects.exists()


def test_an_evaluation_measures_the_present_data_only_and_opens_the_way_to_promotion(shop):
    versions = [train_version("popularity"), train_version("random")]
    report = evaluate_versions(versions)
    assert set(report.results["models"]) == {"popularity", "random"}
    assert report.results["users"] == 3
    assert "ndcg@10_minus_popularity" in report.results["models"]["random"]
    versions[1].refresh_from_db()
    assert versions[1].metrics["ndcg@10"] == report.results["models"]["random"]["ndcg@10"]
    promote(version=versions[0], actor="ann")
    EventFactory(visitor__consented=True, type="like", product=shop[0])
    with pytest.raises(ValueError, match="none of .* was trained on the shop's present events"):
        evaluate_versions(versions)
    assert EvaluationReport.objects.count() == 1


def test_what_a_cancelled_run_left_on_disk_goes_with_the_next_training(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    with without_ringing():
        cancelled, waiting = start_training(kind="random"), start_training(kind="two_tower")
    for run in (cancelled, waiting):
        (tmp_path / "checkpoints" / str(run.pk)).mkdir(parents=True)
    (tmp_path / "checkpoints" / "of somebody else").mkdir()
    TrainingRun.objects.filter(pk=cancelled.pk).update(state="cancelled")
    assert sweep_checkpoints() == 1
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {str(waiting.pk), "of somebody else"}
