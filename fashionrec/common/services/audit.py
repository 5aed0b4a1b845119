"""The trail of who did what."""

from typing import Any

from django.db.models import Model

from fashionrec.common.models import AuditEntry


def record_audit(
    *, actor: str, action: str, object: Model, object_id: str = "", details: dict[str, Any] | None = None
) -> AuditEntry:
    """Note that `actor` did `action` to `object`.

    object_id: replaces the primary key where that must not be kept (an erased visitor).
    details: JSON-ready values.
    """
    return AuditEntry.objects.create(
        actor=actor[:150],
        action=action,
        object_type=object._meta.label_lower,
        object_id=(object_id or str(object.pk))[:200],
        details=details or {},
    )
