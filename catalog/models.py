"""Products, their pictures and variants, how they were imported, and their content vectors."""

import uuid
from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models.functions import Coalesce
from pgvector.django import HalfVectorField

from catalog.querysets import ProductQuerySet
from fashionrec.common.models import Chunk, Run


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


def upload_storage() -> Storage:
    """Uploaded catalogue files are work in progress: not beside the pictures, which anybody may fetch."""
    return storages["artifacts"]


class ImportRun(Run):
    """One reading of a catalogue file. read = created + updated + unchanged + rejected, always."""

    task_name = "catalog.tasks.work_import_run"

    source = models.CharField(max_length=40)
    format = models.CharField(max_length=20)
    path = models.CharField(max_length=500, blank=True, help_text="File or folder on the machine that reads it.")
    upload = models.FileField(upload_to="imports", storage=upload_storage, blank=True)
    mapping = models.JSONField(default=dict, blank=True, help_text="Field of a product: column of the file.")
    encoding = models.CharField(max_length=20, default="utf-8")
    file_sha256 = models.CharField(max_length=64, blank=True)
    read = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    images = models.PositiveIntegerField(default=0, help_text="Pictures added to products.")

    class Meta(Run.Meta):
        verbose_name = "import"


class ImportIssue(models.Model):
    """One thing wrong with one row; a rejected row has at least one, a warning keeps the row."""

    class Severity(models.TextChoices):
        REJECTED = "rejected"
        WARNING = "warning"

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="issues")
    row = models.PositiveIntegerField(help_text="Counted from 1, the first row after the header.")
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.REJECTED)
    field = models.CharField(max_length=100, blank=True)
    value = models.TextField(blank=True)
    reason = models.CharField(max_length=300)

    class Meta:
        ordering: ClassVar = ["row", "pk"]
        indexes: ClassVar = [models.Index(fields=["run", "row"], name="importissue_run_row")]

    def __str__(self) -> str:
        return f"row {self.row}: {self.field}: {self.reason}"


class Encoder(models.Model):
    """A set of weights that turns products into vectors. At most one is live; queries are encoded by that one."""

    name = models.CharField(max_length=120)
    digest = models.CharField(max_length=64, help_text="sha256 of the weights.")
    dimensions = models.PositiveIntegerField()
    is_live = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "digest"], name="encoder_name_digest"),
            models.UniqueConstraint(fields=["is_live"], condition=models.Q(is_live=True), name="encoder_one_live"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.dimensions}-d, {self.digest[:8]})"


class ProductEmbedding(models.Model):
    """One content vector (unit length) and the content version it was made from."""

    class Kind(models.TextChoices):
        IMAGE = "image"
        TEXT = "text"
        HYBRID = "hybrid"

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="embeddings")
    encoder = models.ForeignKey(Encoder, on_delete=models.CASCADE, related_name="embeddings")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    content_version = models.PositiveIntegerField()
    # No fixed length: encoders differ. The HNSW index of a live encoder casts to its own length.
    vector = HalfVectorField()
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["encoder", "kind", "product"], name="embedding_encoder_kind_product"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of product {self.product_id}"


class EmbeddingRun(Run):
    """Vectors for the products that were dirty when the run was planned."""

    task_name = "catalog.tasks.work_embedding_run"

    encoder = models.ForeignKey(Encoder, on_delete=models.CASCADE, related_name="runs")

    class Meta(Run.Meta):
        verbose_name = "embedding run"


class EmbeddingChunk(Chunk):
    run = models.ForeignKey(EmbeddingRun, on_delete=models.CASCADE, related_name="chunks")
    product_ids = models.JSONField()

    class Meta(Chunk.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "index"], name="embeddingchunk_run_index")]


class StyleCluster(models.Model):
    """A named group of products that look alike."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    products = models.ManyToManyField(Product, related_name="clusters", blank=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
