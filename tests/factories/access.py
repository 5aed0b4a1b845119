"""Callers of the REST API."""

from typing import Any

from django.core import signing
from rest_framework.test import APIClient

from fashionrec.common.models import ApiKey
from fashionrec.common.services.api_keys import create_api_key
from feedback.models import Visitor
from feedback.web import COOKIE, SALT


def key_and_token(*scopes: str, source: str = "partner") -> tuple[ApiKey, str]:
    return create_api_key(name=f"key of {source}", scopes=scopes or ["all"], source=source)


def client_with_key(*scopes: str, source: str = "partner", **defaults: Any) -> APIClient:
    """A client whose key has these scopes (default: all) and names visitors of `source`."""
    client = APIClient(**defaults)
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {key_and_token(*scopes, source=source)[1]}")
    return client


def browser_of(visitor: Visitor, **defaults: Any) -> APIClient:
    """A browser with the visitor's signed cookie; `enforce_csrf_checks=True` makes it a real one."""
    client = APIClient(**defaults)
    client.cookies[COOKIE] = signing.get_cookie_signer(salt=COOKIE + SALT).sign(str(visitor.pk))
    return client
