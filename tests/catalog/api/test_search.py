import subprocess
import sys

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from tests.factories.catalog import ProductEmbeddingFactory, ProductFactory, png_bytes

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
    assert client.get("/api/v1/search/?q=submarine").json() == {"items": [], "corrected": None}


@pytest.mark.parametrize("q", ["'", "a & | ! b", "-", "((", "<->", "\\", "%", "🧥", "x" * 200])
def test_no_words_break_the_search(q: str) -> None:
    ProductFactory()
    assert APIClient().get("/api/v1/search/", {"q": q}).status_code == 200


def test_words_that_are_too_long_are_refused() -> None:
    response = APIClient().get("/api/v1/search/", {"q": "x" * 201})
    assert response.status_code == 422
    assert response.json()["error"]["fields"][0]["field"] == "q"


def test_misspelt_words_are_corrected_and_the_answer_says_so() -> None:
    ProductFactory(external_id="1", title="Linen dress", description="")
    client = APIClient()
    body = client.get("/api/v1/search/?q=lienn+dress").json()
    assert body["corrected"] == "linen dress"
    assert [item["product"] for item in body["items"]] == ["shop:1"]
    assert body["items"][0]["reason"] == "Matches “linen dress”"
    assert client.get("/api/v1/search/?q=linen+dress").json()["corrected"] is None
    assert client.get("/api/v1/search/?q=lienn+dress&verbatim=true").json() == {"items": [], "corrected": None}


def test_beside_a_product_the_words_say_what_should_be_otherwise() -> None:
    this = ProductFactory(external_id="1", title="Dress", colour="blue")
    ProductFactory(external_id="2", title="Dress", colour="red", category=this.category, gender="women")
    ProductFactory(external_id="3", title="Dress", colour="green", category=this.category, gender="women")
    client = APIClient()
    body = client.get("/api/v1/search/", {"q": "in red", "like": "shop:1"}).json()
    assert [item["product"] for item in body["items"]] == ["shop:2"]
    assert body["items"][0]["reason"] == "Like Dress, but “in red”"
    assert client.get("/api/v1/search/", {"q": "in red", "like": "shop:1", "gender": "men"}).json()["items"] == []
    unknown = client.get("/api/v1/search/", {"q": "in red", "like": "shop:9"})
    assert (unknown.status_code, unknown.json()["error"]["fields"][0]["value"]) == (404, "shop:9")


@pytest.fixture
def seeing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image tower of this shop sees one thing in every picture."""
    vector = np.eye(8, dtype=np.float32)[0]
    monkeypatch.setattr("catalog.search.encode_query_image", lambda image, *, encoder: vector)


def picture(content: bytes | None = None, name: str = "dress.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, png_bytes() if content is None else content, content_type="image/png")


def embedded(external_id: str, *values: float, **fields: object) -> None:
    vector = [*values, *[0.0] * (8 - len(values))]
    product = ProductFactory(external_id=external_id, **fields)
    ProductEmbeddingFactory(product=product, kind="image", vector=vector)


def test_a_picture_finds_what_looks_like_it_within_the_filters(seeing: None) -> None:
    embedded("1", 1.0, title="Dress", colour="red", gender="women")
    embedded("2", 0.6, 0.8, title="Shirt", colour="blue", gender="men")
    client = APIClient()

    def found(**sent: object) -> list[str]:
        body = client.post("/api/v1/search/", {"image": picture(), **sent}, format="multipart").json()
        return [item["product"] for item in body["items"]]

    assert found() == ["shop:1", "shop:2"]
    assert found(n=1) == ["shop:1"]
    assert found(gender="men", colour="") == ["shop:2"]
    assert found(q="blue") == ["shop:2", "shop:1"]
    body = client.post("/api/v1/search/", {"image": picture(), "q": "bluue"}, format="multipart").json()
    assert body["corrected"] == "blue"
    assert body["items"][0]["reason"] == "Looks like your picture and “blue”"


def test_a_picture_is_refused_with_the_reason_why(monkeypatch: pytest.MonkeyPatch) -> None:
    client = APIClient()

    def refusal(**sent: object) -> dict:
        response = client.post("/api/v1/search/", sent, format="multipart")
        assert response.status_code == 422
        return response.json()["error"]["fields"][0]

    assert "no image tower that the web can run" in refusal(image=picture())["reason"]
    broken = refusal(image=picture(b"GIF89a not really"))
    assert (broken["field"], broken["value"]) == ("image", "dress.png")
    assert "empty" in refusal(image=picture(b""))["reason"]
    assert refusal(q="dress")["field"] == "image"
    assert refusal(image=picture(), gender="robots")["field"] == "gender"
    monkeypatch.setattr("catalog.api.search.MAX_BYTES", 10)
    response = client.post("/api/v1/search/", {"image": picture()}, format="multipart")
    assert response.status_code == 413


def test_no_view_of_the_api_imports_torch() -> None:
    program = (
        "import django, sys; django.setup(); import fashionrec.urls;"
        "from django.urls import get_resolver; get_resolver().url_patterns;"
        "sys.exit(int('torch' in sys.modules or 'torch_geometric' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
