"""A shopper's browser as a caller: its signed cookie names its own visitor, and nobody else's."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from feedback.models import Visitor
from feedback.web import visitor_from_request


class VisitorCookieAuthentication(BaseAuthentication):
    """`request.auth` becomes the Visitor of the shop's signed cookie. Writing needs the CSRF token too."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Visitor] | None:
        visitor = visitor_from_request(request._request)
        if visitor is None:
            return None
        if request.method not in SAFE_METHODS:
            enforce_csrf(request)
        return AnonymousUser(), visitor


class IsBrowser(BasePermission):
    """A browser with a visitor of its own; the view must answer for that visitor only."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, Visitor)


def enforce_csrf(request: Request) -> None:
    """Raises PermissionDenied, saying why, unless the request carries the token of its CSRF cookie."""
    check = CSRFCheck(lambda _: None)  # type: ignore[arg-type, return-value]
    check.process_request(request._request)
    reason = check.process_view(request._request, lambda: None, (), {})  # type: ignore[arg-type, return-value]
    if reason:
        raise PermissionDenied(f"CSRF: {reason}")
