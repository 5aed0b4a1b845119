import subprocess
import sys

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from tests.factories.catalog import ProductFactory, png_bytes

pytestmark = pytest.mark.django_db


def test_words_find_products_best_first_within_the_filters() -> None:
    ProductFactory(external_id="1", title="Linen dress", gender="women")
    ProductFactory(external_id="2", title="Linen shirt", gender="men")
    ProductFactory(external_id="3", title="Wool coat", description="warm", material="wool")
    client = APIClient()
    items = client.get("/api/v1/search/?q=linen+dress").json()["items"]
    assert items[0]["product"] == "shop:1"
    assert set(items[0]) == {"product", "score", "source", "reason"}
    assert items[0]["reason"] == "Matches “linen dress”"
    assert [i["product"] for i in client.get("/api/v1/search/?q=linen&gender=men").json()["items"]] == ["shop:2"]
    assert len(client.get("/api/v1/search/?q=linen&n=1").json()["items"]) == 1
    assert client.get("/api/v1/search/?q=submarine").json() == {"items": []}


@pytest.mark.parametrize("q", ["'", "a & | ! b", "-", "((", "<->", "\\", "%", "🧥", "x" * 200])
def test_no_words_break_the_search(q: str) -> None:
    ProductFactory()
    assert APIClient().get("/api/v1/search/", {"q": q}).status_code == 200


def test_words_that_are_too_long_are_refused() -> None:
    response = APIClient().get("/api/v1/search/", {"q": "x" * 201})
    assert response.status_code == 422
    assert response.json()["error"]["fields"][0]["field"] == "q"


def test_a_picture_is_checked_and_then_refused_with_the_reason_why() -> None:
    client = APIClient()
    picture = SimpleUploadedFile("dress.png", png_bytes(), content_type="image/png")
    response = client.post("/api/v1/search/", {"image": picture}, format="multipart")
    assert response.status_code == 422
    assert "image search needs an image tower" in response.json()["error"]["message"]
    broken = SimpleUploadedFile("dress.png", b"GIF89a not really", content_type="image/png")
    response = client.post("/api/v1/search/", {"image": broken}, format="multipart")
    assert response.status_code == 422
    assert response.json()["error"]["fields"][0]["value"] == "dress.png"
    assert client.post("/api/v1/search/", {"q": "dress"}, format="multipart").status_code == 422


def test_no_view_of_the_api_imports_torch() -> None:
    program = (
        "import django, sys; django.setup(); import fashionrec.urls;"
        "from django.urls import get_resolver; get_resolver().url_patterns;"
        "sys.exit(int('torch' in sys.modules or 'torch_geometric' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
