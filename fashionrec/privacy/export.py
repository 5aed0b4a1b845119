"""Everything the shop stores about one visitor."""

from typing import Any

from feedback.models import Visitor
from feedback.selectors import export_visitor


def export(*, visitor: Visitor) -> dict[str, Any]:
    """JSON-ready values. What names a visitor lives in feedback alone; the other apps hold sums and weights."""
    return export_visitor(visitor)
