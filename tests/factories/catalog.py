"""Products as a shop would have them: a brand, a place in the category tree, a variant with a price, a picture."""

import hashlib
import io
from decimal import Decimal
from typing import Any

import factory
from django.core.files.base import ContentFile
from django.utils.text import slugify
from factory.django import DjangoModelFactory
from PIL import Image

from catalog.models import Brand, Category, Encoder, Product, ProductEmbedding, ProductImage, Variant

COLOURS = {"black": "#1c1c1e", "navy": "#1f2a4d", "red": "#b3262e", "green": "#2f5d3a", "beige": "#d8c7a6"}


def png_bytes(colour: str = "#b3262e", size: tuple[int, int] = (24, 32)) -> bytes:
    """A plain picture; the same colour and size give the same bytes."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, format="PNG")
    return buffer.getvalue()


class CategoryFactory(DjangoModelFactory[Category]):
    """`CategoryFactory(name="Dresses", parent=women)` lies at "Women > Dresses"; the same path is the same row."""

    class Meta:
        model = Category
        django_get_or_create = ("path",)

    name = "Dresses"
    parent: Any = None

    @factory.lazy_attribute
    def path(self) -> str:
        return f"{self.parent.path}{Category.SEPARATOR}{self.name}" if self.parent else str(self.name)

    @factory.lazy_attribute
    def slug(self) -> str:
        return slugify(str(self.path).replace(Category.SEPARATOR, " "))


class BrandFactory(DjangoModelFactory[Brand]):
    class Meta:
        model = Brand
        django_get_or_create = ("name",)

    name = "Aster & Vale"
    slug = factory.LazyAttribute(lambda brand: slugify(brand.name))


class VariantFactory(DjangoModelFactory[Variant]):
    class Meta:
        model = Variant

    product = factory.SubFactory("tests.factories.catalog.ProductFactory", sizes=())
    sku = factory.Sequence(lambda n: f"SKU-{n}")
    size = "M"
    price = Decimal("49.00")
    currency = "EUR"
    stock = 5
    position = factory.Sequence(lambda n: n % 1000)


class ProductImageFactory(DjangoModelFactory[ProductImage]):
    """`ProductImageFactory(product=p, colour="#2f5d3a")`: a 24 × 32 picture that differs by colour."""

    class Meta:
        model = ProductImage
        exclude = ("colour", "picture_size", "content")

    product = factory.SubFactory("tests.factories.catalog.ProductFactory", pictures=0)
    colour = "#b3262e"
    picture_size = (24, 32)
    content = factory.LazyAttribute(lambda image: png_bytes(image.colour, image.picture_size))
    file = factory.LazyAttribute(
        lambda image: ContentFile(image.content, name=f"{hashlib.sha256(image.content).hexdigest()[:12]}.png")
    )
    sha256 = factory.LazyAttribute(lambda image: hashlib.sha256(image.content).hexdigest())
    size = factory.LazyAttribute(lambda image: len(image.content))
    position = 0


class ProductFactory(DjangoModelFactory[Product]):
    """A product with one variant and one picture; its offer (price, stock) says what the variant says.

    `sizes=("S", "M")` and `pictures=3` say how many; `price=None` is "price on request"; `in_stock=False` is sold out.
    """

    class Meta:
        model = Product
        skip_postgeneration_save = True

    source = "shop"
    external_id = factory.Sequence(lambda n: str(1000 + n))
    title = factory.Sequence(lambda n: f"Linen dress {n}")
    description = "Light, with a clear line, made to be worn often."
    brand = factory.SubFactory(BrandFactory)
    category = factory.SubFactory(CategoryFactory)
    gender = Product.Gender.WOMEN
    colour = factory.Iterator(COLOURS)
    material = "linen"
    pattern = "plain"
    season = "summer"
    price = Decimal("49.00")
    currency = "EUR"
    in_stock = True

    @factory.post_generation
    def sizes(product: Product, create: bool, extracted: tuple[str, ...] | None, **kwargs: Any) -> None:  # noqa: N805
        for position, size in enumerate(("M",) if extracted is None else extracted):
            VariantFactory(
                product=product,
                sku=f"{product.external_id}-{position}",
                size=size,
                price=product.price,
                compare_at_price=product.compare_at_price,
                currency=product.currency,
                stock=5 if product.in_stock else 0,
                position=position,
            )

    @factory.post_generation
    def pictures(product: Product, create: bool, extracted: int | None, **kwargs: Any) -> None:  # noqa: N805
        for position in range(1 if extracted is None else extracted):
            # One digest may occur once per product, so later pictures are a pixel wider.
            ProductImageFactory(
                product=product,
                colour=COLOURS.get(product.colour, "#777777"),
                picture_size=(24 + position, 32),
                position=position,
            )


class EncoderFactory(DjangoModelFactory[Encoder]):
    class Meta:
        model = Encoder
        django_get_or_create = ("name", "digest")

    name = "compact"
    digest = "0" * 64
    dimensions = 8
    is_live = True


class ProductEmbeddingFactory(DjangoModelFactory[ProductEmbedding]):
    """`vector` has unit length and `encoder.dimensions` numbers."""

    class Meta:
        model = ProductEmbedding

    product = factory.SubFactory(ProductFactory)
    encoder = factory.SubFactory(EncoderFactory)
    kind = ProductEmbedding.Kind.HYBRID
    content_version = factory.LazyAttribute(lambda embedding: embedding.product.content_version)
    vector = factory.LazyAttribute(lambda embedding: [1.0] + [0.0] * (embedding.encoder.dimensions - 1))
