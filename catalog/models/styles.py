"""Styles: groups of products that look alike, found by clustering and corrected by people."""

import uuid
from typing import ClassVar

from django.db import models
from pgvector.django import HalfVectorField

from catalog.models.embeddings import Encoder
from catalog.models.products import Product
from fashionrec.common.models import Run


class ClusterRun(Run):
    """One clustering of the catalogue by its hybrid vectors, with the report that compares the methods."""

    task_name = "catalog.tasks.work_cluster_run"

    encoder = models.ForeignKey(Encoder, on_delete=models.CASCADE, related_name="cluster_runs")
    parameters = models.JSONField(default=dict, blank=True)
    report = models.JSONField(default=dict, blank=True)

    class Meta(Run.Meta):
        verbose_name = "clustering"


class StyleCluster(models.Model):
    """A named group of products that look alike. What a person named, merged or moved survives the next clustering."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    named_by_person = models.BooleanField(default=False, help_text="A clustering never renames it.")
    attributes = models.JSONField(
        default=list, blank=True, help_text="What sets it apart: [{field, value, share, share_elsewhere}]."
    )
    representatives = models.JSONField(
        default=list, blank=True, help_text="Primary keys of its most typical products, the most typical first."
    )
    encoder = models.ForeignKey(Encoder, null=True, blank=True, on_delete=models.SET_NULL, related_name="clusters")
    centroid = HalfVectorField(null=True, blank=True, help_text="Mean hybrid vector, unit length, of that encoder.")
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="merged",
        help_text="A person merged it: what a later clustering finds here goes there.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "style"

    def __str__(self) -> str:
        return self.name


class StylePlacement(models.Model):
    """Where a product stands among the styles, and on the map."""

    product = models.OneToOneField(Product, on_delete=models.CASCADE, related_name="placement")
    cluster = models.ForeignKey(
        StyleCluster, null=True, blank=True, on_delete=models.SET_NULL, related_name="placements",
        help_text="None: like no others.",
    )  # fmt: skip
    strength = models.FloatField(default=0.0, help_text="0..1: how surely it belongs there.")
    moved_by_person = models.BooleanField(default=False, help_text="A clustering leaves it where it is.")
    x = models.FloatField(null=True, blank=True, help_text="Place on the map, 0..1.")
    y = models.FloatField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(strength__gte=0, strength__lte=1), name="placement_strength_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"product {self.product_id} in {self.cluster_id}"
