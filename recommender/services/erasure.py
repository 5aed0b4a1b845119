"""Forgetting a visitor, as far as this app knows them."""

from feedback.models import Visitor
from personas.services.preferences import forget_preferences
from recommender.click_preferences import key_prefix


def erase_visitor(*, visitor: Visitor) -> dict[str, int]:
    """Delete the preference pairs that were derived from what the visitor took and passed over."""
    return {"preference_pairs": forget_preferences(key_prefix=key_prefix(visitor.pk))}
