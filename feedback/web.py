"""The browser's side of a visitor: one signed cookie, kept for the session until the visitor consents."""

import uuid

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from feedback.models import Visitor
from feedback.services.visitors import new_browser_visitor

COOKIE = "fashionrec_visitor"
SALT = "feedback.visitor"
ONE_YEAR = 365 * 24 * 3600


def visitor_token(request: HttpRequest) -> uuid.UUID | None:
    """The visitor id in a valid cookie, or None."""
    try:
        value = request.get_signed_cookie(COOKIE, salt=SALT, max_age=ONE_YEAR)
        return uuid.UUID(value)
    except (KeyError, ValueError, signing.BadSignature):
        return None


def visitor_from_request(request: HttpRequest, *, create: bool = False) -> Visitor | None:
    """The browser's visitor; with `create`, a new one when there is none (only once a shopper acts)."""
    token = visitor_token(request)
    if token is not None:
        known = Visitor.objects.filter(pk=token, source=Visitor.WEB).first()
        if known is not None:
            return known
    return new_browser_visitor() if create else None


def remember_visitor(request: HttpRequest, response: HttpResponse, visitor: Visitor) -> None:
    """Set the cookie: for this browser session only, or for a year once the visitor has consented."""
    response.set_signed_cookie(
        COOKIE,
        str(visitor.pk),
        salt=SALT,
        max_age=ONE_YEAR if visitor.consented else None,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
