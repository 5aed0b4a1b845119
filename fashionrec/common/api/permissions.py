"""What a caller may do."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from fashionrec.common.models import ApiKey
from fashionrec.common.scopes import Scope

OPEN = "open"
"""In a view's `scopes`: the method needs no key."""


class HasScope(BasePermission):
    """Every view says in `scopes` which scope each of its methods needs; a method it forgot is refused."""

    def has_permission(self, request: Request, view: Any) -> bool:
        scope = required_scope(view, request.method or "")
        if scope is None or scope == OPEN:
            return True
        if not isinstance(request.auth, ApiKey):
            raise NotAuthenticated(f"This needs a key with the scope {scope}: Authorization: Api-Key <prefix>.<secret>")
        if scope not in request.auth.scopes:
            raise PermissionDenied(f"This needs a key with the scope {scope}.")
        return True


def required_scope(view: Any, method: str) -> Scope | str | None:
    """The scope `method` needs on `view`; None for a method that the view does not have (405 follows)."""
    if method == "OPTIONS" or not hasattr(view, method.lower()):
        return None
    declared = getattr(view, "scopes", {})
    method = "GET" if method == "HEAD" else method
    if method not in declared:
        raise ImproperlyConfigured(f"{type(view).__name__}.scopes has no entry for {method}")
    return declared[method]
