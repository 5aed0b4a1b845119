import uuid

import pytest
from django.test import Client

from feedback.models import Event, Visitor
from feedback.selectors import shopper_state
from feedback.web import COOKIE
from tests.factories.catalog import ProductFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def react(client: Client, product, reaction: str, **fields):
    return client.post("/react/", {"product": product.public_id, "reaction": reaction, **fields})


def state_of_only_visitor():
    return shopper_state(Visitor.objects.get())


def test_a_like_makes_a_visitor_with_a_session_cookie_that_scripts_cannot_read(client):
    product = ProductFactory()
    response = react(client, product, "like")
    assert (response.status_code, response["Location"]) == (302, "/")
    cookie = response.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", "")
    assert state_of_only_visitor().liked == {product.pk}


def test_the_same_like_twice_is_an_undo(client):
    product = ProductFactory()
    react(client, product, "like")
    react(client, product, "like")
    assert state_of_only_visitor().liked == frozenset()
    assert sorted(Event.objects.values_list("type", flat=True)) == ["like", "retract"]
    react(client, product, "like")
    assert state_of_only_visitor().liked == {product.pk}


def test_a_dislike_replaces_a_like_and_its_undo_does_not_bring_the_like_back(client):
    product = ProductFactory()
    react(client, product, "like")
    react(client, product, "dislike")
    state = state_of_only_visitor()
    assert (state.liked, state.disliked) == (frozenset(), {product.pk})
    react(client, product, "dislike")
    state = state_of_only_visitor()
    assert (state.liked, state.disliked) == (frozenset(), frozenset())


def test_hiding_stands_beside_a_like_and_can_be_taken_back(client):
    product = ProductFactory()
    react(client, product, "like")
    react(client, product, "hide")
    state = state_of_only_visitor()
    assert (state.liked, state.hidden) == ({product.pk}, {product.pk})
    react(client, product, "hide")
    state = state_of_only_visitor()
    assert (state.liked, state.hidden) == ({product.pk}, frozenset())


def test_a_reaction_remembers_where_the_product_was_shown(client):
    slate = uuid.uuid4()
    react(client, ProductFactory(), "like", slate=str(slate), position="3")
    event = Event.objects.get()
    assert (event.slate, event.position) == (slate, 3)


def test_two_browsers_are_two_visitors(client):
    product = ProductFactory()
    react(client, product, "like")
    react(Client(), product, "like")
    assert Visitor.objects.count() == 2


def test_without_javascript_the_answer_leads_back_and_says_what_happened(client):
    product = ProductFactory(title="Linen shirt")
    response = client.post(
        "/react/", {"product": product.public_id, "reaction": "like", "next": "/browse/?page=1"}, follow=True
    )
    assert response.redirect_chain == [("/browse/?page=1", 302)]
    assert "Liked. Linen shirt" in response.content.decode()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil"])
def test_a_reaction_never_leads_to_another_site(client, target):
    response = react(client, ProductFactory(), "like", next=target)
    assert response["Location"] == "/"


def test_htmx_gets_the_pressed_button_and_an_announcement(client):
    product = ProductFactory()
    response = client.post("/react/", {"product": product.public_id, "reaction": "like", "part": "card"}, headers=HTMX)
    html = response.content.decode()
    assert response.status_code == 200
    assert "<html" not in html
    assert f'id="like-{product.pk}" class="icon-button icon-button--like" type="submit" aria-pressed="true"' in html
    assert 'id="announcer" hx-swap-oob="innerHTML"' in html
    assert "Liked." in html
    assert "HX-Request" in response["Vary"]


def test_htmx_gets_all_three_buttons_on_the_product_page(client):
    product = ProductFactory()
    response = client.post(
        "/react/", {"product": product.public_id, "reaction": "dislike", "part": "panel"}, headers=HTMX
    )
    html = response.content.decode()
    pressed = [
        html.split(f'id="{name}-{product.pk}"')[1].split('aria-pressed="')[1][:4]
        for name in ("like", "dislike", "hide")
    ]
    assert pressed == ["fals", "true", "fals"]


def test_a_hidden_card_makes_way_for_an_undo_that_brings_it_back(client):
    product = ProductFactory(title="Wool coat")
    fields = {"product": product.public_id, "reaction": "hide", "part": "card", "next": "/"}
    hidden = client.post("/react/", fields, headers=HTMX).content.decode()
    assert "Hidden: Wool coat" in hidden
    assert "card__link" not in hidden
    assert "card__link" in client.post("/react/", fields, headers=HTMX).content.decode()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"product": "shop:nothing", "reaction": "like"}, 404),
        ({"product": "nonsense", "reaction": "like"}, 404),
        ({"product": "KNOWN", "reaction": "love"}, 400),
        ({"product": "KNOWN"}, 400),
        ({"reaction": "like"}, 400),
        ({"product": "x" * 10_000, "reaction": "like"}, 400),
        ({"product": "shop:\x00", "reaction": "like"}, 400),
        ({"product": "KNOWN", "reaction": "like", "slate": "not-a-uuid"}, 400),
        ({"product": "KNOWN", "reaction": "like", "position": "-1"}, 400),
    ],
)
def test_a_reaction_that_makes_no_sense_is_refused_and_changes_nothing(client, fields, status):
    product = ProductFactory()
    sent = {name: product.public_id if value == "KNOWN" else value for name, value in fields.items()}
    for headers in ({}, HTMX):
        assert client.post("/react/", sent, headers=headers).status_code == status
    assert (Visitor.objects.count(), Event.objects.count()) == (0, 0)


def test_a_reaction_to_an_archived_product_is_refused(client):
    assert react(client, ProductFactory(status="archived"), "like").status_code == 404
    assert Visitor.objects.count() == 0


def test_a_reaction_without_the_csrf_token_is_refused_with_a_friendly_page():
    strict = Client(enforce_csrf_checks=True)
    response = react(strict, ProductFactory(), "like")
    assert response.status_code == 403
    assert "Please try that again" in response.content.decode()
    assert Event.objects.count() == 0


def test_reacting_needs_a_post(client):
    assert client.get("/react/").status_code == 405


def test_a_forged_cookie_is_nobody(client):
    client.cookies[COOKIE] = f"{uuid.uuid4()}:forged"
    react(client, ProductFactory(), "like")
    assert Visitor.objects.count() == 1


def test_the_likes_page_lists_latest_first_with_what_was_refused_apart(client):
    first, second, refused = ProductFactory(title="First"), ProductFactory(title="Second"), ProductFactory(title="No")
    react(client, first, "like")
    react(client, second, "like")
    react(client, refused, "dislike")
    response = client.get("/likes/")
    assert [product.title for product in response.context["liked"]] == ["Second", "First"]
    assert [product.title for product in response.context["refused"]] == ["No"]


def test_the_likes_page_of_a_stranger_says_how_to_fill_it(client):
    response = client.get("/likes/")
    assert "Nothing here yet" in response.content.decode()
    assert Visitor.objects.count() == 0
