import json

import pytest
from django.test import Client

from fashionrec.common.models import AuditEntry
from fashionrec.storefront.context import CONSENT_WORDING
from feedback.models import Consent, Event, Visitor
from feedback.services.visitors import set_consent
from feedback.web import COOKIE, ONE_YEAR
from tests.factories.catalog import ProductFactory

pytestmark = pytest.mark.django_db
BANNER = 'id="consent"'


def answer(client: Client, value: str, **headers: str):
    return client.post("/privacy/consent/", {"answer": value, "next": "/about/"}, headers=headers)


def test_a_stranger_is_asked_with_two_equal_buttons(client):
    html = client.get("/about/").content.decode()
    assert BANNER in html
    assert html.count('class="button button--equal" name="answer"') == 2


def test_accepting_is_remembered_for_a_year(client):
    response = answer(client, "accept")
    assert (response.status_code, response["Location"]) == (302, "/about/")
    assert response.cookies[COOKIE]["max-age"] == ONE_YEAR
    assert Visitor.objects.get().consented
    assert list(Consent.objects.values_list("granted", "wording")) == [(True, CONSENT_WORDING)]
    assert BANNER not in client.get("/about/").content.decode()


def test_refusing_ends_the_question_and_the_cookie_ends_with_the_visit(client):
    response = answer(client, "refuse")
    assert response.cookies[COOKIE]["max-age"] == ""
    assert not Visitor.objects.get().consented
    assert BANNER not in client.get("/about/").content.decode()


def test_whoever_changes_their_mind_is_believed(client):
    answer(client, "accept")
    response = answer(client, "refuse")
    assert response.cookies[COOKIE]["max-age"] == ""
    assert not Visitor.objects.get().consented
    assert list(Consent.objects.order_by("pk").values_list("granted", flat=True)) == [True, False]
    assert "You refused to be remembered" in client.get("/privacy/").content.decode()


def test_a_like_is_no_consent_and_the_question_stays(client):
    client.post("/react/", {"product": ProductFactory().public_id, "reaction": "like"})
    assert not Visitor.objects.get().consented
    assert BANNER in client.get("/about/").content.decode()


def test_a_new_wording_is_asked_anew(client):
    answer(client, "accept")
    Consent.objects.update(wording="an older one")
    assert BANNER in client.get("/about/").content.decode()


def test_htmx_removes_the_banner_and_says_so(client):
    html = answer(client, "accept", **{"HX-Request": "true"}).content.decode()
    assert BANNER not in html
    assert "Thank you" in html


@pytest.mark.parametrize("value", ["", "maybe", "x" * 10_000])
def test_another_answer_is_refused_and_makes_nobody(client, value):
    assert answer(client, value).status_code == 400
    assert Visitor.objects.count() == 0


def test_the_export_holds_what_the_visitor_did(client):
    product = ProductFactory()
    client.post("/react/", {"product": product.public_id, "reaction": "like"})
    response = client.get("/privacy/export/")
    data = json.loads(response.content)
    assert response["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert [(event["type"], event["product"]) for event in data["events"]] == [("like", product.public_id)]


def test_a_stranger_exports_nothing_and_becomes_nobody(client):
    assert json.loads(client.get("/privacy/export/").content) == {"visitor": None}
    assert Visitor.objects.count() == 0


def test_nobody_exports_another_browser(client):
    client.post("/react/", {"product": ProductFactory().public_id, "reaction": "like"})
    assert json.loads(Client().get("/privacy/export/").content) == {"visitor": None}


def test_deleting_forgets_this_browser_only_and_leaves_an_audit_entry(client):
    product, other = ProductFactory(), Client()
    for browser in (client, other):
        browser.post("/react/", {"product": product.public_id, "reaction": "like"})
    response = client.post("/privacy/erase/", follow=True)
    assert "Deleted. We know nothing about you any more." in response.content.decode()
    assert response.wsgi_request.COOKIES.get(COOKIE, "") == ""
    assert (Visitor.objects.count(), Event.objects.count()) == (1, 1)
    assert AuditEntry.objects.get().action == "visitor.erase"


def test_deleting_nothing_says_so(client):
    response = client.post("/privacy/erase/", follow=True)
    assert "There is nothing to delete" in response.content.decode()


@pytest.mark.parametrize("address", ["/privacy/erase/", "/privacy/consent/"])
def test_changes_need_a_post_with_a_token(client, address):
    set_consent(visitor=Visitor.objects.create(external_id="x"), granted=True, wording="1")
    assert client.get(address).status_code == 405
    assert Client(enforce_csrf_checks=True).post(address, {"answer": "accept"}).status_code == 403
    assert Visitor.objects.count() == 1
