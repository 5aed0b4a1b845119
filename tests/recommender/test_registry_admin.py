"""The registry's pages: challengers, lineage, retrainings."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from recommender.models import ItemVector, ModelVersion, Retraining, RetrainingStep, TrainingRun
from recommender.selectors import challenger, champion
from recommender.services.models import promote
from tests.factories.catalog import ProductFactory
from tests.recommender.training import measured

pytestmark = pytest.mark.django_db
VERSIONS = "admin:recommender_modelversion_changelist"


def new_version(kind: str = "two_tower", **fields: object) -> ModelVersion:
    return ModelVersion.objects.create(kind=kind, artifact_sha256="0" * 64, **fields)


def test_a_challenger_is_chosen_and_withdrawn_above_the_list(admin_client: Client) -> None:
    serving, other = measured(new_version("popularity")), new_version()
    promote(version=serving, actor="ann")
    action = {"action": "challenge_with_version", "_selected_action": [other.pk]}
    page = admin_client.post(reverse(VERSIONS), action, follow=True).content.decode()
    assert challenger() == other
    assert f"Two-tower #{other.pk} challenges the champion." in page
    assert "Withdraw the challenger" in page
    both = {"action": "challenge_with_version", "_selected_action": [serving.pk, other.pk]}
    assert "Choose exactly one" in admin_client.post(reverse(VERSIONS), both, follow=True).content.decode()
    withdraw = reverse("admin:recommender_modelversion_withdraw")
    assert admin_client.get(withdraw).status_code == 405
    assert challenger() == other
    page = admin_client.post(withdraw, follow=True).content.decode()
    assert "No version challenges the champion any more." in page
    assert (challenger(), champion()) == (None, serving)
    assert "there is no challenger" in admin_client.post(withdraw, follow=True).content.decode()


def test_a_stranger_among_staff_changes_nothing(client: Client, django_user_model) -> None:
    client.force_login(django_user_model.objects.create_user("eve", is_staff=True))
    assert client.post(reverse("admin:recommender_modelversion_withdraw")).status_code == 403
    assert client.post(reverse("admin:recommender_retraining_start"), {"kinds": ["popularity"]}).status_code == 403
    assert not Retraining.objects.exists()


def test_a_version_shows_what_it_came_from_and_the_digest_of_every_file(admin_client: Client) -> None:
    part = new_version()
    version = new_version(
        "blend", parent=part, components=[part.name, "ease-999"], extension="e" * 64, files={"config.json": "4" * 64}
    )
    url = reverse("admin:recommender_modelversion_change", args=[version.pk])
    page = admin_client.get(url).content.decode()
    assert f'<a href="{reverse("admin:recommender_modelversion_change", args=[part.pk])}">{part}</a>' in page
    assert f"<dt>config.json</dt><dd>{'4' * 64}</dd>" in page
    assert "some, which it scores without vectors" in page
    ItemVector.objects.create(
        version=version, product=ProductFactory(), vector=[1.0], content_made_at="2026-01-01T00:00:00Z"
    )
    assert "some, which" not in admin_client.get(url).content.decode()


def test_a_training_continues_from_a_version_that_holds_weights(admin_client: Client) -> None:
    bare, full = new_version(), new_version(files={"weights.safetensors": "1" * 64})
    url = reverse("admin:recommender_trainingrun_start")
    wanted = {"kind": "two_tower", "seed": 1, "continue_from": bare.pk}
    assert "not one of the available choices" in admin_client.post(url, wanted).content.decode()
    assert "this is no popularity" in admin_client.post(
        url, {**wanted, "kind": "popularity", "continue_from": full.pk}
    ).content.decode()  # fmt: skip
    assert admin_client.post(url, {**wanted, "continue_from": full.pk}).status_code == 302
    assert TrainingRun.objects.get().continue_from == full


def test_a_retraining_is_started_and_shown_with_its_steps(admin_client: Client) -> None:
    url = reverse("admin:recommender_retraining_start")
    assert "Popularity is always trained" in admin_client.get(url).content.decode()
    answer = admin_client.post(url, {"kinds": ["item_knn"], "seed": 2, "promotes": "on"}, follow=True)
    retraining = Retraining.objects.get()
    assert f"Retraining {str(retraining.pk)[:8]} (queued) is queued" in answer.content.decode()
    assert (retraining.kinds, retraining.seed) == (["popularity", "item_knn"], 2)
    assert (retraining.promotes, retraining.continues) == (True, False)
    again = admin_client.post(url, {"kinds": ["item_knn"], "seed": 2})
    assert "one is queued or running" in again.content.decode()
    training = TrainingRun.objects.create(kind="popularity", state="done", done=1, total=1)
    made = new_version("popularity", run=training, metrics={"validation_ndcg@10": 0.125})
    RetrainingStep.objects.create(retraining=retraining, kind="popularity", training=training)
    waiting = TrainingRun.objects.create(kind="item_knn")
    RetrainingStep.objects.create(retraining=retraining, kind="item_knn", training=waiting)
    page = admin_client.get(reverse("admin:recommender_retraining_change", args=[retraining.pk])).content.decode()
    assert ">0.1250<" in page
    assert f">{made}</a>" in page
    Retraining.objects.update(state="done", outcome="Skipped: no new events.")
    page = admin_client.get(reverse("admin:recommender_retraining_changelist")).content.decode()
    assert "The shop retrains only when asked to." in page
    assert "Skipped: no new events." in page


def test_the_list_says_when_the_shop_retrains(admin_client: Client, settings) -> None:
    configured = {**settings.FASHIONREC["RETRAIN"], "HOUR": 3, "EVERY_HOURS": 12.0}
    settings.FASHIONREC = {**settings.FASHIONREC, "RETRAIN": configured}
    page = admin_client.get(reverse("admin:recommender_retraining_changelist")).content.decode()
    assert "The shop retrains at 3:00 UTC and every 12 hours." in page


def test_commands_choose_a_challenger_and_queue_a_retraining(capsys: pytest.CaptureFixture[str]) -> None:
    version = new_version()
    call_command("promote_model", version.name, "--challenger")
    assert capsys.readouterr().out == f"challenger: {version.name}\n"
    assert challenger() == version
    with pytest.raises(CommandError, match="measure it beside the baselines"):
        call_command("promote_model", version.name)
    with pytest.raises(CommandError, match="its artifact holds no weights to begin with"):
        call_command("train_model", "two_tower", "--continue-from", version.name)
    call_command("retrain", "item_knn", "--queue", "--promote")
    retraining = Retraining.objects.get()
    assert (retraining.kinds, retraining.promotes, retraining.continues) == (["popularity", "item_knn"], True, False)
    with pytest.raises(CommandError, match="one is queued or running"):
        call_command("retrain", "--queue")
    Retraining.objects.update(state="done")
    capsys.readouterr()
    call_command("retrain", "popularity")
    assert '"best": null, "outcome": "Skipped: nothing to learn from' in capsys.readouterr().out
