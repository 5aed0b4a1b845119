"""What is sold: products with their variants and pictures, in a tree of categories."""

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models.functions import Coalesce

from catalog.querysets import ProductQuerySet


class Category(models.Model):
    """A node of the category tree; `path` spells the way from the root, as in "Women > Dresses"."""

    SEPARATOR: ClassVar = " > "

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=250, unique=True)
    path = models.CharField(max_length=400, unique=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")

    class Meta:
        ordering: ClassVar = ["path"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.path


class Brand(models.Model):
    name = models.CharField(max_length=120, unique=True)
    slug = models.SlugField(max_length=140, unique=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """One thing in the shop. Its public id is "<source>:<external id>"."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        DRAFT = "draft"
        ARCHIVED = "archived"

    class Gender(models.TextChoices):
        WOMEN = "women"
        MEN = "men"
        UNISEX = "unisex"
        GIRLS = "girls"
        BOYS = "boys"

    source = models.CharField(max_length=40)
    external_id = models.CharField(max_length=100)
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True, max_length=20_000)
    brand = models.ForeignKey(Brand, null=True, blank=True, on_delete=models.PROTECT, related_name="products")
    category = models.ForeignKey(Category, null=True, blank=True, on_delete=models.PROTECT, related_name="products")
    gender = models.CharField(max_length=10, choices=Gender.choices, blank=True)
    colour = models.CharField(max_length=60, blank=True)
    material = models.CharField(max_length=60, blank=True)
    pattern = models.CharField(max_length=60, blank=True)
    season = models.CharField(max_length=20, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)

    # The offer, kept in step with the variants by catalog.services.products.refresh_offers: the lowest price,
    # and whether anything can be bought. Lists and filters read these; the variants are the truth.
    price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True, editable=False)
    compare_at_price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True, editable=False)
    currency = models.CharField(max_length=3, blank=True, editable=False)
    in_stock = models.BooleanField(default=True, editable=False)

    content_version = models.PositiveIntegerField(
        default=1, editable=False, help_text="Rises on every change of what an encoder sees."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    document = models.GeneratedField(
        expression=SearchVector("title", weight="A", config="english")
        + SearchVector(Coalesce("colour", models.Value("")), weight="B", config="english")
        + SearchVector(Coalesce("pattern", models.Value("")), weight="B", config="english")
        + SearchVector(Coalesce("material", models.Value("")), weight="B", config="english")
        + SearchVector("description", weight="C", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "external_id"], name="product_source_external_id"),
        ]
        indexes: ClassVar = [
            GinIndex(fields=["document"], name="product_document"),
            models.Index(fields=["status", "category"], name="product_status_category"),
            models.Index(fields=["status", "brand"], name="product_status_brand"),
            models.Index(fields=["status", "price"], name="product_status_price"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def public_id(self) -> str:
        return f"{self.source}:{self.external_id}"

    @property
    def on_request(self) -> bool:
        """Recommendable, but not purchasable: no variant has a price."""
        return self.price is None


class Variant(models.Model):
    """A size and colour that can be bought. stock null = untracked and sellable; price null = on request."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="variants")
    sku = models.CharField(max_length=120)
    size = models.CharField(max_length=40, blank=True)
    colour = models.CharField(max_length=60, blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    compare_at_price = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    stock = models.PositiveIntegerField(null=True, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["product", "sku"], name="variant_product_sku"),
            models.CheckConstraint(condition=models.Q(price__gte=0), name="variant_price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.sku} {self.size}".strip()


class ProductImage(models.Model):
    """A picture in the media storage; the digest tells whether it changed."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="images")
    file = models.ImageField(upload_to="products", width_field="width", height_field="height", max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField(help_text="Bytes.")
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    alt = models.CharField(max_length=300, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["position", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["product", "sha256"], name="image_product_sha256"),
        ]

    def __str__(self) -> str:
        return self.file.name or ""
