"""Recording what shoppers do: idempotent, in batches, keeping the good events of a bad batch."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from catalog.models import Product
from fashionrec.common.errors import FieldError, Invalid
from feedback.models import CurrentTransactionId, Event, Provenance, Visitor
from feedback.services.visitors import LONGEST_EXTERNAL_ID

MAX_BATCH = 1000
CLOCK_SKEW = timedelta(minutes=10)
"""How far ahead of ours a client's clock may run."""
LARGEST_VALUE = 1e15
"""Also keeps out infinities, and integers that no float holds."""
OLDEST = timedelta(days=3650)
WITHOUT_PRODUCT = {Event.Type.SEARCH, Event.Type.RETRACT}
FIELDS = {"event_id", "type", "visitor", "product", "value", "occurred_at", "slate", "position", "query", "retracts"}
RETRACTION_NAMESPACE = uuid.UUID("6f0a3c0e-6e57-4f5c-9b8b-0f6d4f1f5c11")


@dataclass
class BatchResult:
    accepted: int = 0
    duplicates: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {"accepted": self.accepted, "duplicates": self.duplicates, "rejected": self.rejected}


class _RejectedError(Exception):
    def __init__(self, field_name: str, value: Any, reason: str) -> None:
        super().__init__(reason)
        self.error = FieldError(field_name, value, reason)


@dataclass(frozen=True)
class _Parsed:
    index: int
    event_id: uuid.UUID
    type: str
    visitor: str | None
    product: str | None
    value: float | None
    query: str
    occurred_at: datetime
    slate: uuid.UUID | None
    position: int | None
    undoes: uuid.UUID | None


def record_events(*, events: Sequence[Any], source: str | None = None, visitor: Visitor | None = None) -> BatchResult:
    """Record a batch as API.md describes it; each event stands or falls alone.

    `source` is the namespace in which `visitor` names are read (an API key's); a browser passes its own `visitor`
    instead, and an event that names another one is rejected. Raises Invalid when the batch itself is too large.
    """
    if len(events) > MAX_BATCH:
        raise Invalid.for_field("events", len(events), f"at most {MAX_BATCH} events in one request")
    result, parsed, now = BatchResult(), [], timezone.now()
    for index, raw in enumerate(events):
        try:
            parsed.append(_parse(index, raw, now, names_visitor=visitor is None))
        except _RejectedError as rejection:
            _reject(result, index, rejection.error)
    with transaction.atomic():
        products = Product.objects.pk_by_public_id({event.product for event in parsed if event.product is not None})
        sound = []
        for event in parsed:
            if visitor is not None and event.visitor not in (None, visitor.external_id, str(visitor.pk)):
                _reject(result, event.index, FieldError("visitor", event.visitor, "unknown visitor"))
            elif event.product is not None and event.product not in products:
                _reject(result, event.index, FieldError("product", event.product, "unknown product"))
            else:
                sound.append(event)
        visitors = _visitors(sound, source) if visitor is None else {}
        rows: dict[uuid.UUID, Event] = {}
        retractions = []
        for event in sound:
            owner = visitor if visitor is not None else visitors[event.visitor or ""]
            if event.undoes is not None:
                retractions.append((event, owner))
            elif event.event_id in rows:
                result.duplicates += 1
            else:
                rows[event.event_id] = _row(event, owner, products)
        known = set(Event.objects.filter(event_id__in=list(rows)).values_list("event_id", flat=True))
        # Every batch takes its locks in the same order: concurrent ones wait for each other instead of deadlocking.
        fresh = [row for event_id, row in sorted(rows.items()) if event_id not in known]
        # A concurrent request may insert the same event between the look and the insert: one of the two counts it.
        Event.objects.bulk_create(fresh, ignore_conflicts=True)
        ours = Event.objects.filter(event_id__in=[row.event_id for row in fresh], transaction_id=CurrentTransactionId())
        accepted = ours.count() if fresh else 0
        result.accepted += accepted
        result.duplicates += len(rows) - accepted
        for event, owner in sorted(retractions, key=lambda retraction: retraction[0].undoes or retraction[0].event_id):
            _retract(result, event, owner)
    result.rejected.sort(key=lambda rejection: rejection["index"])
    return result


def record_event(
    *,
    visitor: Visitor,
    type: str,
    product: Product | None = None,
    value: float | None = None,
    query: str = "",
    slate: uuid.UUID | None = None,
    position: int | None = None,
    event_id: uuid.UUID | None = None,
    occurred_at: datetime | None = None,
) -> Event:
    """Record one event of the shop's own pages. Repeating an `event_id` returns the stored event."""
    if type not in Event.Type.values:
        raise Invalid.for_field("type", type, f"expected one of {', '.join(Event.Type.values)}")
    event, _ = Event.objects.get_or_create(
        event_id=event_id or uuid.uuid4(),
        defaults={
            "visitor": visitor,
            "type": type,
            "product": product,
            "value": value,
            "query": query[:200],
            "slate": slate,
            "position": position,
            "occurred_at": occurred_at or timezone.now(),
            "provenance": visitor.provenance,
        },
    )
    return event


@transaction.atomic
def retract_event(
    *,
    visitor: Visitor,
    event_id: uuid.UUID,
    retraction_id: uuid.UUID | None = None,
    occurred_at: datetime | None = None,
) -> Event | None:
    """Undo an earlier event of this visitor; returns the retract event, or None when nothing stands to be undone."""
    earlier = (
        Event.objects.select_for_update()
        .filter(visitor=visitor, event_id=event_id, retracted_by__isnull=True)
        .exclude(type=Event.Type.RETRACT)
        .first()
    )
    if earlier is None:
        return None
    retraction = record_event(
        visitor=visitor,
        type=Event.Type.RETRACT,
        product=earlier.product,
        event_id=retraction_id,
        occurred_at=occurred_at,
    )
    earlier.retracted_by = retraction.event_id
    earlier.save(update_fields=["retracted_by"])
    return retraction


def _reject(result: BatchResult, index: int, error: FieldError) -> None:
    result.rejected.append({"index": index, **error.as_dict()})


def _parse(index: int, raw: Any, now: datetime, *, names_visitor: bool) -> _Parsed:
    if not isinstance(raw, Mapping):
        raise _RejectedError("event", raw, "expected an object")
    unknown = sorted(set(raw) - FIELDS)
    if unknown:
        raise _RejectedError(str(unknown[0]), raw[unknown[0]], "unknown field")
    event_type = raw.get("type")
    if not isinstance(event_type, str) or event_type not in Event.Type.values:
        raise _RejectedError("type", event_type, f"expected one of {', '.join(Event.Type.values)}")
    visitor = raw.get("visitor")
    valid = isinstance(visitor, str) and 0 < len(visitor) <= LONGEST_EXTERNAL_ID and "\x00" not in visitor
    if not valid and (visitor is not None or names_visitor):
        raise _RejectedError("visitor", visitor, f"expected 1 to {LONGEST_EXTERNAL_ID} characters")
    value, query = raw.get("value"), raw.get("query") or ""
    if not isinstance(query, str) or len(query) > 200 or "\x00" in query:
        raise _RejectedError("query", query, "expected at most 200 characters")
    product = raw.get("product")
    event_id, undoes = _uuid("event_id", raw.get("event_id")), None
    if event_type == Event.Type.RETRACT:
        # A retract names the event it undoes by event_id; with an id of its own it names it in `retracts`.
        value = product = None
        if raw.get("retracts") is not None:
            undoes = _uuid("retracts", raw["retracts"])
        else:
            undoes, event_id = event_id, uuid.uuid5(RETRACTION_NAMESPACE, str(event_id))
    elif value is not None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= LARGEST_VALUE:
            raise _RejectedError("value", value, "expected a finite number")
        value = float(value)
    if event_type == Event.Type.RATE and (value is None or not (value == -1 or 1 <= value <= 10)):
        raise _RejectedError("value", value, "a rating is −1 or 1 to 10")
    if event_type == Event.Type.DWELL and (value is None or value < 0):
        raise _RejectedError("value", value, "a dwell is a number of seconds, 0 or more")
    if product is None and event_type not in WITHOUT_PRODUCT:
        raise _RejectedError("product", None, f"a {event_type} needs a product")
    if product is not None and (not isinstance(product, str) or "\x00" in product or len(product) > 200):
        raise _RejectedError("product", product, "expected a product id, <source>:<external id>")
    slate = raw.get("slate")
    position = raw.get("position")
    if position is not None and (
        isinstance(position, bool) or not isinstance(position, int) or not 0 <= position <= 32_767
    ):
        raise _RejectedError("position", position, "expected an integer from 0 to 32767")
    return _Parsed(
        index=index,
        event_id=event_id,
        type=event_type,
        visitor=visitor,
        product=product,
        value=value,
        query=query,
        occurred_at=_moment(raw.get("occurred_at"), now),
        slate=_uuid("slate", slate) if slate is not None else None,
        position=position,
        undoes=undoes,
    )


def _uuid(name: str, value: Any) -> uuid.UUID:
    if isinstance(value, str):
        try:
            return uuid.UUID(value)
        except ValueError:
            pass
    raise _RejectedError(name, value, "expected a UUID")


def _moment(value: Any, now: datetime) -> datetime:
    if value is None:
        return now
    moment = None
    if isinstance(value, str):
        try:
            moment = parse_datetime(value)
        except ValueError:
            moment = None
    if moment is None or moment.tzinfo is None:
        raise _RejectedError("occurred_at", value, "expected RFC 3339 with a time zone, as in 2026-05-01T12:00:00Z")
    if moment > now + CLOCK_SKEW:
        raise _RejectedError("occurred_at", value, "lies in the future")
    if moment < now - OLDEST:
        raise _RejectedError("occurred_at", value, "lies more than ten years back")
    return moment


def _visitors(parsed: list[_Parsed], source: str | None) -> dict[str, Visitor]:
    if source is None:
        raise ValueError("source: needed when no visitor is given")
    names = {event.visitor for event in parsed if event.visitor is not None}
    found = {v.external_id: v for v in Visitor.objects.filter(source=source, external_id__in=names)}
    missing = sorted(names - set(found))
    if missing:
        Visitor.objects.bulk_create(
            # The client is the one that asked its shoppers for consent: what it sends may be used.
            [Visitor(source=source, external_id=name, consented=True) for name in missing],
            ignore_conflicts=True,
        )
        found = {v.external_id: v for v in Visitor.objects.filter(source=source, external_id__in=names)}
    return found


def _row(event: _Parsed, visitor: Visitor, products: dict[str, int]) -> Event:
    return Event(
        event_id=event.event_id,
        type=event.type,
        visitor=visitor,
        product_id=products[event.product] if event.product is not None else None,
        value=event.value,
        query=event.query,
        occurred_at=event.occurred_at,
        slate=event.slate,
        position=event.position,
        provenance=visitor.provenance if visitor.provenance else Provenance.HUMAN,
    )


def _retract(result: BatchResult, event: _Parsed, visitor: Visitor) -> None:
    assert event.undoes is not None  # noqa: S101  # only retractions come here
    if Event.objects.filter(event_id=event.event_id).exists():
        result.duplicates += 1
    elif retract_event(
        visitor=visitor, event_id=event.undoes, retraction_id=event.event_id, occurred_at=event.occurred_at
    ):
        result.accepted += 1
    elif Event.objects.filter(event_id=event.event_id).exists():  # a concurrent request was faster
        result.duplicates += 1
    else:
        _reject(result, event.index, FieldError("event_id", str(event.undoes), "no such event of this visitor to undo"))
