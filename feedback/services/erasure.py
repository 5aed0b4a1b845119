"""Forgetting a visitor, as far as this app knows them."""

from feedback.models import Event, Visitor


def erase_visitor(*, visitor: Visitor) -> dict[str, int]:
    """Delete the visitor, their events and consents; slates stay, tied to nobody. Returns what was touched."""
    counts = {
        "slates_untied": visitor.slates.update(visitor=None),
        "events": Event.objects.filter(visitor=visitor).count(),
        "consents": visitor.consents.count(),
    }
    visitor.delete()
    counts["visitors"] = 1
    return counts
