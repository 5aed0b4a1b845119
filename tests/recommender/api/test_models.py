import pytest

from fashionrec.common.models import AuditEntry
from recommender.models import EvaluationReport, ModelAlias, ModelVersion
from tests.factories.access import client_with_key

pytestmark = pytest.mark.django_db


def version(kind: str = "two_tower", *, measured: bool = True) -> ModelVersion:
    made = ModelVersion.objects.create(kind=kind, artifact_sha256="0" * 64, metrics={"ndcg@10": 0.1})
    if measured:
        models = {"popularity": {"ndcg@10": 0.05}, kind: {"ndcg@10": 0.1}}
        EvaluationReport.objects.create(results={"models": models}).versions.add(made)
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
    "model_id", ["two_tower-999999", "random-x", "nothing", "two_tower-" + "9" * 30, "two_tower-١", "two%00tower-1"]
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


def test_a_challenger_is_named_and_withdrawn_and_a_detail_says_what_a_version_came_from() -> None:
    parent, made = version(), version()
    files = {"config.json": "1" * 64, "user_tower.onnx": "2" * 64}
    ModelVersion.objects.filter(pk=made.pk).update(parent=parent, files=files, components=["popularity-1"])
    client = client_with_key("models:write", "models:read", source="partner")
    assert client.delete("/api/v1/models/challenger/").status_code == 409
    body = client.post(f"/api/v1/models/{made.name}/challenge/").json()
    assert (body["aliases"], body["parent"], body["components"]) == (["challenger"], parent.name, ["popularity-1"])
    assert body["files"] == files
    assert client.get(f"/api/v1/models/{parent.name}/").json()["parent"] is None
    assert client.delete("/api/v1/models/challenger/").status_code == 204
    assert not ModelAlias.objects.exists()
    client.post(f"/api/v1/models/{made.name}/promote/")
    assert client.post(f"/api/v1/models/{made.name}/challenge/").status_code == 409
    trail = AuditEntry.objects.filter(object_type="recommender.modelversion").order_by("pk")
    assert list(trail.values_list("action", flat=True)) == ["challenge", "withdraw", "promote"]


def test_a_version_that_was_never_measured_is_not_promoted() -> None:
    made = version(measured=False)
    assert client_with_key().post(f"/api/v1/models/{made.name}/promote/").status_code == 422
    assert not ModelAlias.objects.exists()


def test_a_retired_version_is_not_promoted() -> None:
    made = version()
    ModelVersion.objects.update(retired_at="2026-01-01T00:00:00Z")
    assert client_with_key().post(f"/api/v1/models/{made.name}/promote/").status_code == 409
    assert not ModelAlias.objects.exists()
