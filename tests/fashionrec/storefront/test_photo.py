"""Searching with a photo, in the shop's pages."""

import io
import re

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from catalog.models import ProductImage
from catalog.services.embeddings import make_live
from fashionrec.storefront.photo_search import SentPhoto, photo_from_token
from tests.factories.catalog import EncoderFactory, ProductEmbeddingFactory, ProductFactory, png_bytes
from tests.fashionrec.storefront.html import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> None:
    vector = np.eye(8, dtype=np.float32)[0]
    monkeypatch.setattr("catalog.search.encode_query_image", lambda image, *, encoder: vector)
    for title, colour, values in (("Tulip dress", "red", (1.0, 0.0)), ("Linen shirt", "blue", (0.6, 0.8))):
        product = ProductFactory(title=title, colour=colour, description="")
        ProductEmbeddingFactory(product=product, kind="image", vector=[*values, *[0.0] * 6])


def photo(content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("mine.png", png_bytes(size=(300, 400)) if content is None else content)


def titles(response) -> list[str]:
    return [item.product.title for item in response.context["items"]]


def test_a_photo_finds_what_resembles_it_and_is_not_stored(client, shop):
    pictures = ProductImage.objects.count()
    response = client.post("/photo/", {"image": photo()})
    assert response.status_code == 200
    assert titles(response) == ["Tulip dress", "Linen shirt"]
    html = response.content.decode()
    assert read(html).broken == []
    assert 'src="data:image/jpeg;base64,' in html
    assert 'width="120" height="160" alt="Your photo"' in html
    assert ProductImage.objects.count() == pictures


def test_words_and_filters_change_without_sending_the_photo_again(client, shop):
    token = client.post("/photo/", {"image": photo()}).context["photo"].token
    response = client.post("/photo/", {"picture": token, "q": "blue", "in_stock": "true", "category": "nowhere"})
    assert response.context["items"] == []
    assert "Nothing fits all of that" in response.content.decode()
    response = client.post("/photo/", {"picture": token, "q": "bleu"})
    assert titles(response) == ["Linen shirt", "Tulip dress"]
    html = response.content.decode()
    assert "Showing results for <strong>blue</strong>" in html
    assert 'name="q" maxlength="200" value="bleu"' in html
    assert titles(client.post("/photo/", {"picture": token, "colour": "red"})) == ["Tulip dress"]


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({}, 400, "Choose a photo first."),
        ({"image": photo(b"nothing at all")}, 422, "not a picture"),
        ({"image": photo(png_bytes(size=(4, 4)))}, 422, "at least 8 pixels"),
        ({"picture": "forged"}, 422, "choose the photo again"),
        ({"image": photo(), "price_min": "9", "price_max": "3"}, 400, "lower than the lowest price"),
        (
            {"image": photo(), "price_min": "cheap"},
            400,
            "<strong>price_min</strong>: Enter a number. (received “cheap”)",
        ),
    ],
)
def test_what_cannot_be_used_is_explained_beside_the_form(client, shop, sent, status, said):
    response = client.post("/photo/", sent)
    assert response.status_code == status
    html = response.content.decode()
    assert said in html
    assert read(html).broken == []
    assert "items" not in response.context


def test_the_earlier_photo_stays_when_another_cannot_be_read(client, shop):
    token = client.post("/photo/", {"image": photo()}).context["photo"].token
    response = client.post("/photo/", {"picture": token, "image": photo(b"nothing")})
    assert response.status_code == 422
    assert response.context["photo"].thumbnail.startswith("data:image/jpeg")
    assert 'name="picture"' in response.content.decode()


def test_what_a_file_says_beside_its_picture_is_not_carried_along(client, shop):
    file = io.BytesIO()
    Image.new("RGB", (300, 400), "red").save(file, "JPEG", comment=b"said " * 12_000)
    token = client.post("/photo/", {"image": photo(file.getvalue())}).context["photo"].token
    assert len(token) < 4_000
    assert titles(client.post("/photo/", {"picture": token})) == ["Tulip dress", "Linen shirt"]


def test_a_photo_that_another_encoder_looked_at_is_asked_for_again(client, shop):
    token = client.post("/photo/", {"image": photo()}).context["photo"].token
    make_live(encoder=EncoderFactory(name="other", is_live=False))
    response = client.post("/photo/", {"picture": token})
    assert response.status_code == 422
    assert "choose the photo again" in response.content.decode()


def test_a_shop_that_cannot_see_says_so(client):
    response = client.post("/photo/", {"image": photo()})
    assert response.status_code == 422
    assert "no image tower" in response.content.decode()


def test_a_body_that_is_too_large_is_refused_unread(client, shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fashionrec.storefront.views.photo.MAX_BYTES", 1000)
    response = client.post("/photo/", {"image": photo(b"x" * 1_200_000)})
    assert response.status_code == 413
    assert "at most 0 MB" in response.content.decode()


def test_the_form_is_protected_and_keeps_what_was_browsed(shop):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/photo/", {"image": photo()}).status_code == 403
    page = strict.get("/photo/?q=striped&gender=women&category=women&in_stock=true").content.decode()
    assert 'value="striped"' in page
    assert '<option value="women" selected>' in page
    assert '<input type="hidden" name="category" value="women">' in page
    assert 'name="in_stock" value="true" checked' in page
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    sent = {"image": photo(), "csrfmiddlewaretoken": token.group(1)}
    assert strict.post("/photo/", sent).status_code == 200


def test_the_search_box_leads_to_it_with_the_filters(client, shop):
    assert 'href="/photo/"' in client.get("/").content.decode()
    assert 'href="/photo/?q=dress&amp;colour=red"' in client.get("/browse/?q=dress&colour=red").content.decode()


def test_what_a_page_hands_back_is_what_it_got():
    sent = SentPhoto(np.linspace(-1, 1, 8, dtype=np.float32), "data:image/jpeg;base64,AAAA", 3, 4)
    back = photo_from_token(sent.token)
    np.testing.assert_allclose(back.vector, sent.vector, atol=1e-3)
    assert (back.thumbnail, back.width, back.height) == (sent.thumbnail, 3, 4)
