"""Chainable filters on products. Visibility is decided here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

if TYPE_CHECKING:
    from catalog.models import Category, Encoder, Product  # noqa: F401


def subtree(category: Category) -> models.QuerySet[Category]:
    """`category` and everything below it."""
    below = Q(pk=category.pk) | Q(path__startswith=category.path + category.SEPARATOR)
    return type(category)._default_manager.filter(below).order_by()


class ProductQuerySet(models.QuerySet["Product"]):
    def visible(self) -> Self:
        """What a shopper may see."""
        return self.filter(status="active")

    def sellable(self) -> Self:
        """Visible and not sold out."""
        return self.visible().filter(in_stock=True)

    def by_public_ids(self, public_ids: Iterable[str]) -> Self:
        """Products named "<source>:<external id>"; unknown and malformed ids match nothing."""
        wanted: dict[str, list[str]] = {}
        for public_id in public_ids:
            source, separator, external_id = public_id.partition(":")
            if separator and "\x00" not in public_id:
                wanted.setdefault(source, []).append(external_id)
        condition = Q(pk__in=[])
        for source, external_ids in wanted.items():
            condition |= Q(source=source, external_id__in=external_ids)
        return self.filter(condition)

    def pk_by_public_id(self, public_ids: Iterable[str]) -> dict[str, int]:
        """Public id -> primary key of those that are found. One query, however many are asked for."""
        rows = self.by_public_ids(public_ids).values_list("source", "external_id", "pk")
        return {f"{source}:{external_id}": pk for source, external_id, pk in rows}

    def in_category(self, category: Category) -> Self:
        """In `category` or below it."""
        return self.filter(Q(category=category) | Q(category__path__startswith=category.path + category.SEPARATOR))

    def priced_between(self, low: Decimal | None, high: Decimal | None) -> Self:
        products = self
        if low is not None:
            products = products.filter(price__gte=low)
        if high is not None:
            products = products.filter(price__lte=high)
        return products

    def dirty_for(self, encoder: Encoder) -> Self:
        """Products whose vectors by `encoder` are missing or older than their content."""
        from catalog.models import ProductEmbedding

        fresh = ProductEmbedding.objects.filter(
            product=OuterRef("pk"), encoder=encoder, kind="hybrid", content_version=OuterRef("content_version")
        )
        return self.filter(~Exists(fresh))

    def for_cards(self) -> Self:
        """With everything that a product card shows, in a constant number of queries."""
        return self.select_related("brand", "category").prefetch_related("images")

    def with_style(self) -> Self:
        """With the style it belongs to, in the same query."""
        unread = ("centroid", "representatives", "attributes")
        styled = self.select_related("placement__cluster")
        return styled.defer(*(f"placement__cluster__{name}" for name in unread))
