from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.test import Client
from pgmq.install import get_embedded_install_sql

from fashionrec import embedded
from fashionrec.settings import base
from recommender.models import ModelAlias, ModelVersion

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def queue_in_the_embedded_server(settings: Any) -> None:
    """A queue beside the test's database: a client that stays connected would hinder dropping that one."""
    if settings.USES_EMBEDDED_DATABASE:
        address = embedded.connection_string(settings.DATA_DIR, database="fashionrec")
        with psycopg.connect(address) as server:
            missing = server.execute("SELECT to_regnamespace('pgmq') IS NULL").fetchone()
            if missing and missing[0]:
                server.execute(get_embedded_install_sql().encode())
        settings.CELERY_BROKER_TRANSPORT_OPTIONS = {**base.CELERY_BROKER_TRANSPORT_OPTIONS, "conn_string": address}


def make_champion() -> None:
    version = ModelVersion.objects.create(kind="popularity", artifact_sha256="0" * 64)
    ModelAlias.objects.create(name="champion", version=version)


def no_database(*args: Any) -> CursorWrapper:
    raise OperationalError("connection refused")


def test_a_living_process_says_ok_without_asking_anything(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = Client().get("/health/live")
    assert (response.status_code, response.content) == (200, b"ok")


def test_ready_is_ok_with_a_champion_and_degraded_without() -> None:
    response = Client().get("/health/ready")
    assert (response.status_code, response.content) == (200, b"degraded")
    make_champion()
    response = Client().get("/health/ready")
    assert (response.status_code, response.content) == (200, b"ok")
    body = Client().get("/health/ready", headers={"accept": "application/json"}).json()
    assert body == {"status": "ok", "checks": {"database": "ok", "queue": "ok", "champion": "ok"}}


def test_without_a_database_nothing_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "cursor", no_database)
    response = Client().get("/health/ready")
    assert (response.status_code, response.content) == (503, b"unavailable")
    assert Client().get("/health/live").status_code == 200


def test_a_page_without_a_database_says_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "cursor", no_database)
    client = Client(raise_request_exception=False)
    for url in ("/", "/api/v1/products/"):
        response = client.get(url)
        assert (response.status_code, response["Retry-After"]) == (503, "5"), url


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("pgmq://", {"conn_string": "host=/nonexistent dbname=fashionrec"}),
        ("redis://127.0.0.1:1/0", {}),
    ],
)
def test_without_a_queue_nothing_is_ready(settings: Any, url: str, options: dict[str, Any]) -> None:
    from celery import current_app

    make_champion()
    settings.CELERY_BROKER_URL = url
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = options
    before = current_app.conf.broker_url
    current_app.conf.broker_url = url
    try:
        response = Client().get("/health/ready", headers={"accept": "application/json"})
    finally:
        current_app.conf.broker_url = before
    assert response.status_code == 503
    assert response.json()["status"] == "unavailable"
    assert response.json()["checks"]["queue"] == "missing"


def test_health_is_read_only() -> None:
    assert Client().post("/health/ready").status_code == 405
