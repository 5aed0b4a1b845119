import re
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from catalog.models import ImportRun
from fashionrec.common.runs import run_models
from recommender.models import ModelAlias, ModelVersion
from tests.factories.catalog import ProductFactory

pytestmark = pytest.mark.django_db


def scrape() -> str:
    response = Client().get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    return response.content.decode()


def value(text: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} ([0-9.e+-]+)$", text, flags=re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def test_requests_are_counted_and_timed_by_route_never_by_path() -> None:
    ProductFactory(external_id="secret-id")
    route = 'method="GET",route="api/v1/products/<path:product_id>/"'
    count, seconds = (
        f'fashionrec_http_requests_total{{{route},status="200"}}',
        f"fashionrec_http_request_seconds_count{{{route}}}",
    )
    before = scrape()
    Client().get("/api/v1/products/shop:secret-id/")
    after = scrape()
    assert value(after, count) == value(before, count) + 1
    assert value(after, seconds) == value(before, seconds) + 1
    assert "secret-id" not in after


def test_runs_are_counted_by_state_and_the_champion_is_named() -> None:
    for state in ("queued", "queued", "failed"):
        ImportRun.objects.create(source="shop", format="csv", state=state)
    version = ModelVersion.objects.create(kind="popularity", artifact_sha256="0" * 64)
    ModelAlias.objects.create(name="champion", version=version)
    text = scrape()
    assert value(text, 'fashionrec_runs{kind="importrun",state="queued"}') == 2
    assert value(text, 'fashionrec_runs{kind="importrun",state="failed"}') == 1
    assert 'fashionrec_runs{kind="trainingrun",state="running"} 0.0' in text
    assert value(text, f'fashionrec_champion_info{{kind="popularity",model="{version.name}"}}') == 1


def test_a_scrape_takes_one_query_per_kind_of_run_and_one_for_the_champion(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(len(run_models()) + 1):
        scrape()


def test_request_figures_are_there_while_the_database_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_database() -> list[Any]:
        raise OperationalError("connection refused")

    monkeypatch.setattr("fashionrec.metrics.run_models", no_database)
    text = scrape()
    assert "fashionrec_http_requests_total" in text
    assert "fashionrec_runs" not in text
