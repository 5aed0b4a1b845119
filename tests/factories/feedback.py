"""Shoppers and what they did."""

import uuid

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from feedback.models import Event, Visitor


class VisitorFactory(DjangoModelFactory[Visitor]):
    """A browser's visitor; `consented=True` for one who accepted."""

    class Meta:
        model = Visitor

    source = Visitor.WEB
    external_id = factory.LazyFunction(lambda: str(uuid.uuid4()))
    consented = False


class EventFactory(DjangoModelFactory[Event]):
    """One event, now; `type="like"`, `product=…`, `visitor=…` as needed."""

    class Meta:
        model = Event

    event_id = factory.LazyFunction(uuid.uuid4)
    type = Event.Type.VIEW
    visitor = factory.SubFactory(VisitorFactory)
    product = factory.SubFactory("tests.factories.catalog.ProductFactory")
    occurred_at = factory.LazyFunction(timezone.now)
