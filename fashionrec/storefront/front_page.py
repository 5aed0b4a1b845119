"""What the home page shows to this shopper."""

from dataclasses import dataclass, field

from catalog.models import Category, Product
from catalog.selectors import ProductFilters, product_list
from fashionrec.storefront.context import Shop
from recommender.serving.recommend import FALLBACK_MODEL, Recommendation, recommend

RECOMMENDED = 12
BECAUSE = 4
NEW = 8
TILES = 8


@dataclass(frozen=True)
class CategoryTile:
    category: Category
    count: int
    product: Product
    """Its picture stands for the category."""


@dataclass(frozen=True)
class FrontPage:
    """`recommended` is None while the shop has nothing to sell; everything else is empty then."""

    recommended: Recommendation | None = None
    liked: Product | None = None
    """The shopper's latest like, which `because` follows from."""
    because: Recommendation | None = None
    new: list[Product] = field(default_factory=list)
    tiles: list[CategoryTile] = field(default_factory=list)

    @property
    def has_learned(self) -> bool:
        return self.recommended is not None and self.recommended.model != FALLBACK_MODEL


def front_page(shop: Shop) -> FrontPage:
    """No product stands on the page twice. The number of queries does not depend on the size of the catalogue."""
    recommended = recommend(visitor=shop.visitor, placement="home", n=RECOMMENDED, state=shop.state)
    if not recommended.items:
        return FrontPage()
    shown = {item.product.pk for item in recommended.items}
    liked = _latest_like(shop)
    because = None
    if liked is not None:
        because = recommend(
            visitor=shop.visitor, placement="similar", product=liked, n=BECAUSE, exclude=shown, state=shop.state
        )
        shown |= {item.product.pk for item in because.items}
    newest = product_list(filters=ProductFilters(ordering="newest")).exclude(pk__in=shown | shop.state.hidden)
    return FrontPage(
        recommended=recommended,
        liked=liked,
        because=because if because and because.items else None,
        new=list(newest[:NEW]),
        tiles=category_tiles(),
    )


def _latest_like(shop: Shop) -> Product | None:
    likes = Product.objects.visible().in_bulk(shop.state.liked_in_order[-5:])
    return next((likes[pk] for pk in reversed(shop.state.liked_in_order) if pk in likes), None)
