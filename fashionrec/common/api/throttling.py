"""How often one address may call without a key."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from fashionrec.common.models import ApiKey


class OpenEndpointThrottle(SimpleRateThrottle):
    """Limits calls without a key, per address and process; a key is its owner's own responsibility."""

    scope = "open"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if isinstance(request.auth, ApiKey):
            return None
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}
