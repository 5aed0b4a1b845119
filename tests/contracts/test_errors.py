"""Errors always have one shape: {"error": {"code", "message", "fields": [{"field", "value", "reason"}]}}."""

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from fashionrec.common.api.throttling import OpenEndpointThrottle
from tests.factories.access import client_with_key
from tests.factories.catalog import ProductFactory

pytestmark = pytest.mark.django_db


def error_of(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "fields"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    for field in body["error"]["fields"]:
        assert set(field) == {"field", "value", "reason"}
    return body["error"]


@pytest.mark.parametrize("path", ["/api/v1/nothing/", "/api/", "/api/v2/products/", "/api/v1/imports/no-uuid/"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_address_below_api_is_a_json_404(path: str, method: str) -> None:
    error_of(getattr(Client(enforce_csrf_checks=True), method)(path), 404, "not_found")


def test_a_reader_who_forgot_the_closing_slash_is_sent_on_and_a_writer_is_told() -> None:
    client = Client()
    response = client.get("/api/v1/products?n=1")
    assert (response.status_code, response["Location"]) == (302, "/api/v1/products/?n=1")
    assert "/api/v1/events/" in error_of(client.post("/api/v1/events"), 404, "not_found")["message"]


def test_a_method_that_an_address_does_not_have_is_405_and_says_which_it_has() -> None:
    response = client_with_key().put("/api/v1/products/", {}, format="json")
    error_of(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"events": [',
        b"\xff\xfe",
        b'{"value": NaN}',
        b'{"events": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"visitor": "\\ud800"}',
        b'{"value": ' + b"9" * 5000 + b"}",
        b"",
    ],
    ids=["cut off", "not utf-8", "NaN", "nested 100,000 deep", "lone surrogate", "5,000 digits", "empty"],
)
def test_a_body_that_is_not_json_is_400(body: bytes) -> None:
    response = client_with_key().generic("POST", "/api/v1/events/", body, content_type="application/json")
    if body:
        error_of(response, 400, "malformed")
    else:  # nothing was sent: an event without fields
        assert response.json()["rejected"][0]["field"] == "type"


def test_a_body_of_unknown_length_is_400_instead_of_empty() -> None:
    client = client_with_key()
    error_of(client.post("/api/v1/events/", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH=""), 400, "malformed")


def test_a_form_where_json_is_expected_is_415() -> None:
    error_of(client_with_key().post("/api/v1/events/", {"type": "view"}), 415, "wrong_type")
    error_of(APIClient().post("/api/v1/search/", {"q": "dress"}, format="json"), 415, "wrong_type")


def test_a_body_above_the_limit_is_413_and_is_not_read(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = client_with_key().post("/api/v1/events/", {"visitor": "x" * 1000}, format="json")
    assert error_of(response, 413, "too_large")["fields"][0]["field"] == "body"


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("products/?page=abc", "page", "abc"),
        ("products/?page=0", "page", "0"),
        ("products/?page_size=101", "page_size", "101"),
        ("products/?price_min=foo", "price_min", "foo"),
        ("products/?price_min=NaN", "price_min", "NaN"),
        ("products/?price_min=9&price_max=3", "price_max", "3"),
        ("products/?ordering=bogus", "ordering", "bogus"),
        ("products/?gender=robots", "gender", "robots"),
        ("products/?in_stock=perhaps", "in_stock", "perhaps"),
        ("products/?search=%00", "search", "\x00"),
        ("search/?q=dress&n=0", "n", "0"),
        ("search/?q=dress&n=101", "n", "101"),
        ("search/", "q", None),
        ("recommendations/?n=0", "n", "0"),
        ("recommendations/?n=101", "n", "101"),
        ("recommendations/?placement=bogus", "placement", "bogus"),
        ("recommendations/?category=nowhere", "category", "nowhere"),
        ("recommendations/?exclude=nocolon", "exclude", "nocolon"),
        ("recommendations/?explain=perhaps", "explain", "perhaps"),
        (f"recommendations/?visitor={'v' * 201}", "visitor", "v" * 200 + "…"),
        ("ratings/?run=17", "run", "17"),
        ("ratings/?persona=nobody", "persona", "nobody"),
    ],
)
def test_a_query_value_that_means_nothing_is_422_naming_field_and_value(path: str, field: str, value: Any) -> None:
    error = error_of(client_with_key().get(f"/api/v1/{path}"), 422, "invalid")
    assert (error["fields"][0]["field"], error["fields"][0]["value"]) == (field, value)
    assert error["fields"][0]["reason"]


def test_a_page_beyond_the_end_is_404_and_says_where_the_end_is() -> None:
    ProductFactory()
    error = error_of(APIClient().get("/api/v1/products/?page=2"), 404, "not_found")
    assert error["fields"] == [{"field": "page", "value": 2, "reason": "the last page is 1"}]


def test_too_many_calls_without_a_key_are_429_with_retry_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenEndpointThrottle, "get_rate", lambda self: "2/min")
    client = APIClient()
    statuses = [client.get("/api/v1/products/", HTTP_X_FORWARDED_FOR=f"10.0.0.{n}").status_code for n in range(3)]
    assert statuses == [200, 200, 429]  # an invented X-Forwarded-For does not help
    response = client.get("/api/v1/products/")
    error_of(response, 429, "throttled")
    assert 1 <= int(response["Retry-After"]) <= 60
    assert client_with_key("catalog:write").get("/api/v1/products/").status_code == 200


def test_the_rate_without_a_key_is_600_a_minute() -> None:
    assert api_settings.DEFAULT_THROTTLE_RATES == {"open": "600/min"}


def test_an_error_nobody_foresaw_is_a_bare_500(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("catalog.api.products.product_list", broken)
    response = APIClient(raise_request_exception=False).get("/api/v1/products/")
    assert error_of(response, 500, "internal")["fields"] == []
    assert "hunter2" not in response.content.decode()


def test_received_values_are_quoted_in_full_only_when_they_are_short() -> None:
    response = client_with_key().post("/api/v1/products/", {"title": "x" * 5000, "id": "shop:1"}, format="json")
    error = error_of(response, 422, "invalid")
    assert error["fields"][0]["field"] == "title"
    assert len(json.dumps(error)) < 1000
