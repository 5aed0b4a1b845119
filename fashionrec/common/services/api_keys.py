"""Keys of the REST API: made, checked and revoked here. The secret exists only in the caller's hands."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.models import ApiKey
from fashionrec.common.scopes import Scope
from fashionrec.common.services.audit import record_audit

ALL_SCOPES = "all"
RESERVED_SOURCES = {"web"}
"""Namespaces of visitors that belong to browsers: no key may name them."""
SOURCE_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
USE_RESOLUTION = timedelta(minutes=1)
"""`last_used_at` is written at most this often, so that reads through a key stay reads."""
_NO_DIGEST = "0" * 64


@transaction.atomic
def create_api_key(
    *, name: str, scopes: Iterable[str], source: str = "", actor: str = "command line"
) -> tuple[ApiKey, str]:
    """Make a key; returns the row and "<prefix>.<secret>", which cannot be read again.

    scopes: values of Scope, or "all". source: namespace of the visitors this key names; made from `name` when empty.
    Raises Invalid naming the field at fault.
    """
    name, granted, source = check_key_request(name=name, scopes=scopes, source=source)
    secret = secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name, prefix=secrets.token_hex(4), secret_digest=_digest(secret), scopes=granted, source=source
    )
    record_audit(actor=actor, action="api_key.create", object=key, details={"scopes": granted, "source": source})
    return key, f"{key.prefix}.{secret}"


def check_key_request(*, name: str, scopes: Iterable[str], source: str) -> tuple[str, list[str], str]:
    """Name, scopes and source as they will be stored. Raises Invalid naming the field at fault."""
    name = name.strip()
    if not 1 <= len(name) <= 100 or "\x00" in name:
        raise Invalid.for_field("name", name, "expected 1 to 100 characters")
    granted = _checked_scopes(scopes)
    source = source or slugify(name)[:40]
    if not SOURCE_PATTERN.fullmatch(source):
        reason = "expected 1 to 40 of a–z, 0–9, - and _, starting with a letter or digit"
        raise Invalid.for_field("source", source, reason)
    if source in RESERVED_SOURCES:
        raise Invalid.for_field("source", source, "is reserved for the shop's own visitors")
    return name, granted, source


def find_api_key(token: str) -> ApiKey | None:
    """The valid key that "<prefix>.<secret>" opens, or None: unknown, wrong and revoked look alike."""
    prefix, _, secret = token.partition(".")
    key = ApiKey.objects.filter(prefix=prefix, revoked_at__isnull=True).first() if _is_prefix(prefix) else None
    # Compared for an unknown prefix too: the time taken tells nothing.
    matches = secrets.compare_digest(_digest(secret), key.secret_digest if key else _NO_DIGEST)
    return key if matches else None


def note_use(*, key: ApiKey) -> None:
    """Remember that the key was used, to the minute."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= USE_RESOLUTION:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
        key.last_used_at = now


@transaction.atomic
def revoke_api_key(*, key: ApiKey, actor: str) -> ApiKey:
    """Close a key for good. Raises Conflict when it is closed already."""
    locked = ApiKey.objects.select_for_update().get(pk=key.pk)
    if locked.revoked_at is not None:
        raise Conflict.for_field("revoked_at", locked.revoked_at.isoformat(), "the key is revoked already")
    locked.revoked_at = timezone.now()
    locked.save(update_fields=["revoked_at"])
    record_audit(actor=actor, action="api_key.revoke", object=locked)
    return locked


def _checked_scopes(scopes: Iterable[str]) -> list[str]:
    asked = list(scopes)
    if ALL_SCOPES in asked:
        return list(Scope.values)
    unknown = [scope for scope in asked if scope not in Scope.values]
    if unknown:
        raise Invalid.for_field("scopes", unknown[0], f"expected {ALL_SCOPES} or any of {', '.join(Scope.values)}")
    if not asked:
        raise Invalid.for_field("scopes", asked, "a key needs at least one scope")
    return sorted(set(asked))


def _is_prefix(prefix: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}", prefix) is not None


def _digest(secret: str) -> str:
    # The secret has 256 random bits: a plain hash cannot be searched, and a slow one would tax every request.
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
