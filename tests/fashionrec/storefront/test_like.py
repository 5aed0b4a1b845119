"""More like this, but …, in the shop's pages; and misspelt words on the browse page."""

import pytest

from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.fashionrec.storefront.html import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def blue():
    dresses = CategoryFactory(name="Dresses")
    blank = {"category": dresses, "description": "", "pattern": "plain", "material": ""}
    ProductFactory(title="Tulip dress", colour="red", **blank)
    ProductFactory(title="Fern dress", colour="green", **blank)
    return ProductFactory(title="Sea dress", colour="blue", **blank)


def test_the_product_page_asks_what_should_be_otherwise(client, blue):
    html = client.get(f"/products/{blue.public_id}/").content.decode()
    assert f'action="/like/{blue.public_id}/"' in html
    assert read(html).broken == []


def test_the_list_shows_what_was_asked_for_and_how_it_was_understood(client, blue):
    response = client.get(f"/like/{blue.public_id}/", {"q": "in red, not striped"})
    html = response.content.decode()
    assert [item.product.title for item in response.context["items"]] == ["Tulip dress"]
    assert '<li class="label">colour: red</li>' in html
    assert "but “in red, not striped”" in html
    assert read(html).broken == []
    several = client.get(f"/like/{blue.public_id}/", {"q": "lighter"}).context
    assert several["wanted"] == []  # no lighter colour is sold
    assert client.get(f"/like/{blue.public_id}/", {"q": "not green"}).context["unwanted"] == ["colour: not green"]


def test_nothing_asked_leads_back_and_nothing_found_says_so(client, blue):
    assert client.get(f"/like/{blue.public_id}/")["Location"] == f"/products/{blue.public_id}/"
    html = client.get(f"/like/{blue.public_id}/", {"q": "<b>nice</b> & green, not plain"}).content.decode()
    assert "Nothing is like that" in html
    assert "&lt;b&gt;nice&lt;/b&gt; &amp; green" in html
    assert client.get("/like/shop:nothing/", {"q": "red"}).status_code == 404
    assert client.get("/like/shop:%00/", {"q": "red"}).status_code == 404
    assert client.get(f"/like/{blue.public_id}/", {"q": "x" * 201}).status_code == 400


def test_misspelt_words_are_corrected_with_a_way_back(client, blue):
    response = client.get("/browse/", {"q": "tulpi dress", "colour": "red"})
    listing = response.context["listing"]
    assert [product.title for product in listing.page] == ["Tulip dress"]
    assert (listing.typed, listing.filters.search, listing.title) == ("tulpi dress", "tulip dress", "“tulip dress”")
    assert listing.verbatim == "/browse/?q=tulpi+dress&colour=red&verbatim=true"
    html = response.content.decode()
    assert "Showing results for <strong>tulip dress</strong>" in html
    assert '<input type="hidden" name="q" value="tulip dress">' in html
    assert response.context["facets"]["colours"] == [{"value": "red", "count": 1}]
    exactly = client.get(listing.verbatim)
    assert exactly.context["listing"].page is None
    assert "Showing results for" not in exactly.content.decode()
    assert '<input type="hidden" name="verbatim" value="true">' in exactly.content.decode()
    assert "Showing results for" not in client.get("/browse/?q=tulip").content.decode()
