from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from feedback.models import Event
from tests.factories.catalog import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db


def browse(client, **query):
    return client.get("/browse/", query)


def titles(response) -> list[str]:
    page = response.context["listing"].page
    return [product.title for product in page] if page else []


@pytest.fixture
def wardrobe():
    women = CategoryFactory(name="Women")
    dresses = CategoryFactory(name="Dresses", parent=women)
    shirts = CategoryFactory(name="Shirts", parent=CategoryFactory(name="Men"))
    ProductFactory(title="Red dress", category=dresses, colour="red", price=Decimal(80), brand=BrandFactory(name="Ada"))
    ProductFactory(title="Navy dress", category=dresses, colour="navy", price=Decimal(40), in_stock=False)
    ProductFactory(title="Green shirt", category=shirts, colour="green", gender="men", price=Decimal(20))
    ProductFactory(title="Silk shirt", category=shirts, colour="green", gender="men", price=None)
    ProductFactory(title="Gone", category=shirts, status="archived")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"Red dress", "Navy dress", "Green shirt", "Silk shirt"}),
        ({"category": "women"}, {"Red dress", "Navy dress"}),
        ({"category": "Men > Shirts"}, {"Green shirt", "Silk shirt"}),
        ({"brand": "ada"}, {"Red dress"}),
        ({"gender": "men"}, {"Green shirt", "Silk shirt"}),
        ({"colour": "navy"}, {"Navy dress"}),
        ({"price_min": "20", "price_max": "40"}, {"Navy dress", "Green shirt"}),
        ({"category": "women", "in_stock": "true"}, {"Red dress"}),
        ({"q": "dress"}, {"Red dress", "Navy dress"}),
        ({"q": "dress", "colour": "red"}, {"Red dress"}),
        ({"q": "", "category": "", "gender": "", "page": ""}, {"Red dress", "Navy dress", "Green shirt", "Silk shirt"}),
    ],
)
def test_filters_narrow_the_list(client, wardrobe, query, expected):
    response = browse(client, **query)
    assert response.status_code == 200
    assert set(titles(response)) == expected


def test_the_list_can_be_ordered(client, wardrobe):
    assert titles(browse(client, ordering="price"))[:3] == ["Green shirt", "Navy dress", "Red dress"]
    assert titles(browse(client, ordering="-price"))[:3] == ["Red dress", "Navy dress", "Green shirt"]
    assert titles(browse(client, ordering="title")) == ["Green shirt", "Navy dress", "Red dress", "Silk shirt"]
    assert titles(browse(client, q="dress", ordering="price")) == ["Navy dress", "Red dress"]


def test_best_match_is_offered_only_with_words_to_match(client, wardrobe):
    assert ">Best match<" not in browse(client).content.decode()
    assert ">Best match<" in browse(client, q="dress").content.decode()


def test_each_active_filter_can_be_taken_away_alone(client, wardrobe):
    response = browse(client, category="women", colour="red", q="dress", page="1")
    ways_out = {way.words: way.without for way in response.context["listing"].active_filters}
    assert ways_out == {
        "“dress”": "/browse/?category=women&colour=red",
        "Women": "/browse/?colour=red&q=dress",
        "Red": "/browse/?category=women&q=dress",
    }
    assert set(titles(client.get(ways_out["Red"]))) == {"Red dress", "Navy dress"}


def test_the_chosen_values_stay_chosen_in_the_form(client, wardrobe):
    html = browse(
        client, colour="red", gender="women", in_stock="true", price_min="10", ordering="price"
    ).content.decode()
    assert 'name="colour" value="red" checked' in html
    assert 'name="gender" value="women" checked' in html
    assert 'name="in_stock" value="true" checked' in html
    assert 'name="price_min" inputmode="decimal" autocomplete="off" value="10"' in html
    assert '<option value="price" selected>' in html


def test_categories_are_links_that_keep_the_other_filters(client, wardrobe):
    html = browse(client, colour="red", page="1").content.decode()
    assert 'href="?colour=red&amp;category=women"' in html


def test_a_known_colour_has_its_paint_and_an_unknown_one_has_two(client):
    ProductFactory(colour="navy blue")
    ProductFactory(colour="Unheard of")
    html = browse(client).content.decode()
    assert '<circle cx="11" cy="11" r="10" fill="#1e2b4f"/>' in html
    assert html.count('fill="#c8622f"') == 1


def test_long_lists_come_in_pages_that_keep_the_filters(client):
    ProductFactory.create_batch(50, colour="red")
    first, last = browse(client, colour="red"), browse(client, colour="red", page="3")
    assert (len(titles(first)), len(titles(last))) == (24, 2)
    assert 'rel="next" href="?colour=red&amp;page=2"' in first.content.decode()
    assert 'rel="next"' not in last.content.decode()
    assert not set(titles(first)) & set(titles(last))


def test_nothing_found_offers_a_way_out(client, wardrobe):
    html = browse(client, q="zeppelin").content.decode()
    assert "We have nothing like that" in html
    assert 'href="/browse/"' in html
    html = browse(client, q="zeppelin", price_max="1").content.decode()
    assert "Nothing fits all of that" in html
    assert 'href="/browse/"' in html


def test_an_empty_shop_says_what_to_do(client):
    assert "The shop has no products yet" in browse(client).content.decode()


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ({"q": "x" * 10_000}, 400, "q"),
        ({"q": "a\x00b"}, 400, "q"),
        ({"page": "-1"}, 400, "page"),
        ({"page": "two"}, 400, "page"),
        ({"page": "9" * 50}, 400, "page"),
        ({"page": "2"}, 404, "page"),
        ({"price_min": "abc"}, 400, "price_min"),
        ({"price_min": "-1"}, 400, "price_min"),
        ({"price_min": "NaN"}, 400, "price_min"),
        ({"price_max": "1e999"}, 400, "price_max"),
        ({"price_min": "5", "price_max": "2"}, 400, "price_max"),
        ({"gender": "robots"}, 400, "gender"),
        ({"ordering": "random"}, 400, "ordering"),
        ({"category": "nowhere"}, 404, "category"),
        ({"category": "\x00"}, 400, "category"),
        ({"brand": "nobody"}, 404, "brand"),
        ({"q": "<script>alert(1)</script>"}, 200, ""),
        ({"q": "'; DROP TABLE catalog_product; --"}, 200, ""),
        ({"q": "!!! & | :*"}, 200, ""),
        ({"colour": "no such colour"}, 200, ""),
        ({"unknown": "parameter"}, 200, ""),
    ],
)
def test_hostile_input_gets_a_friendly_page_with_the_right_status(client, wardrobe, query, status, named):
    response = browse(client, **query)
    html = response.content.decode()
    assert response.status_code == status
    assert "<h1>" in html
    assert "<script>alert" not in html
    assert f"<strong>{named}</strong>" in html or not named


def test_a_refused_filter_quotes_what_was_received(client):
    assert (
        "<strong>price_min</strong>: Enter a number. (received “a lot”)"
        in browse(client, price_min="a lot").content.decode()
    )


def test_htmx_gets_the_list_alone_and_a_restored_history_the_whole_page(client, wardrobe):
    fragment = client.get("/browse/", {"colour": "red"}, headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()
    assert 'id="browse"' in fragment.content.decode()
    assert "HX-Request" in fragment["Vary"]
    restored = client.get("/browse/", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in restored.content.decode()
    assert "HX-Request" in restored["Vary"]


def test_a_search_is_recorded_only_for_those_who_agreed(client, wardrobe):
    browse(client, q="dress")
    client.post("/privacy/consent/", {"answer": "refuse"})
    browse(client, q="dress")
    assert Event.objects.count() == 0
    client.post("/privacy/consent/", {"answer": "accept"})
    browse(client, q="red dress")
    assert list(Event.objects.values_list("type", "query")) == [("search", "red dress")]


def test_the_number_of_queries_does_not_depend_on_the_size_of_the_page(client):
    ProductFactory.create_batch(2)
    browse(client)
    with CaptureQueriesContext(connection) as few:
        browse(client)
    ProductFactory.create_batch(22, pictures=2, sizes=("S", "M"))
    with CaptureQueriesContext(connection) as many:
        browse(client)
    assert len(many) == len(few)
    assert len(many) <= 12
