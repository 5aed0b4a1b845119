"""A visitor's answer to being remembered, in all apps at once."""

from django.db import transaction

from feedback.models import Visitor
from feedback.services.visitors import set_consent
from recommender.services.erasure import erase_visitor as erase_learned


@transaction.atomic
def answer_consent(*, visitor: Visitor, granted: bool, wording: str) -> None:
    """Record the answer; a refusal also forgets what was derived from the time of an earlier consent."""
    set_consent(visitor=visitor, granted=granted, wording=wording)
    if not granted:
        erase_learned(visitor=visitor)
