"""Like, dislike and hide as a shopper knows them: press again to take it back."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import transaction

from catalog.models import Product
from feedback.models import Event, Visitor
from feedback.selectors import standing_events
from feedback.services.events import record_event, record_events, retract_event

OPINIONS = (Event.Type.LIKE, Event.Type.DISLIKE)
"""A product has one of these at most; hiding stands beside them."""

SAID = {
    Event.Type.LIKE: ("Liked.", "Like taken back."),
    Event.Type.DISLIKE: ("Noted: not your style.", "Dislike taken back."),
    Event.Type.HIDE: ("Hidden: we will not suggest it again.", "Shown again."),
}


@dataclass(frozen=True)
class Reaction:
    type: str
    stands: bool
    """False when pressing it took an earlier one back."""

    @property
    def message(self) -> str:
        return SAID[Event.Type(self.type)][0 if self.stands else 1]


@transaction.atomic
def react(
    *, visitor: Visitor, product: Product, type: str, slate: UUID | None = None, position: int | None = None
) -> Reaction:
    """Record a like, dislike or hide; the same one twice is an undo.

    A like replaces a dislike and the other way round. `slate` and `position` say where the product was shown.
    """
    replaced = OPINIONS if type in OPINIONS else (type,)
    standing = list(standing_events(visitor).filter(product=product, type__in=replaced).order_by("-occurred_at", "-pk"))
    for event in standing:
        retract_event(visitor=visitor, event_id=event.event_id)
    if standing and standing[0].type == type:
        return Reaction(type, stands=False)
    record_event(visitor=visitor, type=type, product=product, slate=slate, position=position)
    return Reaction(type, stands=True)


@transaction.atomic
def like_all(*, visitor: Visitor, products: Sequence[Product]) -> int:
    """Like several products at once, as pressing each heart would; returns how many were not liked before.

    A dislike gives way; what is liked already stays liked. The number of queries does not rise with the products.
    """
    opinions = standing_events(visitor).filter(product__in=products, type__in=OPINIONS)
    standing = list(opinions.order_by("occurred_at", "pk"))
    latest = {event.product_id: event.type for event in standing}
    for event in standing:
        if latest[event.product_id] == Event.Type.DISLIKE:
            retract_event(visitor=visitor, event_id=event.event_id)
    fresh = [product for product in products if latest.get(product.pk) != Event.Type.LIKE]
    likes = [{"event_id": str(uuid4()), "type": "like", "product": product.public_id} for product in fresh]
    return record_events(events=likes, visitor=visitor).accepted
