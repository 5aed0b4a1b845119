"""A visitor's rights over HTTP: see everything, and be forgotten."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from fashionrec.common.api.authentication import ApiKeyAuthentication
from fashionrec.common.api.permissions import HasScope
from fashionrec.common.models import ApiKey
from fashionrec.common.scopes import Scope
from fashionrec.privacy.erasure import erase
from fashionrec.privacy.export import export
from feedback.api.authentication import IsBrowser, VisitorCookieAuthentication
from feedback.api.visitors import get_visitor
from feedback.web import COOKIE


class ExportSerializer(serializers.Serializer[Any]):
    visitor = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    provenance = serializers.CharField()
    persona = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    consents = serializers.ListField(child=serializers.DictField())
    events = serializers.ListField(child=serializers.DictField())
    slates = serializers.ListField(child=serializers.DictField())
    preferences = serializers.ListField(child=serializers.DictField())


class ReceiptSerializer(serializers.Serializer[Any]):
    receipt = serializers.UUIDField()
    visitor = serializers.CharField()
    erased_at = serializers.DateTimeField()
    counts = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()), help_text="By app: rows deleted or blanked."
    )


class VisitorView(APIView):
    """One visitor of the caller: a key's by your own id, a browser's by the uuid of its cookie."""

    authentication_classes = (ApiKeyAuthentication, VisitorCookieAuthentication)
    permission_classes = (IsBrowser | HasScope,)
    scopes: ClassVar = {"GET": Scope.VISITORS_READ, "DELETE": Scope.VISITORS_WRITE}

    @extend_schema(operation_id="visitors_export", responses=ExportSerializer, tags=["visitors"])
    def get(self, request: Request, visitor_id: str) -> Response:
        """Everything stored about the visitor."""
        return Response(export(visitor=get_visitor(request, visitor_id)))

    @extend_schema(operation_id="visitors_erase", responses={200: ReceiptSerializer}, tags=["visitors"])
    def delete(self, request: Request, visitor_id: str) -> Response:
        """Forget the visitor in all apps at once; returns the receipt."""
        visitor = get_visitor(request, visitor_id)
        by_key = isinstance(request.auth, ApiKey)
        receipt = erase(visitor=visitor, actor=str(request.auth) if by_key else "visitor")
        response = Response(ReceiptSerializer(receipt).data)
        if not by_key:
            response.delete_cookie(COOKIE, samesite="Lax")
        return response
