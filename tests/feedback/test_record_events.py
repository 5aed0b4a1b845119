"""Batches of events: each stands or falls alone, and none counts twice."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from fashionrec.common.errors import Invalid
from feedback.models import Event, Visitor
from feedback.services.events import MAX_BATCH, record_events
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import VisitorFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def product():
    return ProductFactory(external_id="42", pictures=0)


def event(**fields):
    return {"event_id": str(uuid.uuid4()), "type": "view", "visitor": "anna", "product": "shop:42", **fields}


def record(*events, source="partner", **options):
    return record_events(events=list(events), source=source, **options).as_dict()


VALUES = {"dwell": 12.5, "rate": 8}


@pytest.mark.parametrize("event_type", [value for value in Event.Type.values if value not in ("search", "retract")])
def test_an_event_of_every_type_is_kept_as_it_was_sent(product, event_type):
    sent = event(
        type=event_type,
        value=VALUES.get(event_type),
        occurred_at="2026-05-01T12:00:00+02:00",
        slate=str(uuid.uuid4()),
        position=3,
    )
    assert record(sent) == {"accepted": 1, "duplicates": 0, "rejected": []}
    stored = Event.objects.get()
    assert (str(stored.event_id), stored.type, stored.product) == (sent["event_id"], event_type, product)
    assert (stored.value, stored.position) == (VALUES.get(event_type), 3)
    assert stored.occurred_at.isoformat() == "2026-05-01T10:00:00+00:00"
    assert str(stored.slate) == sent["slate"]
    assert (stored.visitor.source, stored.visitor.external_id, stored.provenance) == ("partner", "anna", "human")


def test_a_search_needs_no_product():
    assert record(event(type="search", product=None, query="red dress"))["accepted"] == 1
    assert (Event.objects.get().query, Event.objects.get().product) == ("red dress", None)


REJECTED = [
    ({"event_id": None}, "event_id", None, "expected a UUID"),
    ({"event_id": "7"}, "event_id", "7", "expected a UUID"),
    ({"type": "purr"}, "type", "purr", "expected one of view, click"),
    ({"type": ["view"]}, "type", ["view"], "expected one of view, click"),
    ({"visitor": None}, "visitor", None, "expected 1 to 200 characters"),
    ({"visitor": ""}, "visitor", "", "expected 1 to 200 characters"),
    ({"visitor": "a\x00"}, "visitor", "a\x00", "expected 1 to 200 characters"),
    ({"visitor": 7}, "visitor", 7, "expected 1 to 200 characters"),
    ({"product": None}, "product", None, "a view needs a product"),
    ({"product": 42}, "product", 42, "expected a product id"),
    ({"product": "shop:43"}, "product", "shop:43", "unknown product"),
    ({"product": "42"}, "product", "42", "unknown product"),
    ({"type": "rate"}, "value", None, "a rating is −1 or 1 to 10"),
    ({"type": "rate", "value": 0}, "value", 0.0, "a rating is −1 or 1 to 10"),
    ({"type": "rate", "value": -0.5}, "value", -0.5, "a rating is −1 or 1 to 10"),
    ({"type": "rate", "value": 11}, "value", 11.0, "a rating is −1 or 1 to 10"),
    ({"type": "dwell"}, "value", None, "a dwell is a number of seconds"),
    ({"type": "dwell", "value": -1}, "value", -1.0, "a dwell is a number of seconds"),
    ({"value": "many"}, "value", "many", "expected a finite number"),
    ({"value": True}, "value", True, "expected a finite number"),
    ({"value": float("inf")}, "value", float("inf"), "expected a finite number"),
    ({"value": 10**400}, "value", 10**400, "expected a finite number"),
    ({"query": "x" * 201}, "query", "x" * 200 + "…", "at most 200 characters"),
    ({"query": 7}, "query", 7, "at most 200 characters"),
    ({"occurred_at": "yesterday"}, "occurred_at", "yesterday", "expected RFC 3339"),
    ({"occurred_at": "2026-05-01T12:00:00"}, "occurred_at", "2026-05-01T12:00:00", "with a time zone"),
    ({"occurred_at": "2026-02-30T12:00:00Z"}, "occurred_at", "2026-02-30T12:00:00Z", "expected RFC 3339"),
    ({"occurred_at": 1_700_000_000}, "occurred_at", 1_700_000_000, "expected RFC 3339"),
    ({"occurred_at": "9999-12-31T23:59:59-23:59"}, "occurred_at", "9999-12-31T23:59:59-23:59", "in the future"),
    ({"occurred_at": "0001-01-01T00:00:00+23:59"}, "occurred_at", "0001-01-01T00:00:00+23:59", "ten years back"),
    ({"slate": "none"}, "slate", "none", "expected a UUID"),
    ({"position": -1}, "position", -1, "expected an integer from 0"),
    ({"position": 40_000}, "position", 40_000, "expected an integer from 0"),
    ({"position": 1.5}, "position", 1.5, "expected an integer from 0"),
    ({"colour": "red"}, "colour", "red", "unknown field"),
    ({"type": "retract", "retracts": "x"}, "retracts", "x", "expected a UUID"),
]


@pytest.mark.parametrize(("change", "field", "value", "reason"), REJECTED)
def test_a_bad_event_is_rejected_by_field_value_and_reason_and_the_good_ones_around_it_are_kept(
    product, change, field, value, reason
):
    good = [event(), event(visitor="berta")]
    result = record(good[0], event(**change), good[1])
    (rejected,) = result.pop("rejected")
    assert result == {"accepted": 2, "duplicates": 0}
    assert (rejected["index"], rejected["field"], rejected["value"]) == (1, field, value)
    assert reason in rejected["reason"]
    assert {str(stored) for stored in Event.objects.values_list("event_id", flat=True)} == {
        sent["event_id"] for sent in good
    }


@pytest.mark.parametrize("raw", ["view", None, 7, ["view"]])
def test_something_that_is_no_event_is_rejected_as_a_whole(product, raw):
    result = record(raw, event())
    assert result["accepted"] == 1
    assert result["rejected"] == [{"index": 0, "field": "event", "value": raw, "reason": "expected an object"}]


def test_rejections_come_in_the_order_of_the_batch(product):
    result = record(event(product="shop:0"), event(type="purr"), event(product="shop:1"))
    assert [rejected["index"] for rejected in result["rejected"]] == [0, 1, 2]


def test_an_event_counts_once_within_a_batch_and_across_batches(product):
    sent = event()
    assert record(sent, sent, {**sent, "type": "like"}) == {"accepted": 1, "duplicates": 2, "rejected": []}
    assert record(sent, event()) == {"accepted": 1, "duplicates": 1, "rejected": []}
    assert Event.objects.count() == 2
    assert Event.objects.get(event_id=sent["event_id"]).type == "view"


def test_a_clock_may_run_ahead_a_little(product):
    ahead = (timezone.now() + timedelta(minutes=9)).isoformat()
    assert record(event(occurred_at=ahead))["accepted"] == 1


def test_too_large_a_batch_is_refused_as_a_whole(product):
    with pytest.raises(Invalid, match="at most 1000 events"):
        record_events(events=[event()] * (MAX_BATCH + 1), source="partner")
    assert not Event.objects.exists()


def test_a_large_batch_takes_a_few_queries(product, django_assert_max_num_queries):
    batch = [event(visitor=f"v{n % 50}") for n in range(500)]
    with django_assert_max_num_queries(10):
        assert record(*batch)["accepted"] == 500
    assert Visitor.objects.count() == 50


def test_a_name_means_a_visitor_of_the_keys_source_only(product):
    record(event(), source="partner")
    record(event(), source="other")
    assert set(Visitor.objects.values_list("source", "external_id", "consented")) == {
        ("partner", "anna", True),
        ("other", "anna", True),
    }


def test_a_browser_speaks_for_itself_and_for_nobody_else(product):
    own, other = VisitorFactory(), VisitorFactory()
    unnamed = event()
    del unnamed["visitor"]
    result = record(unnamed, event(visitor=str(own.pk)), event(visitor=str(other.pk)), source=None, visitor=own)
    assert result["accepted"] == 2
    assert result["rejected"] == [{"index": 2, "field": "visitor", "value": str(other.pk), "reason": "unknown visitor"}]
    assert set(Event.objects.values_list("visitor", flat=True)) == {own.pk}


def test_events_of_simulated_visitors_say_so(product):
    VisitorFactory(source="partner", external_id="anna", provenance="simulated")
    record(event())
    assert Event.objects.get().provenance == "simulated"


@pytest.mark.django_db(transaction=True)
def test_two_requests_with_the_same_events_at_once_store_each_once():
    ProductFactory(external_id="42", pictures=0)
    batch = [event(visitor=f"v{n}") for n in range(40)]
    start = threading.Barrier(2, timeout=20)
    results = []

    def send():
        try:
            start.wait()
            results.append(record(*batch))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == 2
    assert all(result["rejected"] == [] for result in results)
    assert sum(result["accepted"] for result in results) == 40
    assert sum(result["duplicates"] for result in results) == 40
    assert Event.objects.count() == 40
    assert Visitor.objects.count() == 40


def test_a_rejected_event_makes_nobody_known(product):
    result = record(event(visitor="ghost", product="shop:unknown"), event(visitor="anna"))
    assert (result["accepted"], len(result["rejected"])) == (1, 1)
    assert list(Visitor.objects.values_list("external_id", flat=True)) == ["anna"]


@pytest.mark.django_db(transaction=True)
def test_batches_in_any_order_wait_for_each_other_instead_of_failing(product):
    events = [event(visitor=f"v{n % 7}") for n in range(200)]
    undone = [{"event_id": sent["event_id"], "type": "retract", "visitor": sent["visitor"]} for sent in events]
    results, start = [], threading.Barrier(4, timeout=20)

    def send(backwards):
        try:
            for batch in (events, undone):
                start.wait()
                results.append(record(*(batch[::-1] if backwards else batch)))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(number % 2,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [result["rejected"] for result in results] == [[]] * 8
    assert sum(result["accepted"] for result in results) == 400
    assert sum(result["duplicates"] for result in results) == 3 * 400
    assert Event.objects.filter(type="view", retracted_by__isnull=False).count() == 200
