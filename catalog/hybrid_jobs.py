"""How much the picture should count in hybrid vectors, measured on the catalogue itself."""

import random
from typing import Any

from catalog.ml.embedding_metrics import telling_labels
from catalog.ml.hybrid import NEIGHBOURS, tune_image_weight
from catalog.models import Encoder, Product, ProductEmbedding
from catalog.vectors import stored_vectors
from fashionrec.common.errors import Invalid

SAMPLE = 1_000
"""Products measured on; 11 weights and 4 attributes take 2 s."""
FEWEST = 5 * NEIGHBOURS


def measure_image_weight(*, encoder: Encoder, sample: int = SAMPLE, seed: int = 0) -> dict[str, Any]:
    """What `tune_image_weight` finds on visible products drawn at random that have a picture, by their attributes.

    Nothing is encoded or stored. Raises Invalid with fewer than FEWEST such products, or without an attribute of two
    values.
    """
    pictured = ProductEmbedding.objects.filter(
        encoder=encoder, kind=ProductEmbedding.Kind.IMAGE, product__in=Product.objects.visible().order_by().values("pk")
    )
    product_ids = list(pictured.order_by("product_id").values_list("product_id", flat=True))
    drawn = sorted(random.Random(seed).sample(product_ids, min(sample, len(product_ids))))
    if len(drawn) < FEWEST:
        reason = f"{len(drawn)} visible products have a vector of their picture, at least {FEWEST} are needed"
        raise Invalid.for_field("encoder", encoder.name, reason)
    rows = Product.objects.in_bulk(drawn)
    products = [rows[pk] for pk in drawn if pk in rows]
    columns = {
        "category": [str(product.category_id or "") for product in products],
        **{name: [getattr(product, name) for product in products] for name in ("colour", "gender", "pattern")},
    }
    labels = telling_labels(columns)
    if not labels:
        raise Invalid.for_field("encoder", encoder.name, f"of {', '.join(columns)} none has two values to tell apart")
    vectors = {
        kind: stored_vectors(encoder=encoder, kind=kind, product_ids=[product.pk for product in products])
        for kind in (ProductEmbedding.Kind.IMAGE, ProductEmbedding.Kind.TEXT)
    }
    tuned = tune_image_weight(
        images=vectors[ProductEmbedding.Kind.IMAGE], texts=vectors[ProductEmbedding.Kind.TEXT], labels=labels
    )
    return {"measured_on": f"{len(products)} products of the catalogue", "seed": seed, **tuned}
