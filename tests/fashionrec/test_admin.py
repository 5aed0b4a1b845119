"""Every admin page opens, and what can be done there is done by the services."""

import numpy as np
import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from catalog.models import Product
from fashionrec.common.models import AuditEntry
from feedback.models import Slate
from personas.jobs import work_rating_run
from personas.models import Persona, QualityReport, RatingRun
from personas.services.language_models import register_language_model
from personas.services.personas import generate_personas
from personas.services.rating_plans import plan_rating_run
from personas.services.ratings import publish
from recommender.models import EvaluationReport, ModelAlias, ModelVersion, TrainingEpoch, TrainingRun
from recommender.selectors import champion
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory

pytestmark = pytest.mark.django_db


def make_version(kind: str) -> ModelVersion:
    run = TrainingRun.objects.create(kind=kind, state="done", total=2, done=2)
    TrainingEpoch.objects.create(run=run, epoch=1, loss=1.5, seconds=0.1, worker="here")
    return ModelVersion.objects.create(
        kind=kind, run=run, artifact_sha256="0" * 64, metrics={"recall@10": 0.25, "ndcg@10": 0.125}
    )


def make_report(*versions: ModelVersion) -> EvaluationReport:
    models = {version.kind: version.metrics for version in versions}
    report = EvaluationReport.objects.create(results={"protocol": "full ranking", "users": 7, "models": models})
    report.versions.set(versions)
    return report


@pytest.fixture
def rated_run() -> RatingRun:
    ProductFactory.create_batch(3)
    model = register_language_model(name="rater", adapter="fashionrec.simulation.rater.SimulatedRater")
    run = plan_rating_run(personas=generate_personas(count=4), language_model=model, raters_per_product=2)
    work_rating_run(str(run.pk))
    run.refresh_from_db()
    return run


def test_every_list_and_every_first_row_opens(admin_client: Client, rated_run: RatingRun) -> None:
    event = EventFactory()
    Slate.objects.create(placement="home", products=[1], sources=["new"], scores=[0.5], propensities=[1.0])
    version = make_version("popularity")
    make_report(version)
    ModelAlias.objects.create(name="champion", version=version)
    assert event.pk
    opened = 0
    for model, model_admin in admin.site._registry.items():
        options = model._meta
        url = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        assert admin_client.get(url).status_code == 200, url
        row = model._default_manager.first()
        if row is not None:
            url = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])
            assert admin_client.get(url).status_code == 200, url
            opened += 1
        assert model_admin is not None
    assert opened >= 15


def test_a_version_is_promoted_and_rolled_back_from_admin(admin_client: Client) -> None:
    first, second = make_version("popularity"), make_version("two_tower")
    make_report(first, second)
    url = reverse("admin:recommender_modelversion_changelist")
    for version in (first, second):
        admin_client.post(url, {"action": "promote_version", "_selected_action": [version.pk]})
        assert champion() == version
    page = admin_client.get(url).content.decode()
    assert f"Roll back to {first}" in page
    assert "0.1250" in page
    admin_client.post(reverse("admin:recommender_modelversion_rollback"))
    assert champion() == first
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "promote",
        "promote",
        "rollback",
    ]


def test_an_unmeasured_version_is_not_promoted_and_the_page_says_why(admin_client: Client) -> None:
    version = make_version("two_tower")
    url = reverse("admin:recommender_modelversion_changelist")
    answer = admin_client.post(url, {"action": "promote_version", "_selected_action": [version.pk]}, follow=True)
    assert "measure it beside the baselines first" in answer.content.decode()
    assert champion() is None


def test_rollback_needs_a_post(admin_client: Client) -> None:
    assert admin_client.get(reverse("admin:recommender_modelversion_rollback")).status_code == 405


def test_a_training_is_started_and_a_second_of_its_kind_refused(admin_client: Client) -> None:
    url = reverse("admin:recommender_trainingrun_start")
    assert admin_client.post(url, {"kind": "popularity", "seed": 3}).status_code == 302
    again = admin_client.post(url, {"kind": "popularity", "seed": 4})
    assert "a training of this kind is queued or running" in again.content.decode()
    assert list(TrainingRun.objects.values_list("kind", "seed", "state")) == [("popularity", 3, "queued")]


def test_a_run_is_cancelled_from_its_list(admin_client: Client) -> None:
    run = TrainingRun.objects.create(kind="two_tower", total=10, done=4)
    url = reverse("admin:recommender_trainingrun_changelist")
    assert '<progress value="4" max="10">' in admin_client.get(url).content.decode()
    admin_client.post(url, {"action": "cancel", "_selected_action": [str(run.pk)]})
    run.refresh_from_db()
    assert (run.state, run.cancel_requested) == ("cancelled", True)


def test_records_cannot_be_typed(admin_client: Client, rated_run: RatingRun) -> None:
    rating = rated_run.ratings.first()
    assert rating is not None
    url = reverse("admin:personas_rating_change", args=[rating.pk])
    assert admin_client.post(url, {"expectation": 10}).status_code == 403
    rating.refresh_from_db()
    assert np.isclose(sum(rating.probabilities), 1.0)
    assert Persona.objects.count() == 4
    assert Product.objects.count() == 3


def test_personas_are_edited_but_neither_made_nor_deleted_here(admin_client: Client) -> None:
    persona = generate_personas(count=1)[0]
    change = reverse("admin:personas_persona_change", args=[persona.pk])
    assert admin_client.get(change).status_code == 200
    assert admin_client.get(reverse("admin:personas_persona_add")).status_code == 403
    assert (
        admin_client.post(reverse("admin:personas_persona_delete", args=[persona.pk]), {"post": "yes"}).status_code
        == 403
    )
    assert Persona.objects.get() == persona


def test_a_report_stands_under_the_right_heads_best_first_with_its_intervals(admin_client: Client) -> None:
    version = make_version("two_tower")
    gain = {"mean": 0.05, "low": -0.01, "high": 0.11}
    report = make_report(version)
    report.results["models"] = {
        "popularity": {"ndcg@10": 0.1, "recall@10": 0.2, "ndcg@10_standard_error": 0.01},
        # As the database gives it back: ndcg before recall.
        "two_tower": {"ndcg@10": 0.15, "recall@10": 0.3, "ndcg@10_minus_popularity": gain},
    }
    report.save()
    response = admin_client.get(reverse("admin:recommender_evaluationreport_change", args=[report.pk]))
    first, second = response.context["rows"]
    assert (first.label, first.recall, first.ndcg, first.interval) == ("Two-tower", 0.3, 0.15, None)
    assert first.gain.in_words == "+0.0500  [−0.0100, +0.1100]"
    assert (second.kind, second.gain) == ("popularity", None)
    assert second.interval == pytest.approx((0.0804, 0.1196))
    assert second.x == second.x_baseline < first.x
    page = response.content.decode()
    assert page.index("Recall@10</th>") < page.index("NDCG@10</th>")
    assert page.index(">0.3000<") < page.index(">0.1500<")


def test_a_training_shows_its_losses_as_a_curve(admin_client: Client) -> None:
    run = make_version("graphsage").run
    assert run is not None
    url = reverse("admin:recommender_trainingrun_change", args=[run.pk])
    assert "<polyline" not in admin_client.get(url).content.decode()
    TrainingEpoch.objects.create(run=run, epoch=2, loss=0.5, seconds=0.1, worker="here")
    assert 'points="60.0,20.0 620.0,155.0"' in admin_client.get(url).content.decode()


def test_a_persona_shows_what_it_rated_highest_and_lowest(admin_client: Client, rated_run: RatingRun) -> None:
    persona = rated_run.ratings.order_by("pk")[0].persona
    url = reverse("admin:personas_persona_change", args=[persona.pk])
    assert admin_client.get(url).context["loved"] == []
    QualityReport.objects.update(passed=True)  # six cells are too few for the gate
    publish(run=rated_run)
    context = admin_client.get(url).context
    assert context["loved"]
    assert context["refused"] == context["loved"][::-1]
