"""Retraining: all kinds on one state of the shop, measured side by side; one at a time, resumed, cancelled, skipped."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import request_cancel
from recommender.datasets import Dataset
from recommender.jobs import checkpoint_folder, work_training_run
from recommender.models import ModelVersion, Retraining, TrainingEpoch, TrainingRun
from recommender.retraining_jobs import work_retraining
from recommender.selectors import challenger, champion
from recommender.services.models import retire
from recommender.services.retraining import conclude, is_due, retrain_when_due, start_retraining
from recommender.services.training import start_training
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.recommender.training import measured, serve, train_version

pytestmark = pytest.mark.django_db
QUICK = ["transition_knn", "random"]


@pytest.fixture(autouse=True)
def silence():
    with without_ringing():
        yield


@pytest.fixture
def shop():
    """Shoppers walk along a circle of products, all the same way: what comes next is learned by transitions."""
    products = ProductFactory.create_batch(16, pictures=0, sizes=())
    began = timezone.now() - timedelta(days=2)
    for shopper in range(40):
        visitor = VisitorFactory(consented=True)
        for step in range(6):
            EventFactory(
                visitor=visitor,
                type="click",
                product=products[(shopper * 5 + step) % 16],
                occurred_at=began + timedelta(minutes=10 * shopper + step),
            )
    return products


def retrain(**options) -> Retraining:
    retraining = start_retraining(**({"kinds": QUICK} | options))
    work_retraining(str(retraining.pk))
    retraining.refresh_from_db()
    return retraining


def something_new(shop) -> None:
    EventFactory(visitor=VisitorFactory(consented=True), type="like", product=shop[0])


def test_all_kinds_are_trained_on_one_state_measured_together_and_the_best_challenges(shop):
    retraining = retrain(kinds=["blend", "transition_knn", "random"], seed=3)
    assert retraining.kinds == ["random", "popularity", "transition_knn", "blend"]  # the blend is made of the others
    assert (retraining.state, retraining.done, retraining.total) == ("done", 5, 5)
    trainings = [step.training for step in retraining.steps.all()]
    assert [(training.kind, training.state, training.seed) for training in trainings] == [
        (kind, "done", 3) for kind in retraining.kinds
    ]
    versions = [training.version for training in trainings]
    assert len({version.data_window["fingerprint"] for version in versions}) == 1
    assert set(retraining.report.versions.all()) == set(versions)
    blend = versions[-1]
    assert blend.components
    assert set(blend.components) <= {version.name for version in versions[1:3]}
    assert f"components/{blend.components[0].rpartition('-')[0]}/config.json" in blend.files
    best = max(versions[1:], key=lambda version: version.metrics["validation_ndcg@10"])
    assert (retraining.best, challenger(), champion()) == (best, best, None)
    assert retraining.outcome.startswith(f"{best.name} is the best of 4 on validation, NDCG@10 ")
    assert retraining.outcome.endswith("nothing serves yet. It challenges.")
    assert not checkpoint_folder(retraining).exists()


def test_one_retraining_is_open_at_a_time(shop):
    first = start_retraining(kinds=QUICK)
    with pytest.raises(Conflict, match="one is queued or running"):
        start_retraining(kinds=QUICK)
    Retraining.objects.filter(pk=first.pk).update(state="done")
    start_retraining(kinds=QUICK)
    assert Retraining.objects.count() == 2


def test_a_kind_without_a_trainer_is_refused():
    with pytest.raises(Invalid, match="kinds: expected some of random, popularity, .*received 'oracle'"):
        start_retraining(kinds=["oracle"])
    assert not Retraining.objects.exists()


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_no_training_or_column_takes_is_refused(seed):
    with pytest.raises(Invalid, match=f"seed: expected 0 to 9223372036854775807 .received {seed}"):
        start_retraining(kinds=QUICK, seed=seed)
    with pytest.raises(Invalid, match=f"seed: expected 0 to 9223372036854775807 .received {seed}"):
        start_training(kind="random", seed=seed)
    assert not Retraining.objects.exists()


def test_without_new_events_it_is_skipped_with_the_reason(shop):
    first = retrain()
    again = retrain()
    assert (again.state, again.steps.count(), again.best) == ("done", 0, None)
    assert again.outcome.startswith("Skipped: no new events or ratings since 2")
    ProductFactory(pictures=0, sizes=())  # a product alone teaches nothing about taste
    assert retrain().outcome.startswith("Skipped")
    something_new(shop)
    assert retrain().best.pk > first.best.pk


def test_a_shop_with_nothing_to_learn_from_is_skipped_too():
    retraining = retrain()
    assert (retraining.state, retraining.outcome[:43]) == ("done", "Skipped: nothing to learn from: 0 products,")
    assert not TrainingRun.objects.exists()


def test_it_is_promoted_when_wished_and_better_beyond_doubt(shop):
    worse = serve("random")
    retraining = retrain(promotes=True)
    assert champion() == retraining.best
    assert retraining.best.kind == "transition_knn"
    assert challenger() is None
    assert f"against {worse.name}, which serves, +0." in retraining.outcome
    assert retraining.outcome.endswith("It serves now.")
    something_new(shop)
    again = retrain(promotes=True)  # as good as the one that serves, not better
    assert (champion(), challenger()) == (retraining.best, again.best)
    assert again.outcome.endswith("It challenges.")


def test_better_or_not_a_person_decides_unless_it_was_wished(shop):
    serving = serve("random")
    retraining = retrain()
    assert (champion(), challenger()) == (serving, retraining.best)


class Killed(BaseException):
    """What Ctrl-C is."""


def test_a_killed_retraining_carries_on_where_it_was_and_repeats_nothing(shop):
    retraining = start_retraining(kinds=["transition_knn", "two_tower"], seed=1)

    def kill_in_epoch_3(kind, report):
        if (kind, report.epoch) == ("two_tower", 3):
            raise Killed

    with pytest.raises(Killed):
        work_retraining(str(retraining.pk), on_epoch=kill_in_epoch_3)
    retraining.refresh_from_db()
    assert (retraining.state, retraining.done) == ("running", 2)
    finished = list(TrainingEpoch.objects.order_by("pk").values_list("pk", "finished_at"))
    assert len(finished) == 10  # popularity one, transition-kNN one for each of its six settings, two-tower three
    something_new(shop)  # what comes meanwhile is for the next one
    worked = []
    work_retraining(str(retraining.pk), on_epoch=lambda kind, report: worked.append((kind, report.epoch)))
    retraining.refresh_from_db()
    assert (retraining.state, retraining.done, retraining.error) == ("done", 4, "")
    assert worked == [("two_tower", epoch) for epoch in range(4, 26)]
    assert list(TrainingEpoch.objects.order_by("pk").values_list("pk", "finished_at"))[:10] == finished
    assert sorted(TrainingRun.objects.values_list("kind", "state")) == [
        ("popularity", "done"), ("transition_knn", "done"), ("two_tower", "done"),
    ]  # fmt: skip
    windows = {version.data_window["events"] for version in ModelVersion.objects.all()}
    assert windows == {240}


def test_one_that_was_killed_right_after_choosing_chooses_once(shop):
    retraining = retrain(promotes=True)
    Retraining.objects.filter(pk=retraining.pk).update(state="running")
    work_retraining(str(retraining.pk))
    retraining.refresh_from_db()
    assert (retraining.state, ModelVersion.objects.count(), champion()) == ("done", 3, retraining.best)


def test_cancelling_stops_between_epochs_and_leaves_no_training_open(shop):
    retraining = start_retraining(kinds=["two_tower"])

    def cancel_in_epoch_2(kind, report):
        if (kind, report.epoch) == ("two_tower", 2):
            request_cancel(run=retraining)

    work_retraining(str(retraining.pk), on_epoch=cancel_in_epoch_2)
    retraining.refresh_from_db()
    assert (retraining.state, retraining.best) == ("cancelled", None)
    assert TrainingRun.objects.get(kind="two_tower").state == "cancelled"
    assert TrainingEpoch.objects.filter(run__kind="two_tower").count() == 2
    assert challenger() is None


def test_a_training_whose_retraining_was_cancelled_while_nobody_held_it_does_not_go_on(shop):
    retraining = start_retraining(kinds=["two_tower"])

    def kill(kind, report):
        if kind == "two_tower":
            raise Killed

    with pytest.raises(Killed):
        work_retraining(str(retraining.pk), on_epoch=kill)
    request_cancel(run=retraining)
    training = TrainingRun.objects.get(kind="two_tower")
    assert (retraining.state, training.state) == ("cancelled", "running")
    work_training_run(str(training.pk))  # as beat rings for it
    training.refresh_from_db()
    assert (training.state, training.epochs.count()) == ("cancelled", 1)


def test_a_kind_that_fails_is_passed_over_and_told(shop, monkeypatch):
    def refuse(*_, **__):
        raise ValueError("weights: too large for this machine")

    monkeypatch.setattr("recommender.ml.transition.train_transition_knn", refuse)
    retraining = retrain()
    assert (retraining.state, retraining.best.kind) == ("done", "popularity")
    failed = retraining.steps.get(kind="transition_knn").training
    assert (failed.state, failed.error) == ("failed", "ValueError: weights: too large for this machine")


def test_a_queued_training_of_the_same_kind_is_done_first_rather_than_waited_for(shop, monkeypatch):
    monkeypatch.setattr("recommender.retraining_jobs.WAIT_SECONDS", 0)
    queued = start_training(kind="random", seed=5)  # for the only worker, which retrains
    retraining = retrain(kinds=["random"])
    queued.refresh_from_db()
    assert (queued.state, queued.version.seed, retraining.state) == ("done", 5, "done")
    assert retraining.steps.get(kind="random").training != queued


def test_a_training_is_seen_by_others_with_its_snapshot_or_not_at_all(shop, monkeypatch):
    save = Dataset.save
    retraining = start_retraining(kinds=["random"])

    def fail(dataset, path):
        if path.parent != checkpoint_folder(retraining):
            raise OSError("no space left on device")
        save(dataset, path)

    monkeypatch.setattr(Dataset, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        work_retraining(str(retraining.pk))
    assert not TrainingRun.objects.exists()


def test_a_best_version_that_was_retired_or_promoted_meanwhile_stays_what_a_person_made_it(shop):
    promoted, retired = serve("random"), train_version("popularity")
    retire(version=retired, actor="ann")
    for best, told in ((promoted, "it is the champion"), (retired, "this version is retired")):
        retraining = Retraining.objects.create(state="running", total=2)
        conclude(retraining=retraining, best=best, outcome="Compared", promote_it=True)
        retraining.refresh_from_db()
        assert retraining.outcome.startswith("Compared. Nothing was changed; version: ")
        assert told in retraining.outcome
        Retraining.objects.update(state="done")
    assert (champion(), challenger()) == (promoted, None)


def test_a_blend_holds_nothing_of_an_attempt_that_was_killed(shop):
    train_version("popularity")
    run = start_training(kind="blend")
    left = checkpoint_folder(run) / "artifact" / "components" / "two_tower"
    left.mkdir(parents=True)
    (left / "config.json").write_text("{}")
    work_training_run(str(run.pk))
    run.refresh_from_db()
    assert not [name for name in run.version.files if "two_tower" in name]


def test_what_holds_weights_continues_from_the_champion_or_from_its_part(shop):
    part = train_version("two_tower", epochs=2, embedding_size=16)
    blend = serve("popularity")
    ModelVersion.objects.filter(pk=blend.pk).update(components=[part.name])
    something_new(shop)
    retraining = retrain(kinds=["two_tower"], continues=True)
    trainings = {step.kind: step.training for step in retraining.steps.all()}
    assert trainings["two_tower"].continue_from == part
    assert trainings["two_tower"].version.parent == part
    assert trainings["two_tower"].epochs.count() == 6  # a quarter of the usual 25
    assert trainings["popularity"].continue_from is None  # counted models hold none: they are trained anew


@pytest.mark.parametrize(
    ("hour", "every", "last", "due"),
    [
        (None, 0, None, False),
        (3, 0, None, True),
        (3, 0, datetime(2026, 5, 2, 2, 59, tzinfo=UTC), True),
        (3, 0, datetime(2026, 5, 2, 3, 1, tzinfo=UTC), False),
        (4, 0, None, False),
        (2, 0, None, False),
        (None, 6, None, True),
        (None, 6, datetime(2026, 5, 1, 21, 29, tzinfo=UTC), True),
        (None, 6, datetime(2026, 5, 1, 21, 31, tzinfo=UTC), False),
    ],
)
def test_the_schedule_is_an_hour_of_the_day_or_an_interval(settings, hour, every, last, due):
    configured = {**settings.FASHIONREC["RETRAIN"], "HOUR": hour, "EVERY_HOURS": every}
    settings.FASHIONREC = {**settings.FASHIONREC, "RETRAIN": configured}
    if last is not None:
        Retraining.objects.create(state="done")
        Retraining.objects.update(created_at=last)
    assert is_due(now=datetime(2026, 5, 2, 3, 30, tzinfo=UTC)) is due


def test_beat_starts_one_when_it_is_due_and_none_while_one_is_open(settings):
    assert retrain_when_due() is None  # off unless it is set
    configured = {"KINDS": ["item_knn"], "HOUR": None, "EVERY_HOURS": 0.5, "PROMOTE": True, "CONTINUE": True}
    settings.FASHIONREC = {**settings.FASHIONREC, "RETRAIN": configured}
    retraining = retrain_when_due()
    assert retraining.kinds == ["popularity", "item_knn"]
    assert (retraining.scheduled, retraining.promotes, retraining.continues) == (True, True, True)
    assert retrain_when_due() is None
    Retraining.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert retrain_when_due() is None
    assert Retraining.objects.count() == 1


def test_a_blend_of_nothing_that_was_trained_on_these_events_says_so(shop):
    retire(version=train_version("popularity"), actor="ann")
    with pytest.raises(ValueError, match="components: none of two_tower, .* was trained on the shop's present events"):
        train_version("blend")


def test_a_blend_can_be_measured_and_promoted_like_any_other(shop):
    parts = [train_version(kind) for kind in ("popularity", "transition_knn")]
    blend = measured(train_version("blend", components=["transition_knn", "popularity"]))
    assert set(blend.components) <= {part.name for part in parts}
    assert blend.run.epochs.count() == 1
    assert np.isfinite(blend.metrics["validation_ndcg@10"])
