"""What goes with a product: things of other categories that the same shoppers chose, else of a like style."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, Q

from catalog.models import Category, Product, ProductEmbedding
from catalog.querysets import ProductQuerySet
from catalog.vectors import live_encoder, nearest_products, stored_vector
from feedback.models import Event

TOGETHER, STYLE, NEW = "together", "style", "new"
CHOSEN = (Event.Type.CLICK, Event.Type.LIKE, Event.Type.BASKET_ADD, Event.Type.PURCHASE)
MIN_SHOPPERS = 2
"""A pair that only one shopper chose is not shown: it would tell what that person did."""
LATEST_SHOPPERS = 2000
CANDIDATES = 200


@dataclass(frozen=True)
class Complement:
    product: Product
    score: float
    """`together`: cosine of the two products' shoppers, 0..1; `style`: cosine of content vectors; `new`: 0."""
    source: str
    reason: str


def complementary_products(*, product: Product, n: int) -> list[Complement]:
    """At most `n` sellable products of other categories, the best first, varied in category.

    Chosen together comes first; content vectors fill up, and without vectors the newest. Empty only when the shop
    sells nothing in another category for this gender.
    """
    candidates = _other_categories(product)
    found = _chosen_together(product, candidates)
    beside = [item for item in found if _shelf(item.product) == _shelf(product) != ""]
    kept = _varied([item for item in found if item not in beside], n)
    kept += _varied(beside, n - len(kept))
    if len(kept) < n:
        others = candidates.exclude(pk__in=[item.product.pk for item in found])
        missing = _like_in_style(product, _other_shelves(product, others)) or _like_in_style(product, others)
        kept += _varied(missing, n - len(kept))
    return kept


def _other_categories(product: Product) -> ProductQuerySet:
    products = Product.objects.sellable().exclude(pk=product.pk)
    if product.category is not None:
        path = product.category.path
        ancestors = [path.rsplit(Category.SEPARATOR, depth)[0] for depth in range(path.count(Category.SEPARATOR) + 1)]
        below = Q(category__path__startswith=path + Category.SEPARATOR)
        same_kind = Q(category__name=product.category.name)
        products = products.filter(category__isnull=False).exclude(Q(category__path__in=ancestors) | below | same_kind)
    if product.gender and product.gender != Product.Gender.UNISEX:
        products = products.filter(gender__in=[product.gender, Product.Gender.UNISEX, ""])
    return products


def _other_shelves(product: Product, candidates: ProductQuerySet) -> ProductQuerySet:
    """Without what lies on the same shelf for anybody."""
    return candidates.exclude(category__parent__name=_shelf(product)) if _shelf(product) else candidates


def _shelf(product: Product) -> str:
    """The name above the category, "Clothing" of dresses: who wears the dress is seldom after the jumpsuit too.

    Blank right below a root, where neighbours are all there is to combine with.
    """
    names = product.category.path.split(Category.SEPARATOR) if product.category is not None else []
    return names[-2] if len(names) > 2 else ""


def _chosen_together(product: Product, candidates: ProductQuerySet) -> list[Complement]:
    """Cosine over shoppers, as in item-to-item collaborative filtering (Linden et al. 2003)."""
    chosen = Event.objects.filter(type__in=CHOSEN, retracted_by__isnull=True, visitor__consented=True)
    shoppers = list(
        chosen.filter(product=product)
        .order_by("-occurred_at", "-pk")
        .values_list("visitor_id", flat=True)[:LATEST_SHOPPERS]
    )
    if len(set(shoppers)) < MIN_SHOPPERS:
        return []
    shared = dict(
        chosen.filter(visitor__in=set(shoppers), product__in=candidates)
        .order_by()
        .values_list("product")
        .annotate(shoppers=Count("visitor", distinct=True))
        .filter(shoppers__gte=MIN_SHOPPERS)
        .order_by("-shoppers", "product")[:CANDIDATES]
    )
    reach = dict(
        chosen.filter(product__in=shared)
        .order_by()
        .values_list("product")
        .annotate(shoppers=Count("visitor", distinct=True))
    )
    mine = len(set(shoppers))
    score = {pk: count / (mine * reach[pk]) ** 0.5 for pk, count in shared.items()}
    products = candidates.filter(pk__in=score).for_cards()
    reason = f"Often chosen together with {product.title}"
    items = [Complement(other, score[other.pk], TOGETHER, reason) for other in products]
    return sorted(items, key=lambda item: (-item.score, item.product.pk))


def _like_in_style(product: Product, candidates: ProductQuerySet) -> list[Complement]:
    encoder = live_encoder()
    kind = ProductEmbedding.Kind.HYBRID
    vector = stored_vector(encoder=encoder, kind=kind, product_id=product.pk) if encoder else None
    if encoder is None or vector is None:
        return [Complement(other, 0.0, NEW, "New in the shop") for other in candidates.for_cards()[:CANDIDATES]]
    nearest = nearest_products(encoder=encoder, kind=kind, vector=vector, n=CANDIDATES, products=candidates)
    products = {other.pk: other for other in candidates.filter(pk__in=[pk for pk, _ in nearest]).for_cards()}
    reason = f"In the style of {product.title}"
    return [Complement(products[pk], score, STYLE, reason) for pk, score in nearest if pk in products]


def _varied(items: list[Complement], n: int) -> list[Complement]:
    """The first `n`, taking turns: the best of every kind of thing, then the second best, and so on."""
    turns = Counter[str]()
    turn_of = {}
    for item in items:
        kind = _kind(item.product)
        turn_of[item.product.pk] = turns[kind]
        turns[kind] += 1
    return sorted(items, key=lambda item: turn_of[item.product.pk])[:n]


def _kind(product: Product) -> str:
    """Women's and unisex scarves are both scarves."""
    return product.category.name if product.category is not None else ""
