"""Studies: every kind under every way of holding out, resumed without repeating, reported with intervals."""

import json
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from fashionrec.common.errors import Invalid
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import LeaseLost, request_cancel
from recommender import study_jobs
from recommender.datasets import build_dataset
from recommender.jobs import checkpoint_folder
from recommender.ml.split import leave_one_out
from recommender.ml.study import Cell
from recommender.ml.tuning import GRIDS, train_tuned
from recommender.models import EvaluationReport, Study, StudyCell
from recommender.services.studies import measured_cells, plan_study, record_cell
from recommender.study_jobs import work_study
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    """Twelve shoppers who click eight products each, an hour apart, in a catalogue of sixteen."""
    products = ProductFactory.create_batch(16, pictures=0, sizes=())
    start = timezone.now() - timedelta(days=10)
    for shopper in range(12):
        visitor = VisitorFactory(consented=True)
        for step in range(8):
            EventFactory(
                visitor=visitor,
                type="click",
                product=products[(3 * shopper + step * (step + 1) // 2) % 16],
                occurred_at=start + timedelta(hours=8 * shopper + step),
            )
    return products


def plan(**options):
    with without_ringing():
        return plan_study(**{"kinds": ["random", "popularity"], "protocols": ["leave_one_out"], "seeds": 2, **options})


def work(study, **options):
    work_study(str(study.pk), **options)
    study.refresh_from_db()
    return study


def test_a_study_measures_every_kind_under_every_protocol_and_seed(shop):
    study = work(plan(protocols=["leave_one_out", "global_time", "cold_items", "cold_users_1"], seeds=3))
    assert (study.state, study.done, study.total) == ("done", 16, 16)
    assert list(study.cells.exclude(error="")) == []
    results = study.report.results
    assert set(results["protocols"]) == {"leave_one_out", "global_time", "cold_items", "cold_users_1"}
    for protocol in results["protocols"].values():
        assert [protocol["models"][kind]["seeds"] for kind in ("random", "popularity")] == [3, 1]
        assert protocol["best_baseline"] == "popularity"
        assert protocol["users"] == protocol["models"]["random"]["users"] > 0
        assert set(protocol["models"]["random"]["ndcg@10_minus_popularity"]) == {"mean", "low", "high"}
        assert "ndcg@10_minus_popularity" not in protocol["models"]["popularity"]
        assert (
            sum(bucket["users"] for bucket in protocol["models"]["random"]["ndcg@10_by_history"]) == protocol["users"]
        )
    assert results["users"] == 12
    assert (
        results["models"]["random"]["ndcg@10"] == results["protocols"]["leave_one_out"]["models"]["random"]["ndcg@10"]
    )
    assert not checkpoint_folder(study).exists()


def test_the_mean_and_the_spread_are_those_of_the_seeds(shop):
    study = work(plan(seeds=4))
    stored = measured_cells(study, "leave_one_out")["random"]
    means = [float(one.ndcg.mean()) for one in stored]
    figures = study.report.results["protocols"]["leave_one_out"]["models"]["random"]
    assert len(set(means)) > 1
    assert figures["ndcg@10"] == pytest.approx(np.mean(means), abs=1e-5)
    assert figures["ndcg@10_deviation_over_seeds"] == pytest.approx(np.std(means, ddof=1), abs=1e-5)


def test_the_same_study_comes_to_the_same_figures(shop):
    first, second = (work(plan(protocols=["cold_items"])).report.results["protocols"] for _ in range(2))
    for results in (first, second):
        for figures in results["cold_items"]["models"].values():
            del figures["training_seconds"]
    assert first == second


def test_closed_form_kinds_are_tuned_as_in_the_shop_unless_the_study_says_how(shop):
    settings = {"history_decay": 0.7, "shrinkage": 30.0}
    tuned, told = (work(plan(kinds=["item_knn"], parameters=given)) for given in ({}, {"item_knn": settings}))
    split = leave_one_out(build_dataset().interactions)
    with TemporaryDirectory() as folder:
        _, found = train_tuned("item_knn", split, directory=Path(folder) / "best")
    validation = [measured_cells(study, "leave_one_out")["item_knn"][0].validation_ndcg for study in (tuned, told)]
    assert validation == pytest.approx([max(found), found[GRIDS["item_knn"].index(settings)]], abs=1e-5)
    assert validation[0] > validation[1]


def test_a_killed_worker_goes_on_without_repeating_what_is_done(shop, monkeypatch):
    study = plan(seeds=3)
    trained = []
    real = study_jobs.train

    def train_until_told_to_stop(kind, *arguments, **options):
        if len(trained) == 2:
            trained.append("killed")
            raise KeyboardInterrupt
        trained.append(kind)
        real(kind, *arguments, **options)

    monkeypatch.setattr(study_jobs, "train", train_until_told_to_stop)
    with pytest.raises(KeyboardInterrupt):
        work(study)
    study.refresh_from_db()
    assert (study.state, study.done, study.lease_until) == ("running", 2, None)
    before = set(study.cells.values_list("pk", flat=True))
    EventFactory(visitor__consented=True, type="like", product=shop[0])  # the study keeps the shop it began with
    work(study)
    assert (study.state, study.done) == ("done", 4)
    assert trained == ["random", "random", "killed", "random", "popularity"]
    assert before < set(study.cells.values_list("pk", flat=True))
    assert study.report.results["window"]["events"] == 96


def test_a_cancelled_study_stops_at_the_next_model_and_keeps_what_it_has(shop):
    study = plan(seeds=3)

    def cancel(cell, number, total):
        if number == 2:
            request_cancel(run=Study.objects.get(pk=study.pk))

    work(study, on_cell=cancel)
    assert (study.state, study.done, study.report) == ("cancelled", 1, None)
    assert study.cells.count() == 1
    assert not checkpoint_folder(study).exists()


def test_a_kind_that_cannot_be_trained_is_left_out_with_the_reason_and_the_others_are_reported(shop):
    study = work(plan(kinds=["random", "item_knn"], parameters={"item_knn": {"depth": 3}}))
    assert study.state == "done"
    results = study.report.results
    assert set(results["models"]) == {"random", "popularity"}
    (left_out,) = results["left_out"]
    assert (left_out["protocol"], left_out["kind"]) == ("leave_one_out", "item_knn")
    assert "depth: unknown parameter of item_knn" in left_out["reason"]


def test_a_protocol_with_too_few_events_is_left_out_with_the_reason(shop):
    study = work(plan(protocols=["leave_one_out", "cold_users_5"]))
    assert set(study.report.results["protocols"]) == {"leave_one_out", "cold_users_5"}
    for product in shop[3:]:
        product.delete()
    study = work(plan(protocols=["leave_one_out", "cold_users_5"]))
    assert list(study.report.results["protocols"]) == ["leave_one_out"]
    assert "shoppers with more than 5 items" in study.report.results["left_out"][0]["reason"]


def test_a_study_of_nothing_fails_with_the_reason():
    study = plan()
    with pytest.raises(ValueError, match="nothing to learn from: 0 products, 0 events"):
        work(study)
    study.refresh_from_db()
    assert study.state == "failed"
    assert not EvaluationReport.objects.exists()


def test_a_study_sees_every_event_with_its_own_weight_and_others_what_all_of_them_say(shop):
    visitor = VisitorFactory(consented=True)
    for hours, event_type in ((9, "click"), (2, "purchase")):
        EventFactory(
            visitor=visitor,
            type=event_type,
            product=shop[4],
            occurred_at=timezone.now() - timedelta(hours=hours),
        )
    merged, every = build_dataset(), build_dataset(repeats=True)
    user = merged.user_ids.index(str(visitor.pk))
    assert every.user_ids == merged.user_ids
    whole = every.interactions
    click, purchase = whole.weight[whole.user == user].tolist()
    assert click < purchase
    assert merged.interactions.weight[merged.interactions.user == user].tolist() == [purchase]
    assert len(whole.item) == len(merged.interactions.item) + 1


def test_a_cell_is_written_down_once_and_by_the_holder_alone():
    study = plan()
    Study.objects.filter(pk=study.pk).update(lease_owner="host:2:b")
    with pytest.raises(LeaseLost):
        record_cell(study=study, cell=Cell("leave_one_out", "random", 0), done=1, total=2, error="no")
    assert not StudyCell.objects.exists()


def test_a_blend_is_made_of_the_models_of_its_seed_and_of_models_of_its_own_for_cold_items(shop):
    small = {"components": ["transition_knn", "popularity", "gf_cf"]}  # gf_cf is not in the study
    study = work(
        plan(
            kinds=["transition_knn", "blend"],
            protocols=["global_time", "cold_items"],
            seeds=1,
            parameters={"blend": small},
        )
    )
    assert list(study.cells.values_list("protocol", "kind", "error")) == [
        (protocol, kind, "")
        for protocol in ("global_time", "cold_items")
        for kind in ("popularity", "transition_knn", "blend")
    ]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"kinds": ["oracle"]}, "kinds: expected some of random, popularity"),
        ({"kinds": []}, "kinds: expected some of"),
        ({"protocols": ["luck"]}, "protocols: expected some of leave_one_out, global_time"),
        ({"seeds": 0}, "seeds: expected 1 to 20"),
        ({"parameters": {"ease": {}}}, "parameters: this kind is not in the study"),
        ({"parameters": {"popularity": 3}}, r"parameters\.popularity: expected an object .*received 3"),
    ],
)
def test_what_cannot_be_studied_is_refused(options, reason):
    with pytest.raises(Invalid, match=reason):
        plan(**options)
    assert not Study.objects.exists()


def test_the_command_works_a_study_and_prints_its_results(shop, capsys):
    call_command("evaluate_models", study=True, kinds=["random", "popularity"], protocol=["cold_users_3"], seeds=2)
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed == EvaluationReport.objects.get().results
    assert list(printed["protocols"]) == ["cold_users_3"]
    with pytest.raises(CommandError, match="seeds: expected 1 to 20"):
        call_command("evaluate_models", study=True, seeds=99)
