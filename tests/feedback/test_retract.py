"""Taking back: a retract undoes one earlier event of the same visitor."""

import uuid

import pytest

from feedback.models import Event
from feedback.selectors import shopper_state
from feedback.services.events import record_events, retract_event
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def like():
    return EventFactory(type="like", visitor__source="partner", visitor__external_id="anna")


def retract(visitor="anna", **fields):
    return record_events(events=[{"type": "retract", "visitor": visitor, **fields}], source="partner").as_dict()


def liked(event):
    return shopper_state(event.visitor).liked


def test_a_retract_names_the_earlier_event_by_its_event_id(like):
    assert liked(like) == {like.product_id}
    assert retract(event_id=str(like.event_id)) == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert liked(like) == frozenset()
    like.refresh_from_db()
    assert like.retracted_by == Event.objects.get(type="retract").event_id
    assert Event.objects.get(type="retract").product_id == like.product_id
    assert retract(event_id=str(like.event_id)) == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert Event.objects.count() == 2


def test_a_retract_with_an_id_of_its_own_names_the_earlier_event_in_retracts(like):
    own = str(uuid.uuid4())
    assert retract(event_id=own, retracts=str(like.event_id))["accepted"] == 1
    like.refresh_from_db()
    assert str(like.retracted_by) == own
    assert retract(event_id=own, retracts=str(like.event_id))["duplicates"] == 1
    again = retract(event_id=str(uuid.uuid4()), retracts=str(like.event_id))
    assert again["rejected"][0]["reason"] == "no such event of this visitor to undo"


def test_like_then_retract_then_like_again_is_liked(like):
    retract(event_id=str(like.event_id))
    EventFactory(type="like", visitor=like.visitor, product=like.product)
    assert liked(like) == {like.product_id}


def test_an_event_and_its_retract_may_come_in_one_batch():
    product = ProductFactory()
    sent = {"event_id": str(uuid.uuid4()), "type": "like", "visitor": "anna", "product": product.public_id}
    undo = {"event_id": sent["event_id"], "type": "retract", "visitor": "anna"}
    assert record_events(events=[undo, sent], source="partner").as_dict() == {
        "accepted": 2,
        "duplicates": 0,
        "rejected": [],
    }
    assert liked(Event.objects.get(type="like")) == frozenset()


def test_nobody_undoes_what_another_visitor_did(like):
    stranger = VisitorFactory(source="partner", external_id="berta")
    result = retract(visitor="berta", event_id=str(like.event_id))
    assert result["accepted"] == 0
    assert result["rejected"] == [
        {
            "index": 0,
            "field": "event_id",
            "value": str(like.event_id),
            "reason": "no such event of this visitor to undo",
        }
    ]
    assert retract_event(visitor=stranger, event_id=like.event_id) is None
    like.refresh_from_db()
    assert like.retracted_by is None
    assert liked(like) == {like.product_id}


def test_what_never_happened_and_a_retract_itself_cannot_be_undone(like):
    assert retract(event_id=str(uuid.uuid4()))["accepted"] == 0
    undone = retract_event(visitor=like.visitor, event_id=like.event_id)
    assert retract_event(visitor=like.visitor, event_id=undone.event_id) is None
    assert retract_event(visitor=like.visitor, event_id=like.event_id) is None
    assert Event.objects.count() == 2
