"""Who may call what: open endpoints, scoped keys, and nothing in between."""

import uuid
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver
from rest_framework.test import APIClient

from fashionrec.api_urls import v1
from fashionrec.common.api.permissions import OPEN
from fashionrec.common.scopes import Scope
from recommender.models import ModelAlias
from tests.factories.access import client_with_key
from tests.factories.catalog import ProductFactory

pytestmark = pytest.mark.django_db

PRODUCT = "shop:1"
RUN = uuid.UUID(int=1)
OPEN_CALLS = [
    ("get", "products/"),
    ("get", f"products/{PRODUCT}/"),
    ("get", f"products/{PRODUCT}/similar/"),
    ("get", f"products/{PRODUCT}/complements/"),
    ("get", "search/?q=dress"),
]
SCOPED_CALLS = [
    ("post", "products/", Scope.CATALOG_WRITE),
    ("patch", f"products/{PRODUCT}/", Scope.CATALOG_WRITE),
    ("delete", f"products/{PRODUCT}/", Scope.CATALOG_WRITE),
    ("get", f"products/{PRODUCT}/embedding/", Scope.EMBEDDINGS_READ),
    ("post", "embeddings/", Scope.EMBEDDINGS_READ),
    ("get", "recommendations/", Scope.RECOMMENDATIONS_READ),
    ("post", "events/", Scope.EVENTS_WRITE),
    ("get", "personas/", Scope.PERSONAS_READ),
    ("get", "personas/p1/ratings/", Scope.RATINGS_READ),
    ("get", "ratings/", Scope.RATINGS_READ),
    ("post", "rating-runs/", Scope.RATINGS_WRITE),
    ("get", f"rating-runs/{RUN}/", Scope.RATINGS_READ),
    ("post", f"rating-runs/{RUN}/cancel/", Scope.RATINGS_WRITE),
    ("post", f"rating-runs/{RUN}/resume/", Scope.RATINGS_WRITE),
    ("post", f"rating-runs/{RUN}/publish/", Scope.RATINGS_WRITE),
    ("get", "models/", Scope.MODELS_READ),
    ("get", "models/random-1/", Scope.MODELS_READ),
    ("post", "models/random-1/promote/", Scope.MODELS_WRITE),
    ("post", "models/rollback/", Scope.MODELS_WRITE),
    ("post", "models/random-1/challenge/", Scope.MODELS_WRITE),
    ("delete", "models/challenger/", Scope.MODELS_WRITE),
    ("post", "imports/", Scope.IMPORTS_WRITE),
    ("get", f"imports/{RUN}/", Scope.IMPORTS_READ),
    ("post", f"imports/{RUN}/cancel/", Scope.IMPORTS_WRITE),
    ("get", "visitors/anna/", Scope.VISITORS_READ),
    ("delete", "visitors/anna/", Scope.VISITORS_WRITE),
]


def views(patterns: list[Any]) -> list[Any]:
    found = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found += views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            found.append(pattern.callback.cls)  # type: ignore[attr-defined]
    return found


def test_every_method_of_every_view_says_which_scope_it_needs() -> None:
    for view in views(v1):
        methods = {name.upper() for name in view.http_method_names if hasattr(view, name)} - {"OPTIONS", "HEAD"}
        assert set(view.scopes) == methods, view
        assert set(view.scopes.values()) <= {OPEN, *Scope}, view


def test_the_calls_of_this_file_are_all_the_calls_there_are() -> None:
    declared = sorted(scope for view in views(v1) for scope in view.scopes.values())
    listed = [*(OPEN for _ in OPEN_CALLS), OPEN, *(scope for *_, scope in SCOPED_CALLS)]  # OPEN: POST search/
    assert declared == sorted(listed)


@pytest.mark.parametrize(("method", "path"), OPEN_CALLS)
def test_open_endpoints_need_no_key_but_refuse_a_wrong_one(method: str, path: str) -> None:
    ProductFactory(external_id="1")
    assert getattr(APIClient(), method)(f"/api/v1/{path}").status_code == 200
    wrong = APIClient()
    wrong.credentials(HTTP_AUTHORIZATION="Api-Key 00000000.wrong")
    assert getattr(wrong, method)(f"/api/v1/{path}").status_code == 401


@pytest.mark.parametrize(("method", "path", "scope"), SCOPED_CALLS)
def test_scoped_endpoints_need_a_key_with_exactly_their_scope(method: str, path: str, scope: Scope) -> None:
    product = ProductFactory(external_id="1", title="Before")
    refused = getattr(APIClient(), method)(f"/api/v1/{path}", {}, format="json")
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == "Api-Key"
    others = client_with_key(*[other for other in Scope if other != scope])
    forbidden = getattr(others, method)(f"/api/v1/{path}", {}, format="json")
    assert forbidden.status_code == 403
    assert scope in forbidden.json()["error"]["message"]
    product.refresh_from_db()
    assert (product.title, product.status) == ("Before", "active")
    allowed = getattr(client_with_key(scope), method)(f"/api/v1/{path}")
    assert allowed.status_code not in (401, 403)
    assert ModelAlias.objects.count() == 0


def test_a_key_of_another_scheme_counts_as_none() -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Bearer something")
    assert client.get("/api/v1/products/").status_code == 200
    assert client.get("/api/v1/models/").status_code == 401
