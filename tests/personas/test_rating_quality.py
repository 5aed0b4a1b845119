"""Calibrating, judging and publishing: what a run is worth is read from the model's own answers."""

import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.queue import without_ringing
from fashionrec.storefront.ratings import verdicts
from feedback.models import Event
from personas.jobs import work_rating_run
from personas.ml.calibration import declared_target
from personas.models import SCALE, Calibration, QualityReport, Rating, RatingRun, RawScore
from personas.selectors import persona_ratings, published_ratings
from personas.services.language_models import register_language_model
from personas.services.personas import generate_personas
from personas.services.rating_plans import plan_rating_run
from personas.services.rating_quality import judge_run
from personas.services.ratings import publish, withdraw
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.factories.personas import LanguageModelFactory, RatingFactory, RatingRunFactory

pytestmark = pytest.mark.django_db
POINTS = np.array(SCALE)


def rated(adapter, *, raters=8, products=30):
    """A finished run of 30 products by 8 of 12 personas: 240 cells, more than the gate's least."""
    if not products or not RatingRun.objects.exists():
        colours = ["red", "blue", "green", "black", "pink"]
        for index in range(products):
            # The same prompts whichever tests ran before: what a rater of noise says hangs on every letter.
            looks = {"colour": colours[index % 5], "pattern": ["plain", "floral"][index % 2]}
            ProductFactory(pictures=0, title=f"Linen dress {index}", **looks)
    model = register_language_model(name=adapter, adapter=f"tests.raters.{adapter}")
    with without_ringing():
        run = plan_rating_run(
            personas=generate_personas(count=12, seed=1), language_model=model, raters_per_product=raters, seed=2
        )
    work_rating_run(str(run.pk))
    run.refresh_from_db()
    assert run.state == "done", run.error
    return run


def test_a_good_scorer_passes_and_its_calibrated_ratings_have_the_target_shares():
    run = rated("SteadyRater")
    report = run.quality
    assert (report.passed, report.reasons) == (True, [])
    effect = report.figures["persona_effect"]
    assert effect["low"] > 0
    assert effect["matched"] > effect["control"]
    ratings = np.array(list(run.ratings.values_list("calibrated", flat=True)))
    nearest = POINTS[np.abs(ratings[:, None] - POINTS).argmin(axis=1)]
    shares = np.array([(nearest == point).mean() for point in SCALE])
    assert np.abs(np.cumsum(shares) - np.cumsum(declared_target())).max() < 0.04
    assert (run.calibration.rows, run.calibration.target_source) == (240, "declared")
    calibrated = np.array(list(run.ratings.values_list("calibrated_probabilities", flat=True)))
    np.testing.assert_allclose(calibrated.sum(axis=1), 1, atol=1e-9)


@pytest.mark.parametrize(
    ("adapter", "reasons"),
    [
        ("RandomRater", ("label order agree", "asked twice", "persona hardly matters")),
        ("HashRater", ("label order agree", "persona hardly matters")),
        ("ConstantRater", ("label order agree", "persona hardly matters", "expectations differ")),
        ("ImpersonalRater", ("persona hardly matters",)),
    ],
)
def test_calibration_cannot_rescue_a_useless_scorer(adapter, reasons):
    run = rated(adapter)
    assert run.calibration is not None  # it is calibrated as any other
    report = run.quality
    assert report.passed is False
    for reason in reasons:
        assert any(reason in said for said in report.reasons), (reason, report.reasons)
    with pytest.raises(Conflict) as caught:
        publish(run=run)
    assert report.reasons[0] in caught.value.message
    run.refresh_from_db()
    assert run.published_at is None
    assert list(published_ratings()) == []


def test_only_a_finished_run_is_published_and_publishing_twice_changes_nothing():
    run = rated("SteadyRater")
    RatingRun.objects.filter(pk=run.pk).update(state="running")
    with pytest.raises(Conflict, match="state: only a finished run can be published"):
        publish(run=run)
    RatingRun.objects.filter(pk=run.pk).update(state="done")
    assert list(published_ratings()) == []
    first = publish(run=run).published_at
    assert publish(run=run).published_at == first
    stored = Rating.objects.order_by("persona_id", "product_id").select_related("persona")
    assert list(published_ratings()) == [
        (r.persona.key, r.product_id, r.calibrated, r.calibrated_probabilities) for r in stored
    ]
    withdraw(run=run)
    assert list(published_ratings()) == []
    with pytest.raises(Conflict, match="only a published run can be withdrawn"):
        withdraw(run=run)
    assert Rating.objects.filter(run=run).count() == 240


def test_a_run_whose_worker_died_before_judging_is_judged_when_it_is_published():
    run = rated("SteadyRater")
    QualityReport.objects.all().delete()
    assert publish(run=RatingRun.objects.get(pk=run.pk)).published_at is not None
    assert QualityReport.objects.get().passed


def test_calibrating_again_asks_the_model_nothing_and_changes_no_figure_that_the_gate_reads(monkeypatch):
    run = rated("SteadyRater")
    before = QualityReport.objects.get().figures
    raw = list(RawScore.objects.order_by("pk").values_list("pk", "log_probabilities"))
    monkeypatch.setattr("tests.raters.SteadyRater.score_labels", None)
    target = [0.5] + [0.05] * 10
    report = judge_run(run=run, target=target, target_source="test")
    assert report.figures["calibrated"]["share_of_minus_one"] == pytest.approx(0.5, abs=0.03)
    assert before["calibrated"]["share_of_minus_one"] == pytest.approx(0.07, abs=0.02)
    for name in ("label_mass", "order_agreement", "test_retest", "persona_effect", "distinct_expectations", "raw"):
        same = {key: value for key, value in report.figures[name].items() if not key.startswith("ks_")}
        assert same == {key: value for key, value in before[name].items() if not key.startswith("ks_")}, name
    assert list(RawScore.objects.order_by("pk").values_list("pk", "log_probabilities")) == raw
    assert Calibration.objects.count() == 2
    run.refresh_from_db()
    assert run.calibration.target_source == "test"


def test_a_calibration_is_fitted_on_all_that_one_model_said_to_one_template():
    first = rated("SteadyRater", raters=8)
    second = rated("SteadyRater", raters=8, products=0)
    assert first.calibration.rows == 240
    assert second.calibration.rows == 480


def test_a_target_that_is_no_distribution_is_refused_and_nothing_changes():
    run = rated("SteadyRater")
    for target in ([0.1] * 11, [1.0], [-0.1, 1.1, *[0.0] * 9]):
        with pytest.raises(Invalid, match="target"):
            judge_run(run=run, target=target)
    assert Calibration.objects.count() == 1


def test_an_unfinished_run_is_not_calibrated():
    with pytest.raises(Conflict, match="only a finished run can be calibrated"):
        judge_run(run=RatingRunFactory())


def test_ratings_of_unpublished_runs_are_never_shown():
    shown = RatingFactory(expectation=8.0)
    RatingFactory(persona=shown.persona, product=shown.product, run=RatingRunFactory(state="done"))
    assert list(published_ratings()) == [(shown.persona.key, shown.product_id, 8.0, shown.probabilities)]
    assert [rating.pk for rating in persona_ratings(shown.persona)] == [shown.pk]


def test_a_calibrated_rating_counts_in_place_of_the_raw_one():
    flat = [1 / 11] * 11
    rating = RatingFactory(expectation=8.0, calibrated=6.5, calibrated_probabilities=flat)
    assert list(published_ratings()) == [(rating.persona.key, rating.product_id, 6.5, flat)]


def test_of_two_published_runs_of_one_model_the_one_published_last_counts():
    first = RatingFactory(expectation=9.0)
    second = RatingFactory(expectation=3.0, persona=first.persona, product=first.product)
    assert first.run.language_model == second.run.language_model
    assert [rating for _, _, rating, _ in published_ratings()] == [3.0]
    other = LanguageModelFactory(name="other", is_simulator=False)
    third = RatingFactory(expectation=5.0, persona=first.persona, product=first.product, run__language_model=other)
    assert [rating for _, _, rating, _ in published_ratings()] == [3.0, 5.0]
    simulated, said = sorted(verdicts(first.product), key=lambda verdict: verdict.mean)
    assert (simulated.count, simulated.mean, said.count, said.keenest) == (1, 3.0, 1, third)


def test_a_run_of_a_single_cell_is_judged_and_blocked():
    run = rated("ConstantRater", raters=1, products=1)
    assert run.quality.passed is False
    assert "too few cells to judge: 1, at least 200 are needed" in run.quality.reasons


def test_a_misspelt_threshold_is_named_and_publishes_nothing(settings):
    run = rated("SteadyRater")
    settings.FASHIONREC = {**settings.FASHIONREC, "RATING_GATE": {"cels": 1}}
    with pytest.raises(Invalid, match="FASHIONREC_RATING_GATE: .*'cels'"):
        judge_run(run=run)


def test_the_command_calibrates_to_a_file_and_to_what_people_rated(tmp_path, capsys):
    run = rated("SteadyRater")
    path = tmp_path / "target.json"
    path.write_text(json.dumps([0.3] + [0.07] * 10))
    call_command("calibrate_ratings", str(run.pk)[:8], target=str(path))
    answer = json.loads(capsys.readouterr().out)
    assert answer["target_source"] == "file target.json"
    assert answer["figures"]["calibrated"]["share_of_minus_one"] == pytest.approx(0.3, abs=0.02)
    with pytest.raises(CommandError, match="0 ratings of people, at least 500"):
        call_command("calibrate_ratings", str(run.pk), target="people")
    person = VisitorFactory(consented=True)
    product = run.ratings.first().product
    events = EventFactory.build_batch(500, visitor=person, product=product, type="rate", value=9)
    Event.objects.bulk_create(events)
    call_command("calibrate_ratings", str(run.pk), target="people")
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures["target"][9] == pytest.approx(501 / 511)
    for target in ("nowhere.json", __file__):
        with pytest.raises(CommandError, match="--target: expected declared, people or a JSON file"):
            call_command("calibrate_ratings", str(run.pk), target=target)
    with pytest.raises(CommandError, match="0 rating runs begin with 'zz'"):
        call_command("calibrate_ratings", "zz")
