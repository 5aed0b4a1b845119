import threading
import time
import uuid
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from catalog.models import Product, StyleCluster, StylePlacement
from catalog.services.product_batches import lock_source
from tests.factories.access import client_with_key
from tests.factories.catalog import (
    BrandFactory,
    CategoryFactory,
    EncoderFactory,
    ProductEmbeddingFactory,
    ProductFactory,
)

pytestmark = pytest.mark.django_db

CARD = {"id", "title", "brand", "category", "gender", "colour", "price", "currency", "in_stock", "images"}


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [product["id"] for product in response.json()["results"]]


def test_a_list_has_pages_of_cards() -> None:
    women = CategoryFactory(name="Women")
    dresses = CategoryFactory(name="Dresses", parent=women)
    for n in range(3):
        ProductFactory(external_id=str(n), category=dresses, brand=BrandFactory(name="Aster"), price=Decimal("39.90"))
    response = APIClient().get("/api/v1/products/?page_size=2&ordering=title")
    body = response.json()
    assert set(body) == {"count", "next", "previous", "results"}
    assert (body["count"], body["previous"]) == (3, None)
    assert body["next"] == "http://testserver/api/v1/products/?ordering=title&page=2&page_size=2"
    card = body["results"][0]
    assert set(card) == CARD
    assert (card["brand"], card["category"], card["price"], card["currency"]) == (
        "Aster",
        "Women > Dresses",
        "39.90",
        "EUR",
    )
    (image,) = card["images"]
    assert image["url"].startswith("http://testserver/media/products/")
    assert (image["width"], image["height"]) == (24, 32)
    second = APIClient().get(body["next"]).json()
    assert (len(second["results"]), second["next"]) == (1, None)


def test_filters_narrow_and_orderings_order() -> None:
    women, men = CategoryFactory(name="Women"), CategoryFactory(name="Men")
    dress = CategoryFactory(name="Dresses", parent=women)
    ProductFactory(external_id="1", title="Red dress", category=dress, colour="red", price=Decimal("10"))
    ProductFactory(external_id="2", title="Blue dress", category=dress, colour="blue", price=Decimal("30"))
    ProductFactory(
        external_id="3",
        title="Blue shirt",
        category=men,
        colour="blue",
        gender="men",
        price=Decimal("20"),
        in_stock=False,
    )
    client = APIClient()
    assert ids(client.get("/api/v1/products/?ordering=price")) == ["shop:1", "shop:3", "shop:2"]
    assert ids(client.get("/api/v1/products/?ordering=-price")) == ["shop:2", "shop:3", "shop:1"]
    assert ids(client.get("/api/v1/products/?category=women&ordering=price")) == ["shop:1", "shop:2"]
    assert ids(client.get("/api/v1/products/", {"category": "Women > Dresses", "colour": "blue"})) == ["shop:2"]
    assert ids(client.get("/api/v1/products/?gender=men")) == ["shop:3"]
    assert ids(client.get("/api/v1/products/?price_min=15&price_max=25")) == ["shop:3"]
    assert ids(client.get("/api/v1/products/?in_stock=true&ordering=price")) == ["shop:1", "shop:2"]
    assert ids(client.get("/api/v1/products/?search=shirt")) == ["shop:3"]
    assert ids(client.get("/api/v1/products/?category=&search=shirt")) == ["shop:3"]  # empty counts as absent
    assert ids(client.get("/api/v1/products/?brand=nobody")) == []


def test_a_list_takes_the_same_number_of_queries_however_long_it_is() -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            APIClient().get("/api/v1/products/?page_size=100")
        return len(captured)

    ProductFactory()
    few = queries()
    for n in range(20):
        ProductFactory(
            brand=BrandFactory(name=f"Brand {n}"), category=CategoryFactory(name=f"Category {n}"), pictures=2
        )
    assert queries() == few == 3  # count, products, pictures


def test_one_product_has_all_there_is_to_know() -> None:
    product = ProductFactory(external_id="7", sizes=("S", "M"), attributes={"sleeve": "long"})
    cluster = StyleCluster.objects.create(name="Light linen")
    StylePlacement.objects.create(product=product, cluster=cluster, strength=0.9)
    with CaptureQueriesContext(connection) as captured:
        body = APIClient().get("/api/v1/products/shop:7/").json()
    assert len(captured) == 3  # the product with its style, pictures, variants
    assert set(body) == CARD | {
        *("description", "material", "pattern", "season", "attributes", "status", "variants", "cluster")
    }
    assert body["attributes"] == {"sleeve": "long"}
    assert body["cluster"] == {"id": str(cluster.pk), "name": "Light linen"}
    assert [(v["size"], v["price"], v["stock"]) for v in body["variants"]] == [("S", "49.00", 5), ("M", "49.00", 5)]


@pytest.mark.parametrize("external_id", ["a.b", "a/b", "a b", "50%", "a?b#c", "ä", "a:b", "a,b", "similar"])
def test_any_external_id_can_stand_in_an_address(external_id: str) -> None:
    ProductFactory(external_id=external_id)
    path = f"/api/v1/products/{quote('shop:' + external_id, safe='')}"
    assert APIClient().get(f"{path}/").json()["id"] == f"shop:{external_id}"
    assert APIClient().get(f"{path}/similar/").status_code == 200
    assert APIClient().get(f"{path}/complements/").status_code == 200


@pytest.mark.parametrize("product_id", ["shop:none", "nocolon", ":", "shop:", "%00:1", "shop:%00", "../../etc"])
@pytest.mark.parametrize("tail", ["", "similar/", "complements/", "embedding/"])
def test_an_unknown_product_is_404(product_id: str, tail: str) -> None:
    ProductFactory(external_id="1")
    response = client_with_key("embeddings:read").get(f"/api/v1/products/{product_id}/{tail}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("status", ["draft", "archived"])
def test_a_product_that_is_not_active_is_not_there(status: str) -> None:
    ProductFactory(external_id="1", status=status)
    assert APIClient().get("/api/v1/products/shop:1/").status_code == 404
    assert ids(APIClient().get("/api/v1/products/")) == []


def test_similar_products_come_nearest_first_with_a_reason() -> None:
    encoder = EncoderFactory(dimensions=3)
    vectors = {"0": [1.0, 0.0, 0.0], "1": [0.6, 0.8, 0.0], "2": [0.8, 0.6, 0.0]}
    for external_id, vector in vectors.items():
        product = ProductFactory(external_id=external_id, title=f"Dress {external_id}")
        ProductEmbeddingFactory(product=product, encoder=encoder, vector=vector)
    items = APIClient().get("/api/v1/products/shop:0/similar/?n=5").json()["items"]
    assert [item["product"] for item in items] == ["shop:2", "shop:1"]
    assert [round(item["score"], 2) for item in items] == [0.8, 0.6]
    assert items[0]["source"] == "similar"
    assert items[0]["reason"] == "Looks like Dress 0"
    assert len(APIClient().get("/api/v1/products/shop:0/similar/?n=1").json()["items"]) == 1


def test_a_product_is_made_changed_and_archived() -> None:
    client = client_with_key("catalog:write", source="partner")
    new = {
        "id": "shop:sku/1",
        "title": "Linen dress",
        "brand": "Aster",
        "category": "Women > Dresses",
        "gender": "women",
        "colour": "Red",
        "attributes": {"sleeve": "long"},
        "variants": [{"sku": "a", "size": "S", "price": "39.90", "currency": "EUR", "stock": 2}],
    }
    made = client.post("/api/v1/products/", new, format="json")
    assert made.status_code == 201
    assert (made.json()["id"], made.json()["price"], made.json()["colour"]) == ("shop:sku/1", "39.90", "red")
    path = "/api/v1/products/shop:sku%2F1/"
    assert client.get(path).json() == made.json()
    changed = client.patch(path, {"title": "Linen midi dress", "price": "29.90"}, format="json")
    assert changed.status_code == 200
    body = changed.json()
    assert (body["title"], body["price"], body["brand"]) == ("Linen midi dress", "29.90", "Aster")
    assert [(v["sku"], v["size"], v["price"], v["stock"]) for v in body["variants"]] == [("a", "S", "29.90", 2)]
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404
    assert Product.objects.get(source="shop").status == "archived"
    assert client.patch(path, {"status": "active"}, format="json").status_code == 200
    assert client.get(path).status_code == 200


def test_a_new_product_without_an_id_of_two_halves_gets_the_source_of_the_key() -> None:
    client = client_with_key("catalog:write", source="partner")
    made = client.post("/api/v1/products/", {"external_id": "1", "title": "Hat", "price": 12}, format="json")
    assert (made.json()["id"], made.json()["price"]) == ("partner:1", "12.00")


def test_a_product_that_exists_is_409_and_stays_as_it_is() -> None:
    ProductFactory(external_id="1", title="Before")
    response = client_with_key().post("/api/v1/products/", {"id": "shop:1", "title": "After"}, format="json")
    assert response.status_code == 409
    assert response.json()["error"]["fields"][0]["value"] == "shop:1"
    assert Product.objects.get().title == "Before"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": 5}, "title"),
        ({"price": "cheap"}, "price"),
        ({"price": -1}, "price"),
        ({"price": float(10**12)}, "price"),
        ({"gender": "robots"}, "gender"),
        ({"status": "sold"}, "status"),
        ({"attributes": ["a"]}, "attributes"),
        ({"variants": {}}, "variants"),
        ({"variants": [{"sku": "a", "stock": 1.5}]}, "variants[0].stock"),
        ({"colr": "red"}, "colr"),
        ({"id": "other:1"}, "id"),
        ({"images": [{"url": "http://elsewhere/x.png"}]}, "images"),
    ],
)
def test_a_bad_change_is_422_and_changes_nothing(change: dict[str, Any], field: str) -> None:
    before = ProductFactory(external_id="1", title="Before")
    response = client_with_key().patch("/api/v1/products/shop:1/", {"colour": "green", **change}, format="json")
    assert response.status_code == 422, response.content
    assert response.json()["error"]["fields"][0]["field"] == field
    after = Product.objects.get()
    assert (after.title, after.colour, after.content_version) == ("Before", before.colour, 1)


def test_a_price_for_a_product_of_several_variants_asks_which_is_meant() -> None:
    ProductFactory(external_id="1", sizes=("S", "M"))
    response = client_with_key().patch("/api/v1/products/shop:1/", {"price": 5}, format="json")
    assert response.status_code == 422
    assert "2 variants" in response.json()["error"]["message"]


@pytest.mark.parametrize("body", [[], "text", None, 5])
def test_a_product_must_be_an_object(body: Any) -> None:
    response = client_with_key().post("/api/v1/products/", body, format="json")
    assert response.status_code == 422


@pytest.mark.parametrize("product_id", ["nocolon", ":1", "shop:", 5, ["shop:1"], "Bad Source:1"])
def test_a_new_id_must_have_two_halves(product_id: Any) -> None:
    response = client_with_key().post("/api/v1/products/", {"id": product_id, "title": "Hat"}, format="json")
    assert response.status_code == 422
    assert response.json()["error"]["fields"][0]["field"] in ("id", "source")
    assert not Product.objects.exists()


def test_an_unknown_product_cannot_be_changed_or_archived() -> None:
    client = client_with_key()
    name = uuid.uuid4()
    assert client.patch(f"/api/v1/products/shop:{name}/", {"title": "x"}, format="json").status_code == 404
    assert client.delete(f"/api/v1/products/shop:{name}/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_changes_of_different_fields_at_once_both_survive() -> None:
    product = ProductFactory(source="shop", external_id="1", description="before", pictures=0)
    client, answers = client_with_key(), []

    def rename() -> None:
        try:
            answers.append(client.patch("/api/v1/products/shop:1/", {"title": "After"}, format="json").status_code)
        finally:
            connection.close()

    other = threading.Thread(target=rename)
    with transaction.atomic():
        lock_source("shop")  # as every writer of the catalogue does
        other.start()
        time.sleep(0.3)
        Product.objects.filter(pk=product.pk).update(description="after")
    other.join(20)
    product.refresh_from_db()
    assert (answers, product.title, product.description) == ([200], "After", "after")
