"""Who a shopper is, and what they agreed to."""

import uuid

from django.db import transaction
from django.utils import timezone

from fashionrec.common.errors import Invalid
from fashionrec.common.text import clean_text
from feedback.models import LONGEST_PREFERENCES, Consent, Visitor

LONGEST_EXTERNAL_ID = 200


def new_browser_visitor() -> Visitor:
    """A visitor for a browser without one, and without consent."""
    identity = uuid.uuid4()
    return Visitor.objects.create(pk=identity, source=Visitor.WEB, external_id=str(identity))


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


def state_preferences(*, visitor: Visitor, text: str) -> Visitor:
    """Keep what a visitor says they like; an empty text takes it back. Raises Invalid for one that is too long."""
    cleaned = clean_text(text)
    if len(cleaned) > LONGEST_PREFERENCES:
        raise Invalid.for_field("preferences", cleaned, f"at most {LONGEST_PREFERENCES} characters")
    Visitor.objects.filter(pk=visitor.pk).update(preferences=cleaned, last_seen_at=timezone.now())
    visitor.preferences = cleaned
    return visitor
