"""What the home page shows to this shopper."""

from dataclasses import dataclass, field

from django.db.models import Count

from catalog.models import Category, Product
from catalog.selectors import ProductFilters, product_list
from fashionrec.storefront.context import Shop
from recommender.serving.recommend import FALLBACK_MODEL, Recommendation, recommend

RECOMMENDED = 12
BECAUSE = 4
NEW = 8
TILES = 6


@dataclass(frozen=True)
class CategoryTile:
    category: Category
    count: int
    product: Product
    """Its picture stands for the category."""

    @property
    def root(self) -> str:
        """Where in the shop it lies: "Shirts" alone may be women's or men's."""
        return self.category.path.split(Category.SEPARATOR)[0]


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
    because = _because(shop, liked, shown) if liked else None
    if because:
        shown |= {item.product.pk for item in because.items}
    known = shop.state.liked | shop.state.disliked | shop.state.hidden
    newest = product_list(filters=ProductFilters(ordering="newest")).exclude(pk__in=shown | known)
    return FrontPage(
        recommended=recommended,
        liked=liked,
        because=because,
        new=list(newest[:NEW]),
        tiles=category_tiles(),
    )


def _because(shop: Shop, liked: Product, shown: set[int]) -> Recommendation | None:
    """More like the latest like; None when nothing truly like it is left."""
    slate = recommend(
        visitor=shop.visitor, placement="similar", product=liked, n=BECAUSE, exclude=shown, state=shop.state
    )
    return slate if slate.items and all(item.source == "similar" for item in slate.items) else None


def _latest_like(shop: Shop) -> Product | None:
    likes = Product.objects.visible().in_bulk(shop.state.liked_in_order[-5:])
    return next((likes[pk] for pk in reversed(shop.state.liked_in_order) if pk in likes), None)


def category_tiles() -> list[CategoryTile]:
    """The fullest categories, each with its newest product. Three queries."""
    visible = Product.objects.visible().filter(category__isnull=False)
    counts = dict(
        visible.order_by()
        .values_list("category_id")
        .annotate(count=Count("pk"))
        .order_by("-count", "category_id")[:TILES]
    )
    newest = (
        visible.filter(category_id__in=counts).order_by("category_id", "-created_at", "-pk").distinct("category_id")
    )
    tiles = [
        CategoryTile(product.category, counts[product.category.pk], product)
        for product in newest.for_cards()
        if product.category is not None
    ]
    return sorted(tiles, key=lambda tile: (-tile.count, tile.category.path))
