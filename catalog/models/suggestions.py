"""Values that vectors suggest where a product has none. A person decides; nothing is applied by itself."""

from typing import ClassVar

from django.db import models

from catalog.models.embeddings import Encoder
from catalog.models.products import Product
from fashionrec.common.models import Run


class SuggestionRun(Run):
    """One pass over the products that lack a category, a colour or a pattern."""

    task_name = "catalog.tasks.work_suggestion_run"

    encoder = models.ForeignKey(Encoder, on_delete=models.CASCADE, related_name="suggestion_runs")
    report = models.JSONField(default=dict, blank=True)

    class Meta(Run.Meta):
        verbose_name = "suggestion run"


class AttributeSuggestion(models.Model):
    """A value for an empty field of a product, with how sure the vectors are."""

    class Field(models.TextChoices):
        CATEGORY = "category"
        COLOUR = "colour"
        PATTERN = "pattern"

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        REJECTED = "rejected"

    run = models.ForeignKey(SuggestionRun, null=True, on_delete=models.SET_NULL, related_name="suggestions")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="suggestions")
    field = models.CharField(max_length=10, choices=Field.choices)
    value = models.CharField(max_length=400, help_text="Of a category its path.")
    confidence = models.FloatField(help_text="0..1: the share of such suggestions that are right, as measured.")
    evidence = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-confidence", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["product", "field"], condition=models.Q(state="open"), name="suggestion_one_open_per_field"
            ),
            models.UniqueConstraint(fields=["product", "field", "value"], name="suggestion_made_once"),
            models.CheckConstraint(
                condition=models.Q(confidence__gte=0, confidence__lte=1), name="suggestion_confidence_is_a_share"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "-confidence"], name="suggestion_state_confidence")]

    def __str__(self) -> str:
        return f"{self.field}: {self.value}"
