"""Writing products, one at a time; catalog.services.product_batches does the work for one and for many."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from catalog.models import Product, Variant
from catalog.offers import best_offer
from catalog.product_data import ProductData
from catalog.product_parsing import validated
from catalog.services.product_batches import Outcome, ProductWrite, write_products
from catalog.sources import check_source


def save_product(*, source: str, data: ProductData) -> tuple[Product, Outcome]:
    """Create or change the product "<source>:<data.external_id>"; says which, or that nothing differed.

    Pictures are not touched (`data.images` names files of an import). Raises Invalid with every field at fault.
    """
    check_source(source)
    with transaction.atomic():
        (written,) = write_products(source=source, writes=[ProductWrite(data=validated(data))])
    return written.product, written.outcome


def refresh_offers(product_ids: Collection[int]) -> int:
    """Bring price, currency and stock of products in step with their variants; returns how many changed."""
    fields = ["price", "compare_at_price", "currency", "in_stock"]
    changed = []
    with transaction.atomic():
        products = Product.objects.select_for_update().filter(pk__in=product_ids).order_by("pk")
        variants: dict[int, list[Variant]] = {}
        for variant in Variant.objects.filter(product_id__in=product_ids):
            variants.setdefault(variant.product_id, []).append(variant)
        for product in products:
            offer = best_offer(variants.get(product.pk, []))
            if any(getattr(product, name) != getattr(offer, name) for name in fields):
                for name in fields:
                    setattr(product, name, getattr(offer, name))
                product.updated_at = timezone.now()
                changed.append(product)
        Product.objects.bulk_update(changed, [*fields, "updated_at"], batch_size=500)
    return len(changed)


def mark_content_changed(*, product_ids: Collection[int]) -> int:
    """What an encoder sees of these products changed: their vectors are out of date."""
    return Product.objects.filter(pk__in=product_ids).update(
        content_version=F("content_version") + 1, updated_at=timezone.now()
    )


def archive_product(product: Product) -> bool:
    """Take a product out of the shop, keeping its history; False when it already was."""
    return set_status(product_ids=[product.pk], status=Product.Status.ARCHIVED) == 1


def set_status(*, product_ids: Collection[int], status: Product.Status) -> int:
    """Returns how many products had another status."""
    return (
        Product.objects.filter(pk__in=product_ids)
        .exclude(status=status)
        .update(status=status, updated_at=timezone.now())
    )
