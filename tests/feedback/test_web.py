"""The visitor cookie: signed, for the session until the visitor consents, then for a year."""

import pytest
from django.core import signing
from django.http import HttpResponse
from django.test import RequestFactory

from feedback.models import Visitor
from feedback.web import COOKIE, ONE_YEAR, remember_visitor, visitor_from_request, visitor_token
from tests.factories.feedback import VisitorFactory

pytestmark = pytest.mark.django_db


def request_with(value=None):
    request = RequestFactory().get("/")
    if value is not None:
        request.COOKIES[COOKIE] = value
    return request


def cookie_for(visitor):
    response = HttpResponse()
    remember_visitor(request_with(), response, visitor)
    return response.cookies[COOKIE]


def test_the_cookie_brings_the_visitor_back():
    visitor = VisitorFactory()
    request = request_with(cookie_for(visitor).value)
    assert visitor_token(request) == visitor.pk
    assert visitor_from_request(request) == visitor


def test_without_consent_it_ends_with_the_session_and_with_consent_after_a_year():
    assert cookie_for(VisitorFactory(consented=False))["max-age"] == ""
    assert cookie_for(VisitorFactory(consented=False))["expires"] == ""
    assert cookie_for(VisitorFactory(consented=True))["max-age"] == ONE_YEAR == 31_536_000


def test_no_script_reads_it_and_no_other_site_sends_it(settings):
    cookie = cookie_for(VisitorFactory())
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", "")
    settings.SESSION_COOKIE_SECURE = True
    assert cookie_for(VisitorFactory())["secure"] is True


def test_a_cookie_that_was_tampered_with_is_ignored():
    visitor, other = VisitorFactory(), VisitorFactory()
    value = cookie_for(visitor).value
    forged = value.replace(str(visitor.pk), str(other.pk))
    assert forged != value
    unsigned = str(other.pk)
    of_another_purpose = signing.get_cookie_signer(salt="elsewhere").sign(str(other.pk))
    no_uuid = signing.get_cookie_signer(salt=COOKIE + "feedback.visitor").sign("admin")
    altered = value[:-1] + ("A" if value[-1] != "A" else "B")
    for bad in (forged, unsigned, altered, of_another_purpose, no_uuid, "", ":"):
        assert visitor_token(request_with(bad)) is None
        assert visitor_from_request(request_with(bad)) is None


def test_a_visitor_is_made_only_when_a_shopper_acts():
    assert visitor_from_request(request_with()) is None
    assert Visitor.objects.count() == 0
    made = visitor_from_request(request_with(), create=True)
    assert (made.source, made.consented) == ("web", False)


def test_the_cookie_of_an_erased_visitor_names_nobody_and_is_not_revived():
    visitor = VisitorFactory()
    request = request_with(cookie_for(visitor).value)
    Visitor.objects.all().delete()
    assert visitor_from_request(request) is None
    assert visitor_from_request(request, create=True).pk != visitor.pk


def test_a_cookie_cannot_name_the_visitor_of_an_api_client():
    client = VisitorFactory(source="partner")
    assert visitor_from_request(request_with(cookie_for(client).value)) is None
