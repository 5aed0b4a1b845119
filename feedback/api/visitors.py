"""Which visitor a call is about. Beyond a caller's own visitors everything is unknown to it."""

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from fashionrec.common.errors import FieldError, Invalid, NotFound
from fashionrec.common.models import ApiKey
from feedback.models import Visitor
from feedback.services.visitors import LONGEST_EXTERNAL_ID


def find_visitor(request: Request, name: str) -> Visitor | None:
    """The visitor called `name` by this caller: in the key's source, or the browser's own.

    None when a key names somebody not seen yet. Raises NotFound when a browser names another visitor, Invalid for a
    name that cannot be one.
    """
    if not 0 < len(name) <= LONGEST_EXTERNAL_ID or "\x00" in name:
        raise Invalid.for_field("visitor", name, f"expected 1 to {LONGEST_EXTERNAL_ID} characters")
    if isinstance(request.auth, Visitor):
        if name not in (str(request.auth.pk), request.auth.external_id):
            raise unknown_visitor(name)
        return request.auth
    if not isinstance(request.auth, ApiKey):
        return None
    return Visitor.objects.filter(source=request.auth.source, external_id=name).first()


def get_visitor(request: Request, name: str) -> Visitor:
    """As find_visitor, but raises NotFound for somebody not seen yet."""
    try:
        visitor = find_visitor(request, name)
    except Invalid:
        visitor = None
    if visitor is None:
        raise unknown_visitor(name)
    return visitor


def own_visitor(request: Request) -> Visitor:
    """The visitor of the calling browser. Raises NotAuthenticated for any other caller."""
    if not isinstance(request.auth, Visitor):
        raise NotAuthenticated
    return request.auth


def unknown_visitor(name: str) -> NotFound:
    return NotFound("Unknown visitor.", fields=[FieldError("visitor", name, "unknown visitor")])
