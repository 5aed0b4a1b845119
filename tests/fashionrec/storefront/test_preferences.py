"""What a shopper likes, in their own words."""

import pytest

from feedback.models import Visitor
from tests.fashionrec.storefront.html import read

pytestmark = pytest.mark.django_db


def state(client, text, **data):
    return client.post("/style/words/", {"preferences": text, **data})


@pytest.mark.parametrize("path", ["/style/", "/likes/"])
def test_the_form_stands_where_likes_are_and_shows_what_was_said(client, path):
    html = client.get(path).content.decode()
    assert html.count('<textarea id="preferences" name="preferences"') == 1
    assert not Visitor.objects.exists()  # looking makes nobody known
    state(client, "<b>linen</b> & navy")
    html = client.get(path).content.decode()
    assert "&lt;b&gt;linen&lt;/b&gt; &amp; navy</textarea>" in html
    assert read(html).broken == []
    assert "<script>" not in html


def test_words_are_kept_without_consent_and_an_empty_text_takes_them_back(client):
    response = state(client, "  navy \n linen ", next="/likes/")
    assert (response.status_code, response["Location"]) == (302, "/likes/")
    visitor = Visitor.objects.get()
    assert (visitor.preferences, visitor.consented) == ("navy   linen", False)
    assert state(client, "")["Location"] == "/"
    visitor.refresh_from_db()
    assert visitor.preferences == ""
    assert client.get("/likes/").content.decode().count("Taken back.") == 1


def test_words_that_are_too_long_are_refused_by_length_and_change_nothing(client):
    assert state(client, "x" * 500).status_code == 302
    response = state(client, "y" * 501)
    assert response.status_code == 400
    assert "at most 500 characters" in response.content.decode()
    assert Visitor.objects.get().preferences == "x" * 500


def test_the_end_of_a_line_counts_once_as_in_the_browser_that_sends_two_characters(client):
    assert state(client, "a\r\n" * 249 + "bb").status_code == 302  # 500 as the browser counts
    assert Visitor.objects.get().preferences == "a " * 249 + "bb"
    assert state(client, "a\r\n" * 250 + "b").status_code == 400


def test_a_null_character_is_refused_and_other_control_characters_are_dropped(client):
    response = state(client, "na\x00vy")
    assert response.status_code == 400
    assert "Null characters are not allowed." in response.content.decode()
    assert not Visitor.objects.exists()
    assert state(client, "na\x07vy\u202e").status_code == 302
    assert Visitor.objects.get().preferences == "navy"


def test_words_are_only_taken_by_post(client):
    assert client.get("/style/words/").status_code == 405
    assert not Visitor.objects.exists()
