"""Reads over visitors, events and slates."""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from catalog.models import Product
from feedback.models import Event, Visitor

POSITIVE_TYPES = (Event.Type.VIEW, Event.Type.CLICK, Event.Type.LIKE, Event.Type.BASKET_ADD, Event.Type.PURCHASE)
"""Event types that say a shopper was drawn to a product, the strongest last."""

OPINIONS = (Event.Type.LIKE, Event.Type.DISLIKE, Event.Type.HIDE)

LONGEST_HISTORY = 50
LATEST_EVENTS = 1000


@dataclass(frozen=True)
class ShopperState:
    """What serving knows of a shopper, as product primary keys."""

    history: list[int] = field(default_factory=list)
    """Products they were drawn to, each once at its latest time, oldest first, at most LONGEST_HISTORY."""
    kinds: list[str] = field(default_factory=list)
    """The strongest type of event with each product of the history."""
    times: list[float] = field(default_factory=list)
    """When that was, in seconds since 1970."""
    liked: frozenset[int] = frozenset()
    disliked: frozenset[int] = frozenset()
    hidden: frozenset[int] = frozenset()
    liked_in_order: tuple[int, ...] = ()
    """Oldest first."""
    purchased: frozenset[int] = frozenset()
    preferences: str = ""
    """What they say they like, in their own words."""
    persona: str = ""
    """Key of the persona they are like, if one is known."""

    @property
    def is_stranger(self) -> bool:
        """Whether nothing is known that a ranking of their own could follow."""
        return not (self.history or self.preferences or self.persona)


def standing_events(visitor: Visitor) -> QuerySet[Event]:
    """Events that were not taken back."""
    return Event.objects.filter(visitor=visitor, retracted_by__isnull=True).exclude(type=Event.Type.RETRACT)


def shopper_state(visitor: Visitor | None) -> ShopperState:
    """One query; an unknown visitor has an empty state."""
    if visitor is None:
        return ShopperState()
    events = standing_events(visitor).filter(product__isnull=False).order_by("-occurred_at", "-pk")
    latest = events.filter(type__in=POSITIVE_TYPES).values("pk")[:LATEST_EVENTS]
    # Of what shoppers look at the latest counts; what they say is never forgotten.
    rows = events.filter(Q(type__in=OPINIONS) | Q(pk__in=latest)).values_list("product_id", "type", "occurred_at")
    history: dict[int, tuple[str, float]] = {}
    opinion: dict[int, str] = {}
    hidden, purchased, liked = set(), set(), []
    for product_id, event_type, occurred_at in rows:  # newest first
        if event_type == Event.Type.HIDE:
            hidden.add(product_id)
        elif event_type in (Event.Type.LIKE, Event.Type.DISLIKE):
            if opinion.setdefault(product_id, event_type) == Event.Type.LIKE and product_id not in liked:
                liked.append(product_id)
        elif event_type == Event.Type.PURCHASE:
            purchased.add(product_id)
        if event_type in POSITIVE_TYPES:
            strongest, moment = history.setdefault(product_id, (event_type, occurred_at.timestamp()))
            if POSITIVE_TYPES.index(event_type) > POSITIVE_TYPES.index(strongest):
                history[product_id] = event_type, moment
    disliked = {product_id for product_id, event_type in opinion.items() if event_type == Event.Type.DISLIKE}
    kept = [product_id for product_id in history if product_id not in disliked][:LONGEST_HISTORY][::-1]
    return ShopperState(
        history=kept,
        kinds=[history[product_id][0] for product_id in kept],
        times=[history[product_id][1] for product_id in kept],
        liked=frozenset(liked),
        disliked=frozenset(disliked),
        hidden=frozenset(hidden),
        liked_in_order=tuple(reversed(liked)),
        purchased=frozenset(purchased),
        preferences=visitor.preferences,
        persona=visitor.persona,
    )


def export_visitor(visitor: Visitor) -> dict[str, Any]:
    """Everything stored about a visitor, as JSON-ready values."""
    events = visitor.events.select_related("product").order_by("occurred_at", "pk")
    slates = list(visitor.slates.all())
    shown = {pk for slate in slates for pk in slate.products}
    names = {product.pk: product.public_id for product in Product.objects.filter(pk__in=shown)}
    return {
        "visitor": visitor.external_id,
        "source": visitor.source,
        "provenance": visitor.provenance,
        "persona": visitor.persona,
        "stated_preferences": visitor.preferences,
        "created_at": visitor.created_at.isoformat(),
        "last_seen_at": visitor.last_seen_at.isoformat(),
        "consents": [
            {"granted": c.granted, "wording": c.wording, "given_at": c.given_at.isoformat()}
            for c in visitor.consents.all()
        ],
        "events": [
            {
                "event_id": str(event.event_id),
                "type": event.type,
                "product": event.product.public_id if event.product else None,
                "value": event.value,
                "query": event.query,
                "occurred_at": event.occurred_at.isoformat(),
                "slate": str(event.slate) if event.slate else None,
                "position": event.position,
                "provenance": event.provenance,
                "retracted": event.retracted_by is not None,
            }
            for event in events
        ],
        "slates": [
            {
                "slate": str(slate.pk),
                "placement": slate.placement,
                "model": slate.model,
                "products": [names[pk] for pk in slate.products if pk in names],
                "created_at": slate.created_at.isoformat(),
            }
            for slate in slates
        ],
    }
