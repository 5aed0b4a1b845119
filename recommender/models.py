"""Training as rows, the registry of model versions, and which of them serves."""

from typing import ClassVar

from django.db import models
from pgvector.django import VectorField

from catalog.models import Product
from fashionrec.common.models import Run


class ModelKind(models.TextChoices):
    RANDOM = "random"
    POPULARITY = "popularity"
    POPULARITY_30D = "popularity_30d", "popularity of 30 days"
    POPULARITY_7D = "popularity_7d", "popularity of 7 days"
    CONTENT_KNN = "content_knn", "content-kNN"
    ITEM_KNN = "item_knn", "item-kNN"
    TRANSITION_KNN = "transition_knn", "transition-kNN"
    GF_CF = "gf_cf", "GF-CF"
    EASE = "ease", "EASE"
    LIGHTGCN = "lightgcn", "LightGCN"
    DROPOUTNET = "dropoutnet", "DropoutNet"
    TWO_TOWER = "two_tower", "two-tower"
    GRAPHSAGE = "graphsage", "GraphSAGE"
    BLEND = "blend"


class TrainingRun(Run):
    """One training of one kind of model. Held alone; checkpoints after every epoch under its lease."""

    task_name = "recommender.tasks.work_training_run"

    kind = models.CharField(max_length=20, choices=ModelKind.choices)
    config = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField(default=0)

    class Meta(Run.Meta):
        verbose_name = "training run"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(state__in=["queued", "running"]), name="training_one_open_per_kind"
            ),
        ]


class TrainingEpoch(models.Model):
    """A finished epoch: written once, so a resumed run that repeated work would fail here."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="epochs")
    epoch = models.PositiveIntegerField()
    loss = models.FloatField()
    seconds = models.FloatField()
    worker = models.CharField(max_length=120)
    finished_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["epoch"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "epoch"], name="trainingepoch_once")]

    def __str__(self) -> str:
        return f"epoch {self.epoch}: {self.loss:.4f}"


class ModelVersion(models.Model):
    """A trained model: what it was made from, how good it is beside the baselines, and where its files are."""

    kind = models.CharField(max_length=20, choices=ModelKind.choices)
    run = models.OneToOneField(TrainingRun, null=True, on_delete=models.SET_NULL, related_name="version")
    parameters = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField(default=0)
    data_window = models.JSONField(default=dict, blank=True, help_text="First and last event, ISO 8601.")
    row_counts = models.JSONField(default=dict, blank=True)
    metrics = models.JSONField(default=dict, blank=True)
    code_version = models.CharField(max_length=60, blank=True)
    artifact_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.pk}"


class ModelAlias(models.Model):
    """`champion` serves; promotion and rollback are one update of this row."""

    class Name(models.TextChoices):
        CHAMPION = "champion"
        CHALLENGER = "challenger"

    name = models.CharField(max_length=20, choices=Name.choices, unique=True)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    previous = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="For rollback."
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "model aliases"

    def __str__(self) -> str:
        return f"{self.name}: {self.version}"


class ItemVector(models.Model):
    """A product's vector under one version: the record, also for products added since training."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="item_vectors")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="item_vectors")
    vector = VectorField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["version", "product"], name="itemvector_once")]

    def __str__(self) -> str:
        return f"vector of product {self.product_id} in version {self.version_id}"


class EvaluationReport(models.Model):
    """Several versions measured side by side on the same held-out events."""

    versions = models.ManyToManyField(ModelVersion, related_name="reports")
    results = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"evaluation of {self.created_at:%Y-%m-%d %H:%M}"
