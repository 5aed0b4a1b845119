"""Who a shopper is, and what they agreed to."""

import uuid

from django.db import IntegrityError, transaction
from django.utils import timezone

from fashionrec.common.errors import Invalid
from feedback.models import Consent, Visitor

LONGEST_EXTERNAL_ID = 200


def visitor_for_key(*, source: str, external_id: str) -> Visitor:
    """The visitor an API client names, made on first mention. Raises Invalid for an empty or over-long id.

    The client is the one that asked its shopper for consent: what it sends may be used.
    """
    if not external_id or len(external_id) > LONGEST_EXTERNAL_ID or "\x00" in external_id:
        raise Invalid.for_field("visitor", external_id, f"expected 1 to {LONGEST_EXTERNAL_ID} characters")
    visitor, _ = Visitor.objects.get_or_create(source=source, external_id=external_id, defaults={"consented": True})
    return visitor


def visitor_for_browser(*, token: uuid.UUID | None) -> Visitor:
    """The visitor behind a browser's cookie; a new one without consent when there is none."""
    if token is not None:
        known = Visitor.objects.filter(pk=token, source=Visitor.WEB).first()
        if known is not None:
            return known
    identity = token or uuid.uuid4()
    try:
        with transaction.atomic():
            return Visitor.objects.create(pk=identity, source=Visitor.WEB, external_id=str(identity))
    except IntegrityError:  # two requests of one browser at once
        return Visitor.objects.get(pk=identity)


@transaction.atomic
def set_consent(*, visitor: Visitor, granted: bool, wording: str) -> Consent:
    """Record an answer; the latest one counts from now on."""
    consent = Consent.objects.create(visitor=visitor, granted=granted, wording=wording)
    Visitor.objects.filter(pk=visitor.pk).update(consented=granted, last_seen_at=timezone.now())
    visitor.consented = granted
    if not granted:
        # Slates tied to a visitor need consent: untie the earlier ones.
        visitor.slates.update(visitor=None)
    return consent
