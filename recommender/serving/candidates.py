"""Candidate sources: each names products for a context, best first."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import numpy as np
from django.conf import settings
from django.core.cache import cache
from django.db.models import Case, F, FloatField, Sum, Value, When
from django.utils import timezone

from catalog.models import Product
from catalog.selectors import ScoredProduct, similar_ids, similar_products
from feedback.models import Event
from recommender.serving.champion import LoadedModel
from recommender.serving.context import Context

SAME_KIND, SAME_SHOPPER = 0.2, 0.2
"""What it is worth, in cosine, that a product beside another is also a dress, and also for women."""

POOL = 200
"""Candidates a source names at most."""

TRENDING_WINDOW = timedelta(days=30)
TRENDING_CACHE_SECONDS = 30


@dataclass(frozen=True)
class Candidates:
    """source: name shown and logged; products: primary keys, best first; anchor: the product they follow from."""

    source: str
    products: list[int]
    anchor: int | None = None


class Source(Protocol):
    def __call__(self, context: Context, model: LoadedModel | None) -> list[Candidates]: ...


def from_model(context: Context, model: LoadedModel | None) -> list[Candidates]:
    """The champion's ranking for this history, within the category where there is one."""
    if model is None:
        return []
    history = model.history(context.shopper)
    if not len(history) and context.shopper.history:
        return []  # it knows none of their products: what it would say is not about them
    scores = model.scorer.score_one(history)
    product_ids = model.product_ids
    if context.category is not None:
        inside = Product.objects.visible().in_category(context.category).values_list("pk", flat=True)
        known = np.isin(product_ids, np.fromiter(inside, dtype=np.int64))
        scores, product_ids = scores[known], product_ids[known]
    if not len(scores):
        return []
    size = min(POOL, len(scores))
    best = np.argpartition(-scores, size - 1)[:size]
    best = best[np.argsort(-scores[best], kind="stable")]
    return [Candidates("model", [int(pk) for pk in product_ids[best]])]


def from_similar_content(context: Context, model: LoadedModel | None) -> list[Candidates]:
    """Products that look and read like the latest ones the shopper liked."""
    anchors = Product.objects.in_bulk(context.anchors[:2])
    return [
        Candidates("similar", [near for near, _ in similar_ids(product=anchors[pk], n=40)], anchor=pk)
        for pk in context.anchors[:2]
        if pk in anchors
    ]


def from_trending(context: Context, model: LoadedModel | None) -> list[Candidates]:
    """What shoppers took lately, weighed by the reward of each event; all time when the month was silent."""
    return [Candidates("trending", products)] if (products := trending_products()) else []


def from_newest(context: Context, model: LoadedModel | None) -> list[Candidates]:
    """The latest arrivals, so that a product nobody has seen yet has a way in."""
    products = Product.objects.sellable()
    if context.category is not None:
        products = products.in_category(context.category)
    newest = products.order_by("-created_at", "-pk").values_list("pk", flat=True)[:40]
    return [Candidates("new", list(newest))]


def trending_products() -> list[int]:
    """Primary keys of visible products by summed reward, best first; cached for TRENDING_CACHE_SECONDS."""
    cached: list[int] | None = cache.get("trending")
    if cached is None:
        cached = _trending(since=True) or _trending(since=False)
        cache.set("trending", cached, TRENDING_CACHE_SECONDS)
    return cached


def _trending(*, since: bool) -> list[int]:
    rewards: dict[str, float] = settings.FASHIONREC["REWARDS"]
    reward = Case(
        *[When(type=name, then=Value(float(value))) for name, value in rewards.items()],
        default=Value(0.0),
        output_field=FloatField(),
    )
    # What a shopper does without consent ranks their own page only.
    events = Event.objects.filter(product__status="active", retracted_by__isnull=True, visitor__consented=True)
    if since:
        events = events.filter(occurred_at__gte=timezone.now() - TRENDING_WINDOW)
    return list(
        events.values("product_id")
        .annotate(reward=Sum(reward))
        .filter(reward__gt=0)
        .order_by(F("reward").desc(), "product_id")
        .values_list("product_id", flat=True)[:POOL]
    )


SOURCES: list[Callable[[Context, LoadedModel | None], list[Candidates]]] = [
    from_model,
    from_similar_content,
    from_trending,
    from_newest,
]


def alike_on_the_shelf(product: Product, *, n: int) -> list[int]:
    """Primary keys of the n products most like this one, best first: by looks and words, kind, and whom it is for.

    Content vectors see colour and cloth before cut; whoever looks at a green dress wants dresses, not green pyjamas.
    """
    kind = product.category.name if product.category else None

    def likeness(item: ScoredProduct) -> float:
        other = item.product
        same_kind = kind is not None and other.category is not None and other.category.name == kind
        same_shopper = Product.Gender.UNISEX in (product.gender, other.gender) or product.gender == other.gender
        return item.score + SAME_KIND * same_kind + SAME_SHOPPER * same_shopper

    near = similar_products(product=product, n=max(POOL, n))
    return [item.product.pk for item in sorted(near, key=likeness, reverse=True)[:n]]


def gather(context: Context, model: LoadedModel | None) -> list[Candidates]:
    """What every source names; within a category only what lies in it, so that ranks count there."""
    groups = [candidates for source in SOURCES for candidates in source(context, model)]
    if context.category is None:
        return groups
    named = {pk for group in groups for pk in group.products}
    inside = set(
        Product.objects.visible().in_category(context.category).filter(pk__in=named).values_list("pk", flat=True)
    )
    return [replace(group, products=[pk for pk in group.products if pk in inside]) for group in groups]
