"""From a request body to a product: the same checks as an import, but nothing is guessed or left out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction

from catalog.models import Product
from catalog.product_data import ProductData
from catalog.product_parsing import parse_product
from catalog.selectors import product_as_data
from catalog.services.product_batches import lock_source
from catalog.services.products import save_product
from fashionrec.common.api.validation import json_ready
from fashionrec.common.errors import Conflict, FieldError, Invalid, NotFound

READ_ONLY = {"in_stock", "cluster"}
OF_ONE_VARIANT = ("sku", "size", "price", "compare_at_price", "currency", "stock")


def product_to_change(product_id: str) -> Product:
    """Any product, visible or not. Raises NotFound."""
    product = Product.objects.by_public_ids([product_id]).select_related("brand", "category").first()
    if product is None:
        raise NotFound("Unknown product.", fields=[FieldError("product", product_id, "unknown product")])
    return product


def create_from(body: Any, *, default_source: str) -> Product:
    """Raises Conflict when the product exists, Invalid with every field at fault."""
    record = _record(body)
    source, external_id = _identity(record, default_source)
    data = _parsed({**record, "external_id": external_id}, asked=record)
    with transaction.atomic():
        product, outcome = save_product(source=source, data=data)
        if outcome != "created":
            raise Conflict.for_field("id", product.public_id, "this product exists already: change it with PATCH")
    return _reloaded(product)


@transaction.atomic
def change(product_id: str, body: Any) -> Product:
    """Change what `body` names and keep the rest. Raises NotFound, or Invalid with every field at fault."""
    # What is kept is read under the lock: two changes of different fields at once must both survive.
    lock_source(product_id.partition(":")[0])
    product, record = product_to_change(product_id), _record(body)
    for name, own in (("id", product.public_id), ("source", product.source), ("external_id", product.external_id)):
        if record.pop(name, own) != own:
            raise Invalid.for_field(name, json_ready(body[name]), "an id cannot be changed")
    data = _parsed(_changed(record, product), asked=record)
    product, _ = save_product(source=product.source, data=data)
    return _reloaded(product)


def _record(body: Any) -> dict[str, Any]:
    if not isinstance(body, Mapping):
        raise Invalid.for_field("body", json_ready(body), "expected an object")
    if body.get("images"):
        raise Invalid.for_field("images", json_ready(body["images"]), "pictures come with an import or in the admin")
    return {name: value for name, value in body.items() if name not in READ_ONLY | {"images"}}


def _identity(record: dict[str, Any], default_source: str) -> tuple[str, str]:
    """Source and external id, out of `id` or the two fields, which leave the record."""
    public_id = record.pop("id", None)
    source, external_id = record.pop("source", None), record.pop("external_id", None)
    if public_id is None:
        return (default_source if source is None else source), external_id
    own_source, separator, own_external_id = str(public_id).partition(":")
    if not isinstance(public_id, str) or not separator or not own_source or not own_external_id:
        raise Invalid.for_field("id", json_ready(public_id), "expected <source>:<external id>")
    for name, given, own in (("source", source, own_source), ("external_id", external_id, own_external_id)):
        if given not in (None, own):
            raise Invalid.for_field(name, json_ready(given), f"differs from the one in id, {own}")
    return own_source, own_external_id


def _parsed(record: dict[str, Any], *, asked: dict[str, Any]) -> ProductData:
    """An import warns and goes on; a caller who is there to hear it gets every warning as an error."""
    parsed = parse_product(record)
    # A fault is reported under the name the caller used: price, not variants[0].price.
    wrong = [
        replace(error, field=own) if (own := error.field.removeprefix("variants[0].")) in asked else error
        for error in (*parsed.errors, *parsed.warnings)
    ]
    if wrong or parsed.data is None:
        raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in wrong), fields=wrong)
    return parsed.data


def _changed(record: dict[str, Any], product: Product) -> dict[str, Any]:
    """The stored record with the new values. A price alone changes the only variant, and leaves its size and stock."""
    own = {name: record[name] for name in OF_ONE_VARIANT if name in record}
    stored = product_as_data(product).as_record()
    if own and record.get("variants") is None and stored["variants"]:
        if len(stored["variants"]) > 1:
            name = next(iter(own))
            reason = f"the product has {len(stored['variants'])} variants: send `variants`"
            raise Invalid.for_field(name, json_ready(own[name]), reason)
        rest = {name: value for name, value in record.items() if name not in (*own, "variants")}
        return {**stored, **rest, "variants": [{**stored["variants"][0], **own}]}
    if own:
        del stored["variants"]
    return {**stored, **record}


def _reloaded(product: Product) -> Product:
    return Product.objects.for_cards().with_style().prefetch_related("variants").get(pk=product.pk)
