"""Writing many products in a constant number of statements: rows that did not change are not written."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import F
from django.utils import timezone

from catalog.models import Product, ProductImage, Variant
from catalog.offers import best_offer
from catalog.pictures import Picture
from catalog.product_data import ProductData, VariantData
from catalog.services.taxonomy import brands_by_name, categories_by_path
from fashionrec.common.locks import Lock, take_lock

Outcome = Literal["created", "updated", "unchanged"]

# What catalog.ml.captions puts in front of a text tower; pictures count as well.
CONTENT_FIELDS = ("title", "brand_id", "category_id", "gender", "colour", "material", "pattern")
_OWN_FIELDS = (*CONTENT_FIELDS, "description", "season", "attributes")
_OFFER_FIELDS = ("price", "compare_at_price", "currency", "in_stock")
_VARIANT_FIELDS = ("size", "colour", "price", "compare_at_price", "currency", "stock", "position")
_PICTURE_FIELDS = ["position", "alt"]
_UPDATED_COLUMNS = [
    *("title", "brand", "category", "gender", "colour", "material", "pattern", "description", "season", "attributes"),
    *(*_OFFER_FIELDS, "status", "content_version", "updated_at"),
]


@dataclass(frozen=True, slots=True)
class ProductWrite:
    """`pictures`: the product's pictures from now on, None to leave them.

    keep_other_pictures: stored pictures that are not listed stay (some of the list could not be read).
    """

    data: ProductData
    pictures: Sequence[Picture] | None = None
    keep_other_pictures: bool = False


@dataclass(slots=True)
class Written:
    product: Product
    outcome: Outcome
    new_pictures: int = 0


def lock_source(source: str) -> None:
    """Wait until no other transaction writes products of this source; until the end of this one."""
    take_lock(Lock.CATALOG_WRITE, zlib.crc32(source.encode()) - 2**31)


def write_products(*, source: str, writes: Sequence[ProductWrite]) -> list[Written]:
    """Store valid products with distinct external ids, in order. Must run inside a transaction.

    Writers of one source wait for each other, so that nobody else makes the same product in between.
    """
    lock_source(source)
    brands = brands_by_name({write.data.brand for write in writes})
    categories = categories_by_path({write.data.category for write in writes})
    stored = {
        product.external_id: product
        for product in Product.objects.select_for_update()
        .filter(source=source, external_id__in=[write.data.external_id for write in writes])
        .order_by("pk")
    }
    variants = _variants_of([stored[w.data.external_id].pk for w in writes if _rewrites_variants(w, stored)])
    pictures = _pictures_of([stored[w.data.external_id].pk for w in writes if _rewrites_pictures(w, stored)])

    written, changed, variant_changes, picture_changes = [], [], _Changes(), _Changes()
    for write in writes:
        data, product = write.data, stored.get(write.data.external_id)
        created = product is None
        product = product or Product(source=source, external_id=data.external_id)
        brand, category = brands.get(data.brand), categories.get(data.category)
        seen = _assign(product, _own_values(data, brand.pk if brand else None, category.pk if category else None))
        row_changed, content_changed = bool(seen), bool(seen & set(CONTENT_FIELDS))
        others_changed = False
        if data.status is not None:
            row_changed |= bool(_assign(product, {"status": data.status}))
        if data.variants is not None:
            offer = best_offer(data.variants)
            row_changed |= bool(_assign(product, {name: getattr(offer, name) for name in _OFFER_FIELDS}))
            others_changed |= _compare_variants(product, data.variants, variants.get(product.pk, {}), variant_changes)
        new_pictures = 0
        if write.pictures is not None:
            before = len(picture_changes.created)
            stored_pictures = pictures.get(product.pk, {})
            if _compare_pictures(
                product, write.pictures, stored_pictures, picture_changes, keep_others=write.keep_other_pictures
            ):
                others_changed = content_changed = True
            new_pictures = len(picture_changes.created) - before
        if not created and content_changed:
            product.content_version += 1
        if created or row_changed or others_changed:
            changed.append(product)
        outcome: Outcome = "created" if created else "updated" if row_changed or others_changed else "unchanged"
        written.append(Written(product, outcome, new_pictures))

    _write_rows(changed)
    variant_changes.write(Variant, list(_VARIANT_FIELDS))
    picture_changes.write(ProductImage, _PICTURE_FIELDS)
    return written


def write_pictures(*, wanted: Mapping[int, Sequence[Picture]], keep_others: Collection[int]) -> int:
    """Set the pictures of stored products (by primary key), for those in `keep_others` only add; how many are new.

    Must run inside a transaction that holds `lock_source`. Products that are gone by now are passed over.
    """
    stored, changes, changed = _pictures_of(list(wanted)), _Changes(), []
    for product in Product.objects.select_for_update().filter(pk__in=list(wanted)).order_by("pk"):
        pictures = stored.get(product.pk, {})
        if _compare_pictures(product, wanted[product.pk], pictures, changes, keep_others=product.pk in keep_others):
            changed.append(product.pk)
    changes.write(ProductImage, _PICTURE_FIELDS)
    Product.objects.filter(pk__in=changed).update(content_version=F("content_version") + 1, updated_at=timezone.now())
    return len(changes.created)


class _Changes:
    """Rows of products to make, change and delete, collected over a batch."""

    def __init__(self) -> None:
        self.created: list[Any] = []
        self.updated: list[Any] = []
        self.deleted: list[int] = []

    def write(self, model: Any, fields: list[str]) -> None:
        # Deleted first: a picture may take the place of another.
        if self.deleted:
            model.objects.filter(pk__in=self.deleted).delete()
        if self.updated:
            model.objects.bulk_update(self.updated, fields, batch_size=500)
        if self.created:
            model.objects.bulk_create(self.created, batch_size=1000)


def _rewrites_variants(write: ProductWrite, stored: dict[str, Product]) -> bool:
    return write.data.variants is not None and write.data.external_id in stored


def _rewrites_pictures(write: ProductWrite, stored: dict[str, Product]) -> bool:
    return write.pictures is not None and write.data.external_id in stored


def _variants_of(product_ids: list[int]) -> dict[int, dict[str, Variant]]:
    rows: dict[int, dict[str, Variant]] = {}
    if product_ids:
        for variant in Variant.objects.filter(product_id__in=product_ids):
            rows.setdefault(variant.product_id, {})[variant.sku] = variant
    return rows


def _pictures_of(product_ids: list[int]) -> dict[int, dict[str, ProductImage]]:
    rows: dict[int, dict[str, ProductImage]] = {}
    if product_ids:
        for image in ProductImage.objects.filter(product_id__in=product_ids):
            rows.setdefault(image.product_id, {})[image.sha256] = image
    return rows


def _own_values(data: ProductData, brand_id: int | None, category_id: int | None) -> dict[str, Any]:
    values = {name: getattr(data, name) for name in _OWN_FIELDS if name not in ("brand_id", "category_id")}
    values["attributes"] = dict(data.attributes)
    return {**values, "brand_id": brand_id, "category_id": category_id}


def _assign(row: Any, values: dict[str, Any]) -> set[str]:
    """Set the values that differ; returns their names."""
    differing = {name for name, value in values.items() if getattr(row, name) != value}
    for name in differing:
        setattr(row, name, values[name])
    return differing


def _compare_variants(
    product: Product, wanted: Sequence[VariantData], stored: dict[str, Variant], changes: _Changes
) -> bool:
    before = len(changes.created) + len(changes.updated) + len(changes.deleted)
    for position, data in enumerate(wanted):
        values = {name: getattr(data, name) for name in _VARIANT_FIELDS if name != "position"} | {"position": position}
        variant = stored.get(data.sku)
        if variant is None:
            changes.created.append(Variant(product=product, sku=data.sku, **values))
        elif _assign(variant, values):
            changes.updated.append(variant)
    listed = {data.sku for data in wanted}
    changes.deleted.extend(variant.pk for sku, variant in stored.items() if sku not in listed)
    return len(changes.created) + len(changes.updated) + len(changes.deleted) > before


def _compare_pictures(
    product: Product,
    pictures: Sequence[Picture],
    stored: dict[str, ProductImage],
    changes: _Changes,
    *,
    keep_others: bool,
) -> bool:
    before = len(changes.created) + len(changes.updated) + len(changes.deleted)
    wanted = {picture.sha256: picture for picture in pictures}
    for position, picture in enumerate(wanted.values()):
        image = stored.get(picture.sha256)
        if image is None:
            changes.created.append(
                ProductImage(
                    product=product,
                    file=picture.file,
                    sha256=picture.sha256,
                    size=picture.size,
                    width=picture.width,
                    height=picture.height,
                    alt=picture.alt,
                    position=position,
                )
            )
        elif not keep_others and _assign(image, {"position": position, "alt": picture.alt or image.alt}):
            changes.updated.append(image)
    if not keep_others:
        changes.deleted.extend(image.pk for digest, image in stored.items() if digest not in wanted)
    return len(changes.created) + len(changes.updated) + len(changes.deleted) > before


def _write_rows(products: list[Product]) -> None:
    new = [product for product in products if product.pk is None]
    changed = [product for product in products if product.pk is not None]
    if new:
        Product.objects.bulk_create(new)
    if changed:
        # An upsert of existing rows: one statement with plain values, where bulk_update builds a CASE per cell.
        made = {product.pk: product.created_at for product in changed}
        Product.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["id"], update_fields=_UPDATED_COLUMNS
        )
        for product in changed:
            product.created_at = made[product.pk]  # bulk_create took it for new
