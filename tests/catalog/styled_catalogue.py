"""A small catalogue with planted looks: what is alike has vectors that point the same way."""

from collections.abc import Mapping, Sequence

import numpy as np

from catalog.models import Encoder, Product, ProductEmbedding
from tests.factories.catalog import BrandFactory, CategoryFactory, EncoderFactory, ProductImageFactory

DIMENSIONS = 16
LOOKS = {
    "Dresses": {"colour": "red", "pattern": "floral", "gender": "women"},
    "Shirts": {"colour": "navy", "pattern": "striped", "gender": "men"},
    "Jeans": {"colour": "blue", "pattern": "plain", "gender": "men"},
}
"""Category name -> what the products of a look have in common. Look i points along axis i."""


def planted_catalogue(*, each: int = 14, looks: Mapping[str, Mapping[str, str]] = LOOKS) -> dict[str, list[Product]]:
    """Category name -> its products, `each` many, in the order of primary keys; the first of each has a picture."""
    encoder, generator = EncoderFactory(dimensions=DIMENSIONS), np.random.default_rng(0)
    planted = {}
    for axis, (name, facts) in enumerate(looks.items()):
        planted[name] = plant_products(name, axis, each=each, encoder=encoder, generator=generator, **facts)
        ProductImageFactory(product=planted[name][0])
    return planted


def plant_products(
    name: str,
    axis: int,
    *,
    each: int,
    encoder: Encoder,
    generator: np.random.Generator,
    spread: float = 0.08,
    **facts: str,
) -> list[Product]:
    """Products of one category with vectors near one axis, without variants and pictures."""
    first = Product.objects.count()
    category, brand = CategoryFactory(name=name), BrandFactory()
    products = Product.objects.bulk_create(
        [
            Product(source="shop", external_id=f"p{first + number}", title=f"{name} {number}", category=category,
                    brand=brand, currency="EUR", **facts)
            for number in range(each)
        ]
    )  # fmt: skip
    ProductEmbedding.objects.bulk_create(
        [
            ProductEmbedding(
                product=product, encoder=encoder, kind="hybrid", content_version=1,
                vector=look_vector(axis, generator, spread=spread),
            )
            for product in products
        ]
    )  # fmt: skip
    return products


def look_vector(axis: int, generator: np.random.Generator, *, spread: float = 0.08) -> list[float]:
    """Unit length, near one axis."""
    vector = spread * generator.normal(size=DIMENSIONS)
    vector[axis] += 1.0
    return [float(value) for value in vector / np.linalg.norm(vector)]


def styles_of(products: Sequence[Product]) -> set[str | None]:
    """Names of the styles the products stand in now."""
    placed = Product.objects.filter(pk__in=[product.pk for product in products])
    return set(placed.values_list("placement__cluster__name", flat=True))


def vectors_point_to(products: Sequence[Product], axis: int) -> None:
    """The products look another way from now on."""
    generator = np.random.default_rng(axis)
    for embedding in ProductEmbedding.objects.filter(product__in=products):
        embedding.vector = look_vector(axis, generator)
        embedding.save()
