"""Find your style: pictures a newcomer picks become likes, and the shop follows."""

import pytest
from django.test import Client

from catalog.models import Product, StyleCluster
from catalog.services.style_placements import Place, store_places
from catalog.services.style_portraits import refresh_portraits
from feedback.models import Event, Visitor
from tests.catalog.styled_catalogue import planted_catalogue
from tests.factories.catalog import ProductImageFactory
from tests.fashionrec.storefront.html import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def styles() -> dict[str, list[Product]]:
    planted = planted_catalogue(each=4)
    made = []
    for name, products in planted.items():
        style = StyleCluster.objects.create(name=f"Planted {name.lower()}")
        store_places(places=[Place(product.pk, style.pk, 0.9, 0.5, 0.5) for product in products])
        ProductImageFactory(product=products[1], colour="#1f2a4d")
        made.append(style.pk)
    refresh_portraits(style_ids=made)
    return planted


def pick(client: Client, *products: Product):
    return client.post("/style/", {"product": [product.public_id for product in products]})


def liked(visitor: Visitor) -> set[int | None]:
    events = Event.objects.filter(visitor=visitor, type="like", retracted_by__isnull=True)
    return set(events.values_list("product_id", flat=True))


def test_the_page_offers_pictures_of_every_style_and_works_without_javascript(client, styles):
    response = client.get("/style/")
    page = response.content.decode()
    assert page.count('<fieldset class="style-choice">') == 3
    assert page.count('type="checkbox" name="product"') == 6  # two of each style have a picture
    assert "<script>" not in page
    assert read(page).broken == []
    assert 'href="/style/"' in client.get("/").content.decode()


def test_the_number_of_queries_does_not_rise_with_styles_and_pictures(client, styles, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        client.get("/style/")


def test_what_is_picked_is_liked_and_home_follows_without_consent_too(client, styles):
    dress, shirt = styles["Dresses"][0], styles["Shirts"][1]
    assert not Visitor.objects.exists()
    response = pick(client, dress, shirt)
    assert (response.status_code, response["Location"]) == (302, "/")
    visitor = Visitor.objects.get()
    assert visitor.consented is False
    assert liked(visitor) == {dress.pk, shirt.pk}
    home = client.get("/").content.decode()
    assert "2 likes added" in home
    assert "Chosen with your likes in mind" in home
    page = client.get("/style/").content.decode()
    assert page.count("checked disabled") == 2
    # Pressing again is no undo here, and likes nothing twice.
    pick(client, dress, shirt)
    assert Event.objects.filter(type="like").count() == 2
    assert "You like these already" in client.get("/").content.decode()


def test_a_pick_takes_the_place_of_a_dislike(client, styles):
    dress = styles["Dresses"][0]
    client.post("/react/", {"product": dress.public_id, "reaction": "dislike"})
    pick(client, dress)
    assert liked(Visitor.objects.get()) == {dress.pk}
    assert not Event.objects.filter(type="dislike", retracted_by__isnull=True).exists()


def test_picking_nothing_is_asked_again_and_makes_no_visitor(client, styles):
    response = client.post("/style/", {}, follow=True)
    assert response.redirect_chain == [("/style/", 302)]
    assert "Pick at least one picture" in response.content.decode()
    assert not Visitor.objects.exists()


@pytest.mark.parametrize("product", ["shop:nothing", "nonsense", "x" * 500, "shop:\x00"])
def test_what_is_not_in_the_shop_is_refused_alone_and_passed_over_among_others(client, styles, product):
    dress = styles["Dresses"][0]
    assert client.post("/style/", {"product": [product]}).status_code == 400
    assert not Visitor.objects.exists()
    assert client.post("/style/", {"product": [dress.public_id, product]}).status_code == 302
    assert liked(Visitor.objects.get()) == {dress.pk}


def test_more_than_were_offered_is_refused(client, styles):
    assert client.post("/style/", {"product": ["shop:1"] * 37}).status_code == 400


def test_without_styles_the_page_says_so_and_leads_on(client):
    page = client.get("/style/").content.decode()
    assert "No styles yet" in page
    assert 'href="/browse/"' in page
