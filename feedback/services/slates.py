"""Logging what was shown, so that it can be replayed and learned from."""

import uuid
from collections.abc import Sequence
from typing import Any

from feedback.models import Slate, Visitor


def log_slate(
    *,
    visitor: Visitor | None,
    placement: str,
    products: Sequence[int],
    sources: Sequence[str],
    scores: Sequence[float],
    propensities: Sequence[float],
    model: str,
    rules: dict[str, Any],
    context: dict[str, Any],
    seed: int,
    slate_id: uuid.UUID,
) -> Slate:
    """Store one served slate. Without consent it is tied to no visitor."""
    lengths = {len(products), len(sources), len(scores), len(propensities)}
    if len(lengths) != 1:
        raise ValueError(f"slate arrays differ in length: {sorted(lengths)}")
    return Slate.objects.create(
        pk=slate_id,
        visitor=visitor if visitor is not None and visitor.consented else None,
        placement=placement,
        products=list(products),
        sources=list(sources),
        scores=list(scores),
        propensities=list(propensities),
        model=model,
        rules=rules,
        context=context,
        seed=seed,
    )
