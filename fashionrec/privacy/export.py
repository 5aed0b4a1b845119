"""Everything the shop stores about one visitor."""

from typing import Any

from feedback.models import Visitor
from feedback.selectors import export_visitor
from personas.models import PreferencePair
from recommender.click_preferences import key_prefix


def export(*, visitor: Visitor) -> dict[str, Any]:
    """JSON-ready values. Feedback holds what names a visitor, and preference pairs were derived from what they took;

    the rest of the shop holds sums and weights.
    """
    pairs = PreferencePair.objects.filter(key__startswith=key_prefix(visitor.pk)).order_by("created_at", "key")
    preferences = [
        {"prompt": p.prompt, "preferred": p.preferred, "rejected": p.rejected, "created_at": p.created_at.isoformat()}
        for p in pairs
    ]
    return {**export_visitor(visitor), "preferences": preferences}
