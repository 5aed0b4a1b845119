import pytest

from fashionrec.common.models import AuditEntry
from recommender.models import EvaluationReport, ModelAlias, ModelVersion
from tests.factories.access import client_with_key

pytestmark = pytest.mark.django_db


def version(kind: str = "two_tower", *, measured: bool = True) -> ModelVersion:
    made = ModelVersion.objects.create(kind=kind, artifact_sha256="0" * 64, metrics={"ndcg@10": 0.1})
    if measured:
        EvaluationReport.objects.create(results={}).versions.add(made)
    return made


def test_versions_are_listed_newest_first_and_shown_in_full() -> None:
    first, second = version("popularity"), version()
    client = client_with_key("models:read")
    body = client.get("/api/v1/models/").json()
    assert [row["id"] for row in body["results"]] == [second.name, first.name]
    assert body["results"][0]["aliases"] == []
    detail = client.get(f"/api/v1/models/{second.name}/").json()
    assert (detail["kind"], detail["metrics"], detail["artifact_sha256"]) == ("two_tower", {"ndcg@10": 0.1}, "0" * 64)


@pytest.mark.parametrize(
    "model_id", ["two_tower-999999", "random-x", "nothing", "two_tower-" + "9" * 30, "two_tower-١"]
)
def test_an_unknown_model_is_404(model_id: str) -> None:
    version()
    client = client_with_key()
    assert client.get(f"/api/v1/models/{model_id}/").status_code == 404
    assert client.post(f"/api/v1/models/{model_id}/promote/").status_code == 404
    assert not ModelAlias.objects.exists()


def test_promotion_and_rollback_move_the_champion_and_leave_a_trail() -> None:
    first, second = version("popularity"), version()
    client = client_with_key("models:write", source="partner")
    assert client.post(f"/api/v1/models/{first.name}/promote/").json()["aliases"] == ["champion"]
    assert client.post("/api/v1/models/rollback/").status_code == 409
    assert client.post(f"/api/v1/models/{second.name}/promote/").status_code == 200
    assert client.post(f"/api/v1/models/{second.name}/promote/").status_code == 200  # once more changes nothing
    assert client.post("/api/v1/models/rollback/").json()["id"] == first.name
    assert ModelAlias.objects.get(name="champion").version == first
    trail = AuditEntry.objects.filter(object_type="recommender.modelversion").order_by("pk")
    assert list(trail.values_list("action", flat=True)) == ["promote", "promote", "rollback"]
    assert all(entry.actor.startswith("key of partner (") for entry in trail)


def test_a_version_that_was_never_measured_is_not_promoted() -> None:
    made = version(measured=False)
    assert client_with_key().post(f"/api/v1/models/{made.name}/promote/").status_code == 422
    assert not ModelAlias.objects.exists()


def test_a_retired_version_is_not_promoted() -> None:
    made = version()
    ModelVersion.objects.update(retired_at="2026-01-01T00:00:00Z")
    assert client_with_key().post(f"/api/v1/models/{made.name}/promote/").status_code == 409
    assert not ModelAlias.objects.exists()
