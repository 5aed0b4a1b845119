"""Consent, export, erasure: what is stored about a shopper, and for whom."""

import uuid

import pytest
from django.db import connection

from fashionrec.common.errors import Invalid
from feedback.models import Consent, Event, Slate, Visitor
from feedback.selectors import export_visitor, shopper_state
from feedback.services.erasure import erase_visitor
from feedback.services.events import record_event, retract_event
from feedback.services.slates import log_slate
from feedback.services.visitors import new_browser_visitor, set_consent, state_preferences
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory

pytestmark = pytest.mark.django_db


def slate_of(visitor, **fields):
    arrays = {"products": [1, 2], "sources": ["new", "new"], "scores": [0.2, 0.1], "propensities": [1.0, 1.0]}
    return log_slate(
        visitor=visitor, placement="home", model="fallback", rules={}, context={}, seed=0, slate_id=uuid.uuid4(),
        **{**arrays, **fields},
    )  # fmt: skip


def test_a_slate_is_tied_to_its_visitor_only_with_consent():
    assert slate_of(VisitorFactory(consented=False)).visitor is None
    assert slate_of(None).visitor is None
    consenting = VisitorFactory(consented=True)
    assert slate_of(consenting).visitor == consenting


def test_a_slate_whose_arrays_differ_in_length_is_refused():
    with pytest.raises(ValueError, match=r"differ in length: \[1, 2\]"):
        slate_of(None, scores=[0.2])
    assert not Slate.objects.exists()


def test_consent_is_a_trail_of_which_the_latest_counts_and_refusing_unties_slates():
    visitor, other = VisitorFactory(), VisitorFactory(consented=True)
    set_consent(visitor=visitor, granted=True, wording="2026-05")
    assert visitor.consented
    slates = [slate_of(visitor), slate_of(other)]
    set_consent(visitor=visitor, granted=False, wording="2026-05")
    visitor.refresh_from_db()
    assert not visitor.consented
    assert list(Consent.objects.values_list("granted", "wording")) == [(False, "2026-05"), (True, "2026-05")]
    assert list(Slate.objects.order_by("created_at").values_list("pk", "visitor")) == [
        (slates[0].pk, None),
        (slates[1].pk, other.pk),
    ]


def test_a_new_browsers_visitor_is_called_by_its_own_id_and_has_not_consented():
    made, other = new_browser_visitor(), new_browser_visitor()
    assert (made.source, made.external_id, made.consented) == ("web", str(made.pk), False)
    assert other.pk != made.pk


def test_an_export_holds_everything_and_nothing_of_others():
    visitor, product = VisitorFactory(), ProductFactory(external_id="42")
    set_consent(visitor=visitor, granted=True, wording="2026-05")
    like = record_event(visitor=visitor, type="like", product=product)
    retract_event(visitor=visitor, event_id=like.event_id)
    record_event(visitor=visitor, type="search", query="red dress")
    gone = product.pk + 1000
    slate = slate_of(visitor, products=[product.pk, gone])
    EventFactory()
    exported = export_visitor(visitor)
    assert (exported["visitor"], exported["source"]) == (visitor.external_id, "web")
    assert [(e["type"], e["product"], e["retracted"]) for e in exported["events"]] == [
        ("like", "shop:42", True),
        ("retract", "shop:42", False),
        ("search", None, False),
    ]
    assert exported["events"][2]["query"] == "red dress"
    assert [(c["granted"], c["wording"]) for c in exported["consents"]] == [(True, "2026-05")]
    assert [(s["slate"], s["products"]) for s in exported["slates"]] == [(str(slate.pk), ["shop:42"])]
    assert (exported["persona"], exported["provenance"]) == ("", "human")


def test_erasing_counts_what_it_deletes_and_leaves_others_and_slates_of_nobody():
    visitor, other = VisitorFactory(), VisitorFactory(consented=True)
    set_consent(visitor=visitor, granted=True, wording="2026-05")
    EventFactory.create_batch(3, visitor=visitor)
    EventFactory(visitor=other)
    slates = [slate_of(visitor), slate_of(visitor), slate_of(other)]
    assert erase_visitor(visitor=Visitor.objects.get(pk=visitor.pk)) == {
        "slates_untied": 2,
        "events": 3,
        "consents": 1,
        "visitors": 1,
    }
    assert list(Visitor.objects.all()) == [other]
    assert [event.visitor for event in Event.objects.all()] == [other]
    assert not Consent.objects.exists()
    assert dict(Slate.objects.values_list("pk", "visitor")) == {
        slates[0].pk: None,
        slates[1].pk: None,
        slates[2].pk: other.pk,
    }


def test_recording_the_same_event_again_returns_the_first_and_an_unknown_type_is_refused():
    visitor, product = VisitorFactory(), ProductFactory()
    event_id = uuid.uuid4()
    first = record_event(visitor=visitor, type="click", product=product, event_id=event_id, position=2)
    assert record_event(visitor=visitor, type="like", product=product, event_id=event_id) == first
    assert (Event.objects.get().type, Event.objects.get().position) == ("click", 2)
    with pytest.raises(Invalid, match="type: expected one of view"):
        record_event(visitor=visitor, type="purr", product=product)


def test_every_event_carries_the_transaction_that_wrote_it():
    EventFactory()
    with connection.cursor() as cursor:
        cursor.execute("SELECT transaction_id = pg_current_xact_id() FROM feedback_event")
        assert cursor.fetchall() == [(True,)]


def test_what_a_visitor_states_is_kept_clean_exported_and_served_and_goes_with_them():
    visitor = VisitorFactory(persona="ada")
    state_preferences(visitor=visitor, text=" cafe\u0301-brown\x00 linen\n")
    stored = Visitor.objects.get()
    assert visitor.preferences == stored.preferences == "caf\u00e9-brown linen"
    assert export_visitor(stored)["stated_preferences"] == "caf\u00e9-brown linen"
    state = shopper_state(stored)
    assert (state.preferences, state.persona) == ("caf\u00e9-brown linen", "ada")
    erase_visitor(visitor=stored)
    assert not Visitor.objects.exists()


def test_statements_of_more_than_500_characters_are_refused_and_the_earlier_one_stays():
    visitor = VisitorFactory(preferences="denim")
    with pytest.raises(Invalid, match="preferences: at most 500 characters"):
        state_preferences(visitor=visitor, text="x" * 501)
    visitor.refresh_from_db()
    assert visitor.preferences == "denim"
    state_preferences(visitor=visitor, text=" " * 600)
    visitor.refresh_from_db()
    assert visitor.preferences == ""
