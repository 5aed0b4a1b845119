import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from personas.models import LanguageModel, Persona, Rating, RatingRun
from personas.services.personas import generate_personas
from personas.services.ratings import publish
from tests.factories.access import client_with_key
from tests.factories.catalog import ProductFactory
from tests.factories.personas import PersonaFactory, QualityReportFactory

pytestmark = pytest.mark.django_db

SHARES = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.75, 0.0, 0.0]


def planned_run(**body: Any) -> RatingRun:
    response = client_with_key("ratings:write").post("/api/v1/rating-runs/", body, format="json")
    assert response.status_code == 201, response.content
    return RatingRun.objects.get(pk=response.json()["id"])


def rate(run: RatingRun, persona: Persona, external_id: str, **fields: Any) -> Rating:
    product = ProductFactory(external_id=external_id)
    return Rating.objects.create(
        run=run, persona=persona, product=product, probabilities=SHARES, expectation=7.5, simulated=True, **fields
    )


def test_personas_are_listed_with_their_likes_and_dislikes() -> None:
    generate_personas(count=3, seed=1)
    body = client_with_key("personas:read").get("/api/v1/personas/?page_size=2").json()
    assert (body["count"], len(body["results"])) == (3, 2)
    persona = body["results"][0]
    assert Persona.objects.get(key=persona["id"]).bio == persona["bio"]
    assert persona["dislikes"]
    assert persona["provenance"] == "template"


def test_a_rating_run_is_planned_over_the_catalogue_and_can_be_cancelled_once() -> None:
    personas = generate_personas(count=4, seed=1)
    for _ in range(3):
        ProductFactory()
    run = planned_run(raters_per_product=2, seed=5)
    # Six cells, and the same six again for test–retest.
    assert (run.state, run.total, run.seed, run.chunks.count()) == ("queued", 12, 5, 8)
    client = client_with_key()
    body = client.get(f"/api/v1/rating-runs/{run.pk}/").json()
    assert (body["state"], body["total"], body["done"], body["progress"]) == ("queued", 12, 0, 0.0)
    assert body["plan"]["calls"] == 24
    assert (body["calls"], body["tokens"], body["cost"], body["quality"]) == (0, 0, 0.0, None)
    busy = client.post("/api/v1/rating-runs/", {}, format="json")
    assert (busy.status_code, busy.json()["error"]["code"], RatingRun.objects.count()) == (409, "conflict", 1)
    assert (body["simulated"], body["demonstration"]) == (False, False)  # unknown before it is probed
    assert body["language_model"] == "compact"
    assert client.post(f"/api/v1/rating-runs/{run.pk}/cancel/").json()["state"] == "cancelled"
    assert client.post(f"/api/v1/rating-runs/{run.pk}/cancel/").status_code == 409
    chosen = planned_run(raters_per_product=1, personas=[personas[0].key])
    assert set(chosen.chunks.values_list("persona__key", flat=True)) == {personas[0].key}
    assert client.get(f"/api/v1/rating-runs/{uuid.uuid4()}/").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"raters_per_product": 0}, "raters_per_product"),
        ({"raters_per_product": 5}, "raters_per_product"),
        ({"raters_per_product": "many"}, "raters_per_product"),
        ({"personas": ["nobody"]}, "personas"),
        ({"personas": []}, "personas"),
        ({"language_model": "nothing"}, "language_model"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"products": 2}, "products"),
        ({"products": 0}, "products"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_cost": -1}, "max_cost"),
    ],
)
def test_a_run_that_cannot_be_is_422_and_plans_nothing(body: dict[str, Any], field: str) -> None:
    generate_personas(count=4, seed=1)
    ProductFactory()
    response = client_with_key().post("/api/v1/rating-runs/", body, format="json")
    assert response.status_code == 422, response.content
    assert response.json()["error"]["fields"][0]["field"] == field
    assert not RatingRun.objects.exists()


def test_only_published_ratings_are_shown_unless_a_run_is_named() -> None:
    anna, bert = generate_personas(count=2, seed=1)
    ProductFactory()
    published = planned_run(raters_per_product=1)
    RatingRun.objects.update(state="done")
    unpublished = planned_run(raters_per_product=1)
    rate(published, anna, "a", calibrated=7.0)
    rate(published, bert, "b")
    rate(unpublished, anna, "c")
    QualityReportFactory(run=published)
    publish(run=published)
    client = client_with_key("ratings:read")

    def products(path: str) -> list[str]:
        return [row["product"] for row in client.get(f"/api/v1/{path}").json()["results"]]

    assert products("ratings/") == ["shop:a", "shop:b"]
    assert products(f"personas/{anna.key}/ratings/") == ["shop:a"]
    assert products(f"ratings/?persona={bert.key}") == ["shop:b"]
    assert products("ratings/?product=shop:a") == ["shop:a"]
    assert products(f"ratings/?run={unpublished.pk}") == ["shop:c"]
    row = client.get("/api/v1/ratings/").json()["results"][0]
    assert (row["persona"], row["run"], row["rating"], row["expectation"]) == (anna.key, str(published.pk), 7.0, 7.5)
    assert (row["most_likely"], row["simulated"]) == (8, True)
    assert (row["language_model"], row["demonstration"], row["calibrated_probabilities"]) == ("compact", False, None)
    assert row["probabilities"] == dict(zip(["-1", *map(str, range(1, 11))], SHARES, strict=True))
    assert client.get("/api/v1/personas/nobody/ratings/").status_code == 404
    for query in ("persona=nobody", "product=shop:none", f"run={uuid.uuid4()}"):
        assert client.get(f"/api/v1/ratings/?{query}").status_code == 422, query


def test_personas_can_be_listed_by_provenance() -> None:
    generate_personas(count=3, seed=1)
    written = PersonaFactory(provenance="llm:compact", brands=["Nordhavn"])
    client = client_with_key("personas:read")
    body = client.get("/api/v1/personas/?provenance=llm:compact").json()
    assert [(row["id"], row["brands"]) for row in body["results"]] == [(written.key, ["Nordhavn"])]
    assert client.get("/api/v1/personas/?provenance=template").json()["count"] == 3


def test_a_run_is_published_over_http_only_past_the_gate() -> None:
    generate_personas(count=2, seed=1)
    ProductFactory()
    run = planned_run(raters_per_product=1)
    client = client_with_key("ratings:write", "ratings:read")
    path = f"/api/v1/rating-runs/{run.pk}/publish/"
    assert client.post(path).status_code == 409
    RatingRun.objects.update(state="done")
    report = QualityReportFactory(run=run, passed=False, reasons=["the persona hardly matters"], figures={"n": 1})
    refused = client.post(path)
    assert refused.status_code == 409
    assert "the persona hardly matters" in refused.json()["error"]["message"]
    quality = client.get(f"/api/v1/rating-runs/{run.pk}/").json()["quality"]
    assert quality == {"passed": False, "reasons": ["the persona hardly matters"], "figures": {"n": 1}}
    report.passed, report.reasons = True, []
    report.save()
    assert client.post(path).json()["published_at"] is not None
    assert client_with_key("ratings:read").post(path).status_code == 403


def test_a_paused_run_goes_on_with_another_budget() -> None:
    generate_personas(count=2, seed=1)
    ProductFactory()
    unpriced = {"raters_per_product": 1, "max_cost": "0.5"}
    refused = client_with_key("ratings:write").post("/api/v1/rating-runs/", unpriced, format="json")
    assert refused.status_code == 422
    assert "has no price" in refused.json()["error"]["message"]
    LanguageModel.objects.update(prompt_price=2)
    run = planned_run(raters_per_product=1, max_tokens=10, max_cost="0.5")
    client = client_with_key("ratings:write")
    path = f"/api/v1/rating-runs/{run.pk}/resume/"
    assert client.post(path, {"max_tokens": 99}, format="json").status_code == 409
    RatingRun.objects.update(state="paused", error="token budget: …")
    body = client.post(path, {"max_tokens": 99}, format="json").json()
    assert (body["state"], body["max_tokens"], body["max_cost"], body["error"]) == ("queued", 99, 0.5, "")
    RatingRun.objects.update(state="paused")
    assert client.post(path, {"max_cost": None}, format="json").json()["max_cost"] is None
    assert client.post(path, {"max_tokens": -1}, format="json").status_code == 422


def test_ratings_take_the_same_number_of_queries_however_many_there_are() -> None:
    personas = generate_personas(count=6, seed=1)
    ProductFactory()
    run = planned_run(raters_per_product=1)
    client = client_with_key("ratings:read")
    path = f"/api/v1/ratings/?run={run.pk}"

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        return len(captured)

    rate(run, personas[0], "first")
    queries()  # the first use of a key is written down
    few = queries()
    for n, persona in enumerate(personas):
        rate(run, persona, f"more {n}")
    assert queries() == few
