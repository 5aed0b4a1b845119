"""Who calls: a key in the Authorization header."""

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from fashionrec.common.models import ApiKey
from fashionrec.common.services.api_keys import find_api_key, note_use


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key <prefix>.<secret>`; `request.auth` becomes the ApiKey.

    The header's value is neither logged nor quoted back.
    """

    keyword = "Api-Key"

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != self.keyword.lower():
            return None
        key = find_api_key(token.strip())
        if key is None:
            raise AuthenticationFailed("The API key is unknown, wrong or revoked.")
        note_use(key=key)
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


def key_of(request: Request) -> ApiKey:
    """The key of a request that has one, where a scope asked for it."""
    if not isinstance(request.auth, ApiKey):
        raise NotAuthenticated
    return request.auth
