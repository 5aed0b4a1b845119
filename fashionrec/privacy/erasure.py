"""Forgetting a visitor in all apps at once, with a receipt."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from fashionrec.common.services.audit import record_audit
from feedback.models import Visitor
from feedback.services import erasure as feedback
from recommender.services import erasure as recommender

ERASERS: dict[str, Callable[..., dict[str, int]]] = {
    "recommender": recommender.erase_visitor,
    "feedback": feedback.erase_visitor,
}
"""By app, from the top down: the app that deletes the visitor's own row comes last."""


@dataclass(frozen=True)
class Receipt:
    receipt: uuid.UUID
    visitor: str
    erased_at: datetime
    counts: dict[str, dict[str, int]]
    """App → what was deleted or blanked → how many rows."""


@transaction.atomic
def erase(*, visitor: Visitor, actor: str) -> Receipt:
    """Erase in one transaction: all of it, or nothing. The audit trail keeps a digest of the name, not the name.

    Whoever still knows the name can show with the digest and the receipt that the erasure took place.
    """
    visitor = Visitor.objects.select_for_update().get(pk=visitor.pk)
    name = visitor.external_id
    digest = hashlib.sha256(f"{visitor.source}:{name}".encode()).hexdigest()
    counts = {app: erase_in_app(visitor=visitor) for app, erase_in_app in ERASERS.items()}
    receipt = Receipt(uuid.uuid4(), name, timezone.now(), counts)
    record_audit(
        actor=actor,
        action="visitor.erase",
        object=visitor,
        object_id=digest,
        details={"receipt": str(receipt.receipt), "counts": counts},
    )
    return receipt
