"""Rating runs and language models in admin: planned before they start, judged before they are published."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from fashionrec.common.models import User
from personas.jobs import work_rating_run
from personas.models import LanguageModel, QualityReport, RatingRun
from personas.services.language_models import register_language_model
from personas.services.personas import generate_personas
from personas.services.rating_plans import plan_rating_run
from personas.services.rating_quality import judge_run
from tests.factories.catalog import ProductFactory
from tests.factories.personas import PersonaFactory, RatingFactory

pytestmark = pytest.mark.django_db
START = "admin:personas_ratingrun_start"


@pytest.fixture
def model():
    ProductFactory.create_batch(30, pictures=0)
    generate_personas(count=12, seed=1)
    return register_language_model(name="steady", adapter="tests.raters.SteadyRater")


def finished(model, **options):
    from personas.models import Persona

    run = plan_rating_run(
        personas=list(Persona.objects.all()), language_model=model, raters_per_product=8, seed=2, **options
    )
    work_rating_run(str(run.pk))
    return RatingRun.objects.get(pk=run.pk)


def page_of(client, run):
    return client.get(reverse("admin:personas_ratingrun_change", args=[run.pk])).content.decode()


def act(client, run, name, **data):
    return client.post(reverse(f"admin:personas_ratingrun_{name}", args=[run.pk]), data, follow=True).content.decode()


def test_a_run_shows_what_it_will_take_before_it_is_started(admin_client, model):
    asked = {"language_model": model.pk, "raters_per_product": 2, "seed": 0, "plan": "Show the plan"}
    page = admin_client.post(reverse(START), asked)
    assert page.context["plan"]["cells"] == {"rating": 60, "retest": 60}
    assert "240" in page.content.decode()
    assert not RatingRun.objects.exists()
    del asked["plan"]
    done = admin_client.post(reverse(START), asked | {"start": "Start", "max_tokens": 5})
    assert done.status_code == 302
    assert RatingRun.objects.get().max_tokens == 5


def test_a_plan_that_cannot_be_says_why(admin_client, model):
    asked = {"language_model": model.pk, "raters_per_product": 13, "seed": 0, "start": "Start"}
    assert "expected 1 to 12" in admin_client.post(reverse(START), asked).content.decode()
    assert not RatingRun.objects.exists()


def test_a_good_run_shows_its_quality_and_is_published_and_withdrawn(admin_client, model):
    run = finished(model)
    page = page_of(admin_client, run)
    assert "Quality: may be published" in page
    assert page.count('class="histogram__after"') == page.count('class="histogram__before"') == 11
    assert "matched" in page
    assert "shuffled" in page
    assert "published; its ratings reach the next training" in act(admin_client, run, "publish")
    run.refresh_from_db()
    assert run.published_at is not None
    assert "withdrawn" in act(admin_client, run, "withdraw")
    run.refresh_from_db()
    assert run.published_at is None


def test_a_blocked_run_shows_the_reasons_and_cannot_be_published(admin_client, model):
    constant = register_language_model(name="constant", adapter="tests.raters.ConstantRater")
    run = finished(constant)
    page = page_of(admin_client, run)
    assert "Quality: blocked" in page
    assert "the persona hardly matters" in page
    assert "disabled" in page
    assert "does not pass the gate" in act(admin_client, run, "publish")
    changelist = reverse("admin:personas_ratingrun_changelist")
    admin_client.post(changelist, {"action": "publish_runs", "_selected_action": [str(run.pk)]})
    run.refresh_from_db()
    assert run.published_at is None


def test_the_report_is_there_as_json(admin_client, model):
    run = finished(model)
    answer = admin_client.get(reverse("admin:personas_ratingrun_report", args=[run.pk])).json()
    report = QualityReport.objects.get()
    assert answer == {"passed": True, "reasons": [], "figures": report.figures}


def test_a_paused_run_goes_on_under_another_budget(admin_client, model):
    run = finished(model, max_tokens=2000)
    assert run.state == "paused"
    assert "token budget" in page_of(admin_client, run)
    assert "max_tokens" in act(admin_client, run, "resume", max_tokens="nonsense")
    run.refresh_from_db()
    assert (run.state, run.max_tokens) == ("paused", 2000)
    act(admin_client, run, "resume", max_tokens="9000000", max_cost="")
    run.refresh_from_db()
    assert (run.state, run.max_tokens) == ("queued", 9_000_000)


def test_a_run_is_calibrated_again_from_the_list(admin_client, model):
    run = finished(model)
    first = run.calibration_id
    changelist = reverse("admin:personas_ratingrun_changelist")
    admin_client.post(changelist, {"action": "judge_again", "_selected_action": [str(run.pk)]})
    run.refresh_from_db()
    assert run.calibration_id != first


def test_pressing_the_button_keeps_the_target_that_somebody_measured(admin_client, model):
    run = finished(model)
    judge_run(run=run, target=[0.3] + [0.07] * 10, target_source="200 ratings of people")
    changelist = reverse("admin:personas_ratingrun_changelist")
    admin_client.post(changelist, {"action": "judge_again", "_selected_action": [str(run.pk)]})
    run.refresh_from_db()
    assert run.calibration.target == pytest.approx([0.3] + [0.07] * 10)
    assert run.calibration.target_source == "200 ratings of people"


@pytest.mark.parametrize(("field", "value"), [("max_tokens", 10**30), ("max_cost", "1e30"), ("max_cost", "99999999")])
def test_a_budget_larger_than_a_row_can_hold_is_refused_on_the_page(admin_client, model, field, value):
    LanguageModel.objects.update(prompt_price=1)
    asked = {"language_model": model.pk, "raters_per_product": 1, "seed": 0, "start": "Start", field: value}
    page = admin_client.post(reverse(START), asked)
    if value == "99999999":
        assert (page.status_code, RatingRun.objects.get().max_cost) == (302, 99_999_999)
    else:
        assert (page.status_code, RatingRun.objects.count()) == (200, 0)
        assert field in page.context["form"].errors


def test_lists_show_calibrated_ratings_and_each_rating_who_gave_it(admin_client):
    said = RatingFactory(expectation=6.0, calibrated=3.5, simulated=False, persona=PersonaFactory(brands=["Nordhavn"]))
    RatingFactory(expectation=8.0, persona=said.persona, product=said.product)
    page = admin_client.get(reverse("admin:personas_rating_changelist")).content.decode()
    assert ">3.5<" in page
    assert ">6.0<" not in page
    page = admin_client.get(reverse("admin:personas_persona_changelist")).content.decode()
    assert '<td class="field-mean">5.8</td>' in page
    page = admin_client.get(reverse("admin:personas_persona_change", args=[said.persona.pk])).content.decode()
    assert page.count('<span class="quiet">simulated</span>') == 2  # of two ratings, in each of two lists
    assert 'value="Nordhavn"' in page


def test_looking_is_not_acting(client, model):
    run = finished(model)
    viewer = User.objects.create_user("viewer", password="x", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_ratingrun"))
    client.force_login(viewer)
    assert "What to do" not in page_of(client, run)
    for name in ("publish", "withdraw", "resume"):
        assert client.post(reverse(f"admin:personas_ratingrun_{name}", args=[run.pk])).status_code == 403
    assert client.get(reverse(START)).status_code == 403
    run.refresh_from_db()
    assert (run.published_at, run.state) == (None, "done")


def test_buttons_answer_to_posts_only(admin_client, model):
    run = finished(model)
    assert admin_client.get(reverse("admin:personas_ratingrun_publish", args=[run.pk])).status_code == 405
    run.refresh_from_db()
    assert run.published_at is None


def test_a_language_model_is_registered_and_probed_by_the_worker(
    admin_client, monkeypatch, django_capture_on_commit_callbacks
):
    rung = []
    monkeypatch.setattr("fashionrec.common.queue._send", lambda task, args: rung.append((task, args)))
    form = {
        "name": "server", "adapter": "personas.ml.language_models.openai_compatible.OpenAICompatibleModel",
        "options": '{"base_url": "http://127.0.0.1:9/v1", "model": "m", "api_key_env": "KEY"}',
        "prompt_price": "0.5", "completion_price": "1.5",
    }  # fmt: skip
    url = reverse("admin:personas_languagemodel_add")
    with django_capture_on_commit_callbacks(execute=True):
        assert admin_client.post(url, form).status_code == 302
    model = LanguageModel.objects.get()
    assert (model.name, model.state, model.options["api_key_env"]) == ("server", "unprobed", "KEY")
    assert rung == [("personas.tasks.probe_language_model", (model.pk,))]
    page = admin_client.get(reverse("admin:personas_languagemodel_change", args=[model.pk])).content.decode()
    assert "not probed yet" in page


@pytest.mark.parametrize("options", ['{"api_key": "sk-1"}', "[1", '"text"'])
def test_a_secret_or_broken_options_are_refused(admin_client, options):
    form = {
        "name": "server", "adapter": "personas.ml.language_models.openai_compatible.OpenAICompatibleModel",
        "options": options, "prompt_price": "0", "completion_price": "0",
    }  # fmt: skip
    assert admin_client.post(reverse("admin:personas_languagemodel_add"), form).status_code == 200
    assert not LanguageModel.objects.exists()
