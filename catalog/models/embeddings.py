"""Encoders and the content vectors they made of products."""

from typing import ClassVar

from django.db import models
from pgvector.django import HalfVectorField

from catalog.models.products import Product
from fashionrec.common.models import Chunk, Run


class Encoder(models.Model):
    """A set of weights that turns products into vectors. At most one is live; queries are encoded by that one."""

    name = models.CharField(max_length=120)
    digest = models.CharField(max_length=64, help_text="sha256 of the weights.")
    dimensions = models.PositiveIntegerField()
    is_live = models.BooleanField(default=False)
    image_weight = models.FloatField(
        default=0.5, help_text="Share of the picture in hybrid vectors; the text has the rest."
    )
    tuning = models.JSONField(
        default=dict, blank=True, help_text="How image_weight was chosen: measured figures per weight."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "digest"], name="encoder_name_digest"),
            models.UniqueConstraint(fields=["is_live"], condition=models.Q(is_live=True), name="encoder_one_live"),
            models.CheckConstraint(
                condition=models.Q(image_weight__gte=0, image_weight__lte=1), name="encoder_image_weight_is_a_share"
            ),
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
    goes_live = models.BooleanField(
        default=False, help_text="When all vectors are there, the encoder becomes the one that answers queries."
    )

    class Meta(Run.Meta):
        verbose_name = "embedding run"


class EmbeddingChunk(Chunk):
    run = models.ForeignKey(EmbeddingRun, on_delete=models.CASCADE, related_name="chunks")
    product_ids = models.JSONField()

    class Meta(Chunk.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "index"], name="embeddingchunk_run_index")]
