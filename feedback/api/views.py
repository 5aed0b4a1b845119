"""Events over HTTP."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from fashionrec.common.api.authentication import ApiKeyAuthentication
from fashionrec.common.api.permissions import HasScope
from fashionrec.common.api.validation import json_ready
from fashionrec.common.errors import Invalid, TooLarge
from fashionrec.common.models import ApiKey
from fashionrec.common.scopes import Scope
from feedback.api.authentication import IsBrowser, VisitorCookieAuthentication
from feedback.api.serializers import BatchResultSerializer, EventBatchSerializer
from feedback.api.visitors import own_visitor, unknown_visitor
from feedback.models import Visitor
from feedback.services.events import MAX_BATCH, record_events


class EventsView(APIView):
    """Record what visitors did. Each event stands alone: good ones in a bad batch are kept."""

    authentication_classes = (ApiKeyAuthentication, VisitorCookieAuthentication)
    permission_classes = (IsBrowser | HasScope,)
    scopes: ClassVar = {"POST": Scope.EVENTS_WRITE}

    @extend_schema(
        operation_id="events_create", request=EventBatchSerializer, responses=BatchResultSerializer, tags=["events"]
    )
    def post(self, request: Request) -> Response:
        events = _events(request.data)
        if isinstance(request.auth, ApiKey):
            result = record_events(events=events, source=request.auth.source)
        else:
            visitor = own_visitor(request)
            _check_own(events, visitor)
            result = record_events(events=events, visitor=visitor)
        rejected = [{**rejection, "value": json_ready(rejection["value"])} for rejection in result.rejected]
        return Response({"accepted": result.accepted, "duplicates": result.duplicates, "rejected": rejected})


def _events(body: Any) -> list[Any]:
    """The events of a request: a list under `events`, or the body itself as a batch of one."""
    if not isinstance(body, dict):
        raise Invalid.for_field("events", json_ready(body), "expected an object")
    events = body.get("events", [body])
    if not isinstance(events, list):
        raise Invalid.for_field("events", json_ready(events), "expected a list")
    if len(events) > MAX_BATCH:
        raise TooLarge.for_field("events", len(events), f"at most {MAX_BATCH} events in one request")
    return events


def _check_own(events: list[Any], visitor: Visitor) -> None:
    for event in events:
        named = event.get("visitor") if isinstance(event, dict) else None
        if named is not None and named not in (str(visitor.pk), visitor.external_id):
            raise unknown_visitor(json_ready(named))
