import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from feedback.models import Event
from feedback.selectors import LONGEST_HISTORY, ShopperState, shopper_state
from feedback.services.events import retract_event
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor():
    return VisitorFactory()


@pytest.fixture
def did(visitor):
    """`did("like", product)`: one event after the other, a minute apart."""
    began = timezone.now() - timedelta(days=1)
    count = iter(range(10_000))

    def do(event_type, product):
        moment = began + timedelta(minutes=next(count))
        return EventFactory(visitor=visitor, type=event_type, product=product, occurred_at=moment)

    return do


def test_an_unknown_visitor_costs_no_query_and_a_known_one_a_single_query(visitor, did, django_assert_num_queries):
    for event_type in ("view", "like", "hide", "purchase"):
        did(event_type, ProductFactory(pictures=0))
    with django_assert_num_queries(0):
        assert shopper_state(None) == ShopperState()
    with django_assert_num_queries(1):
        assert len(shopper_state(visitor).history) == 3


def test_the_history_runs_from_the_oldest_to_the_newest_with_each_product_at_its_latest_time(visitor, did):
    a, b, c = (ProductFactory(pictures=0) for _ in range(3))
    for event_type, product in (("view", a), ("like", b), ("click", c), ("basket_add", a), ("view", b)):
        did(event_type, product)
    assert shopper_state(visitor).history == [c.pk, a.pk, b.pk]


def test_likes_dislikes_hides_and_purchases_are_what_they_last_said(visitor, did):
    changed, liked, disliked, hidden, bought = (ProductFactory(pictures=0) for _ in range(5))
    for event_type, product in (
        ("like", disliked), ("dislike", changed), ("like", changed), ("like", liked), ("dislike", disliked),
        ("hide", hidden), ("purchase", bought), ("dwell", hidden), ("search", None), ("basket_remove", bought),
    ):  # fmt: skip
        did(event_type, product)
    state = shopper_state(visitor)
    assert (state.liked, state.liked_in_order) == ({changed.pk, liked.pk}, (changed.pk, liked.pk))
    assert (state.disliked, state.hidden, state.purchased) == ({disliked.pk}, {hidden.pk}, {bought.pk})
    assert state.history == [changed.pk, liked.pk, bought.pk]  # what is disliked now is no taste


def test_what_was_taken_back_and_what_others_did_does_not_count(visitor, did):
    product = ProductFactory()
    like = did("like", product)
    EventFactory(type="like", product=ProductFactory())
    retract_event(visitor=visitor, event_id=like.event_id)
    assert shopper_state(visitor) == ShopperState()


def test_the_history_keeps_the_latest_products_and_an_opinion_is_never_forgotten(visitor, did):
    hidden, liked = ProductFactory(pictures=0), ProductFactory(pictures=0)
    did("hide", hidden)
    did("like", liked)
    products = ProductFactory.create_batch(LONGEST_HISTORY + 5, pictures=0, sizes=())
    now, views = timezone.now(), enumerate(products * 20)
    Event.objects.bulk_create(
        Event(
            event_id=uuid.uuid4(), visitor=visitor, type="view", product=product, occurred_at=now + timedelta(seconds=n)
        )
        for n, product in views
    )
    state = shopper_state(visitor)
    assert state.history == [product.pk for product in products[-LONGEST_HISTORY:]]
    assert state.hidden == {hidden.pk}
    assert state.liked == {liked.pk}
