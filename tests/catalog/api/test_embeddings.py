import math

import pytest

from catalog.models import ProductEmbedding
from tests.factories.access import client_with_key
from tests.factories.catalog import EncoderFactory, ProductEmbeddingFactory, ProductFactory

pytestmark = pytest.mark.django_db


def test_the_vector_of_one_product_by_kind() -> None:
    product = ProductFactory(external_id="1")
    ProductEmbeddingFactory(product=product, vector=[0.0, 1.0] + [0.0] * 6, kind=ProductEmbedding.Kind.IMAGE)
    client = client_with_key("embeddings:read")
    body = client.get("/api/v1/products/shop:1/embedding/?kind=image").json()
    assert (body["encoder"], body["dimensions"]) == ("compact", 8)
    assert body["items"] == [{"product": "shop:1", "vector": [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]}]
    missing = client.get("/api/v1/products/shop:1/embedding/")
    assert missing.status_code == 404
    assert missing.json()["error"]["fields"] == [
        {"field": "kind", "value": "hybrid", "reason": "this product has no hybrid vector yet"}
    ]
    assert client.get("/api/v1/products/shop:1/embedding/?kind=smell").status_code == 422


def test_many_vectors_come_in_the_order_asked_for_and_the_others_are_named() -> None:
    for external_id in ("1", "2"):
        ProductEmbeddingFactory(product=ProductFactory(external_id=external_id))
    ProductFactory(external_id="3")
    ids = ["shop:3", "shop:2", "shop:1", "shop:2", "other:9", "nocolon"]
    body = client_with_key("embeddings:read").post("/api/v1/embeddings/", {"ids": ids}, format="json").json()
    assert [item["product"] for item in body["items"]] == ["shop:2", "shop:1"]
    assert body["missing"] == ["shop:3", "other:9", "nocolon"]
    assert math.isclose(sum(x * x for x in body["items"][0]["vector"]), 1.0)


def test_the_batch_has_limits() -> None:
    EncoderFactory()
    client = client_with_key("embeddings:read")
    assert client.post("/api/v1/embeddings/", {"ids": ["shop:1"] * 1000}, format="json").status_code == 200
    assert client.post("/api/v1/embeddings/", {"ids": ["shop:1"] * 1001}, format="json").status_code == 413
    for body in (
        {},
        {"ids": []},
        {"ids": "shop:1"},
        {"ids": [["shop:1"]]},
        {"ids": ["a:\x00"]},
        {"ids": ["x"], "kind": 7},
    ):
        assert client.post("/api/v1/embeddings/", body, format="json").status_code == 422, body


def test_without_a_live_encoder_there_are_no_vectors() -> None:
    response = client_with_key("embeddings:read").post("/api/v1/embeddings/", {"ids": ["shop:1"]}, format="json")
    assert response.status_code == 404
    assert "No encoder is live" in response.json()["error"]["message"]
