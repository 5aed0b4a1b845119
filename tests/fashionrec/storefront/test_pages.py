"""Rules that hold on every page."""

import pytest
from django.core.cache import cache

from feedback.models import Visitor
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.fashionrec.storefront.html import read

pytestmark = pytest.mark.django_db
ADDRESSES = (
    "/",
    "/browse/",
    "/browse/?q=dress&colour=red&in_stock=true",
    "/browse/?price_min=abc",
    "/browse/?q=dres",
    "/photo/",
    "/likes/",
    "/about/",
    "/privacy/",
)
ADDRESSES_BEYOND = ("/nowhere/", "/products/shop:nothing/", "/browse/?category=nowhere")


@pytest.fixture(autouse=True)
def shop():
    cache.clear()
    women = CategoryFactory(name="Women")
    return ProductFactory.create_batch(14, category=CategoryFactory(name="Dresses", parent=women), pictures=2)


@pytest.mark.parametrize("known", [False, True], ids=["stranger", "shopper"])
@pytest.mark.parametrize("address", [*ADDRESSES, *ADDRESSES_BEYOND, "PRODUCT"])
def test_every_page_keeps_the_rules_of_the_house(client, shop, address, known):
    if known:
        for product, reaction in zip(shop, ("like", "like", "dislike", "hide"), strict=False):
            client.post("/react/", {"product": product.public_id, "reaction": reaction})
        # Both at once: it must still stand on the likes page in one place only.
        client.post("/react/", {"product": shop[0].public_id, "reaction": "hide"})
    response = client.get(f"/products/{shop[5].public_id}/" if address == "PRODUCT" else address)
    assert read(response.content.decode()).broken == []
    assert response["Content-Security-Policy"].count("'unsafe") == 0


def test_every_link_of_the_front_page_leads_somewhere(client, shop):
    links = {link for link in read(client.get("/").content.decode()).links if link.startswith("/")}
    assert len(links) > 20
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


@pytest.mark.parametrize("address", ADDRESSES)
def test_looking_around_makes_no_visitor_and_shared_caches_keep_nothing(client, address):
    response = client.get(address)
    assert "private" in response["Cache-Control"]
    assert {"Cookie", "HX-Request"} <= set(response["Vary"].split(", "))
    assert Visitor.objects.count() == 0


@pytest.mark.parametrize("address", [*ADDRESSES, "/privacy/export/"])
def test_pages_answer_a_head_request(client, address):
    assert client.head(address).status_code == client.get(address).status_code


def test_an_unknown_address_is_a_page_of_the_shop(client):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "We could not find that page" in response.content.decode()


def test_the_page_for_a_broken_shop_needs_nothing_of_it(client, monkeypatch):
    monkeypatch.setattr("fashionrec.storefront.views.about.champion", lambda: 1 / 0)
    client.raise_request_exception = False
    response = client.get("/about/")
    assert response.status_code == 500
    assert read(response.content.decode()).broken == []


def test_messages_are_said_once(client, shop):
    client.post("/react/", {"product": shop[0].public_id, "reaction": "like"})
    assert "Liked." in client.get("/about/").content.decode()
    assert "Liked." not in client.get("/about/").content.decode()
