import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from feedback.models import Event, Visitor
from tests.factories.access import browser_of, client_with_key
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import VisitorFactory

pytestmark = pytest.mark.django_db

URL = "/api/v1/events/"


def event(**changes: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "type": "like",
        "visitor": "anna",
        "product": "shop:1",
        "value": None,
        "occurred_at": timezone.now().isoformat(),
        "slate": None,
        "position": None,
        **changes,
    }


@pytest.fixture
def client() -> APIClient:
    ProductFactory(external_id="1")
    return client_with_key("events:write", source="partner")


def test_a_batch_is_recorded_for_the_visitors_of_the_key(client: APIClient) -> None:
    slate = str(uuid.uuid4())
    batch = [event(), event(visitor="bert", type="dwell", value=12.5, slate=slate, position=3)]
    response = client.post(URL, {"events": batch}, format="json")
    assert (response.status_code, response.json()) == (200, {"accepted": 2, "duplicates": 0, "rejected": []})
    dwell = Event.objects.get(type="dwell")
    assert (dwell.visitor.source, dwell.visitor.external_id) == ("partner", "bert")
    assert (dwell.value, str(dwell.slate), dwell.position) == (12.5, slate, 3)
    assert Visitor.objects.count() == 2


def test_an_event_by_itself_is_a_batch_of_one_and_a_repetition_is_a_duplicate(client: APIClient) -> None:
    one = event()
    assert client.post(URL, one, format="json").json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert client.post(URL, one, format="json").json() == {"accepted": 0, "duplicates": 1, "rejected": []}
    twice = event()
    assert client.post(URL, {"events": [twice, twice]}, format="json").json()["duplicates"] == 1
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "admire"}, "type"),
        ({"type": None}, "type"),
        ({"event_id": "7"}, "event_id"),
        ({"event_id": None}, "event_id"),
        ({"visitor": ""}, "visitor"),
        ({"visitor": None}, "visitor"),
        ({"visitor": "v" * 201}, "visitor"),
        ({"visitor": {"id": 1}}, "visitor"),
        ({"visitor": "a\x00b"}, "visitor"),
        ({"product": "shop:unknown"}, "product"),
        ({"product": None}, "product"),
        ({"product": 7}, "product"),
        ({"product": "p" * 300}, "product"),
        ({"value": "much"}, "value"),
        ({"value": True}, "value"),
        ({"value": float("1e308") * 10}, "value"),
        ({"value": 10**400}, "value"),
        ({"type": "rate", "value": 11}, "value"),
        ({"type": "rate"}, "value"),
        ({"type": "dwell", "value": -1}, "value"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "2026-01-01T12:00:00"}, "occurred_at"),
        ({"occurred_at": "2026-13-41T12:00:00Z"}, "occurred_at"),
        ({"occurred_at": 5}, "occurred_at"),
        ({"occurred_at": (timezone.now() + timedelta(days=1)).isoformat()}, "occurred_at"),
        ({"slate": "7"}, "slate"),
        ({"position": -1}, "position"),
        ({"position": 1.5}, "position"),
        ({"position": 10**6}, "position"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_event_is_named_and_the_good_ones_beside_it_are_kept(
    client: APIClient, changes: dict[str, Any], field: str
) -> None:
    bad = event(**changes)
    body = {"events": [event(), bad, event()]}
    # 1e309 is how an infinity can arrive in strict JSON.
    text = json.dumps(body).replace("Infinity", "1e309")
    response = client.generic("POST", URL, text, content_type="application/json")
    assert response.status_code == 200, response.content
    result = response.json()
    assert (result["accepted"], len(result["rejected"])) == (2, 1)
    (rejection,) = result["rejected"]
    assert set(rejection) == {"index", "field", "value", "reason"}
    assert (rejection["index"], rejection["field"]) == (1, field)
    assert Event.objects.count() == 2


@pytest.mark.parametrize("item", [None, 5, "like", [], ["like"]])
def test_an_event_must_be_an_object(client: APIClient, item: Any) -> None:
    result = client.post(URL, {"events": [item, event()]}, format="json").json()
    assert (result["accepted"], result["rejected"][0]["index"]) == (1, 0)


@pytest.mark.parametrize("body", [[], "like", 5, {"events": "like"}, {"events": {}}, {"events": None}])
def test_a_batch_must_be_a_list_in_an_object(client: APIClient, body: Any) -> None:
    response = client.post(URL, body, format="json")
    assert response.status_code == 422
    assert response.json()["error"]["fields"][0]["field"] == "events"


def test_a_batch_may_hold_a_thousand_events_in_a_constant_number_of_queries_and_not_one_more(client: APIClient) -> None:
    batch = [event(visitor=f"visitor {n % 7}") for n in range(1000)]
    with CaptureQueriesContext(connection) as captured:
        assert client.post(URL, {"events": batch}, format="json").json()["accepted"] == 1000
    assert len(captured) <= 14
    response = client.post(URL, {"events": [*batch, event()]}, format="json")
    assert response.status_code == 413
    assert response.json()["error"]["fields"][0]["value"] == 1001
    assert Event.objects.count() == 1000


def test_a_retract_takes_back_an_earlier_event_of_the_same_visitor_only(client: APIClient) -> None:
    like = event()
    client.post(URL, like, format="json")
    undo = {"event_id": like["event_id"], "type": "retract"}
    foreign = client.post(URL, {**undo, "visitor": "bert"}, format="json").json()
    assert (foreign["accepted"], foreign["rejected"][0]["field"]) == (0, "event_id")
    assert client.post(URL, {**undo, "visitor": "anna"}, format="json").json()["accepted"] == 1
    assert client.post(URL, {**undo, "visitor": "anna"}, format="json").json()["duplicates"] == 1
    assert Event.objects.get(event_id=like["event_id"]).retracted_by is not None


def test_two_keys_do_not_share_visitors_unless_they_share_a_source(client: APIClient) -> None:
    client.post(URL, event(), format="json")
    client_with_key("events:write", source="other").post(URL, event(), format="json")
    client_with_key("events:write", source="partner").post(URL, event(), format="json")
    assert Visitor.objects.filter(external_id="anna").count() == 2


def test_a_browser_records_for_its_own_visitor_only_and_with_the_csrf_token() -> None:
    ProductFactory(external_id="1")
    own, other = VisitorFactory(), VisitorFactory()
    browser = browser_of(own, enforce_csrf_checks=True)
    refused = browser.post(URL, event(visitor=None), format="json")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["error"]["message"]
    token = "a" * 32
    browser.cookies["csrftoken"] = token
    sent = {"format": "json", "HTTP_X_CSRFTOKEN": token}
    assert browser.post(URL, event(visitor=None), **sent).json()["accepted"] == 1
    assert browser.post(URL, event(visitor=str(own.pk)), **sent).json()["accepted"] == 1
    assert browser.post(URL, event(visitor=str(other.pk)), **sent).status_code == 404
    assert Event.objects.filter(visitor=own).count() == 2
    assert Event.objects.filter(visitor=other).count() == 0


def test_a_forged_cookie_is_nobody() -> None:
    forged = browser_of(VisitorFactory())
    name, morsel = next(iter(forged.cookies.items()))
    forged.cookies[name] = str(morsel.value).split(":")[0] + ":forged"
    assert forged.post(URL, event(), format="json").status_code == 401
