import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from catalog.models import Product
from feedback.models import Slate, Visitor
from recommender.serving.recommend import PLACEMENTS
from tests.factories.access import browser_of, client_with_key
from tests.factories.catalog import CategoryFactory, EncoderFactory, ProductEmbeddingFactory, ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory

pytestmark = pytest.mark.django_db

URL = "/api/v1/recommendations/"


@pytest.fixture
def client() -> APIClient:
    return client_with_key("recommendations:read", source="partner")


def stock_the_shop(count: int = 6) -> None:
    encoder = EncoderFactory(dimensions=count)
    for n in range(count):
        vector = [0.0] * count
        vector[n], vector[(n + 1) % count] = 0.8, 0.6
        product = ProductFactory(external_id=str(n), category=CategoryFactory(name=f"Category {n % 2}"))
        ProductEmbeddingFactory(product=product, encoder=encoder, vector=vector)


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("visitor", ["never seen", None])
def test_a_stranger_gets_a_page_in_every_placement(client: APIClient, placement: str, visitor: str | None) -> None:
    stock_the_shop()
    query = {"placement": placement, "n": 3, **({"visitor": visitor} if visitor else {})}
    body = client.get(URL, query).json()
    assert set(body) == {"slate", "placement", "model", "items"}
    assert (body["placement"], body["model"]) == (placement, "fallback")
    assert [item["position"] for item in body["items"]] == [0, 1, 2]
    assert len({item["product"] for item in body["items"]}) == 3
    for item in body["items"]:
        assert set(item) == {"product", "position", "score", "source", "reason"}
        assert item["reason"]
    slate = Slate.objects.get(pk=uuid.UUID(body["slate"]))
    assert len(slate.products) == 3
    assert not Visitor.objects.exists()  # reading makes nobody


def test_a_like_changes_the_next_page(client: APIClient) -> None:
    stock_the_shop()
    visitor = VisitorFactory(source="partner", external_id="anna", consented=True)
    before = client.get(URL, {"visitor": "anna", "n": 3}).json()["items"]
    EventFactory(visitor=visitor, type="like", product=Product.objects.get(external_id="0"))
    after = client.get(URL, {"visitor": "anna", "n": 3, "explain": "true"}).json()
    assert [item["product"] for item in after["items"]] != [item["product"] for item in before]
    assert "shop:0" not in [item["product"] for item in after["items"]]
    assert any("liked" in item["reason"] for item in after["items"])
    assert after["explanation"]["inputs"]["liked"] == ["shop:0"]
    assert Slate.objects.filter(visitor=visitor).count() == 2


def test_excluded_products_and_other_categories_do_not_appear(client: APIClient) -> None:
    stock_the_shop()
    ProductFactory(external_id="a,b", category=CategoryFactory(name="Category 0"))
    body = client.get(f"{URL}?exclude=shop:0,shop:1&exclude=shop:2&exclude=shop:a,b&exclude=gone:9&n=100").json()
    assert {item["product"] for item in body["items"]} == {"shop:3", "shop:4", "shop:5"}
    body = client.get(URL, {"category": "category-1", "placement": "category"}).json()
    assert {item["product"] for item in body["items"]} == {"shop:1", "shop:3", "shop:5"}


def test_beside_a_product_it_or_the_visitors_latest_choice_is_the_anchor(client: APIClient) -> None:
    stock_the_shop()
    body = client.get(URL, {"placement": "similar", "product": "shop:0", "n": 2}).json()
    assert body["items"][0]["product"] in ("shop:1", "shop:5")
    assert client.get(URL, {"placement": "similar", "product": "shop:none"}).status_code == 404
    visitor = VisitorFactory(source="partner", external_id="anna", consented=True)
    for days, external_id in ((2, "4"), (1, "0")):
        moment = timezone.now() - timedelta(days=days)
        EventFactory(
            visitor=visitor, type="like", product=Product.objects.get(external_id=external_id), occurred_at=moment
        )
    title = Product.objects.get(external_id="0").title
    body = client.get(URL, {"placement": "similar", "visitor": "anna", "n": 2}).json()
    assert body["items"][0]["reason"] == f"Looks like {title}"


def test_an_empty_shop_has_nothing_to_recommend(client: APIClient) -> None:
    assert client.get(URL).json()["items"] == []


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_the_only_product_is_shown_though_sold_out_and_known_to_the_visitor(client: APIClient, placement: str) -> None:
    product = ProductFactory(external_id="1", in_stock=False)
    visitor = VisitorFactory(source="partner", external_id="anna", consented=True)
    EventFactory(visitor=visitor, type="like", product=product)
    items = client.get(URL, {"visitor": "anna", "placement": placement}).json()["items"]
    assert [item["product"] for item in items] == ["shop:1"]


def test_a_key_sees_the_visitors_of_its_own_source_only(client: APIClient) -> None:
    stock_the_shop()
    foreign = VisitorFactory(source="elsewhere", external_id="anna", consented=True)
    client.get(URL, {"visitor": "anna"})
    assert not Slate.objects.filter(visitor=foreign).exists()


def test_a_browser_gets_its_own_page_and_nobody_elses() -> None:
    stock_the_shop()
    own, other = VisitorFactory(consented=True), VisitorFactory(consented=True)
    browser = browser_of(own)
    assert browser.get(URL).status_code == 200
    assert browser.get(URL, {"visitor": str(own.pk)}).status_code == 200
    refused = browser.get(URL, {"visitor": str(other.pk)})
    assert refused.status_code == 404
    assert refused.json()["error"]["fields"][0]["reason"] == "unknown visitor"
    assert set(Slate.objects.values_list("visitor", flat=True)) == {own.pk}
