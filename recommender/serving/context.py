"""What is known when a request arrives."""

from dataclasses import dataclass, field
from typing import Any

from catalog.models import Category, Product
from feedback.selectors import ShopperState
from recommender.serving.diversify import ALIKE, RELEVANCE


@dataclass(frozen=True)
class Context:
    """One request for products. All ids are primary keys."""

    placement: str
    n: int
    shopper: ShopperState
    product: Product | None = None
    """The product a `similar` or `complete_the_look` slate stands beside."""
    category: Category | None = None
    exclude: frozenset[int] = frozenset()
    model: str = ""
    anchors: tuple[int, ...] = field(init=False, default=())
    """Products that stand for the present taste: the latest likes, else the latest of the history; newest first."""

    def __post_init__(self) -> None:
        recent = self.shopper.liked_in_order or tuple(self.shopper.history)
        object.__setattr__(self, "anchors", tuple(reversed(recent))[:3])

    @property
    def relevance(self) -> float:
        """λ of diversity for this slate."""
        return ALIKE if self.placement == "similar" and self.product is not None else RELEVANCE

    def as_log(self) -> dict[str, Any]:
        """The inputs that replay the slate, JSON-ready."""
        return {
            "n": self.n,
            "history": self.shopper.history,
            "liked": sorted(self.shopper.liked),
            "disliked": sorted(self.shopper.disliked),
            "hidden": sorted(self.shopper.hidden),
            "product": self.product.pk if self.product else None,
            "category": self.category.pk if self.category else None,
            "exclude": sorted(self.exclude),
        }
