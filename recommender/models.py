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
    SLIST = "slist", "SLIST"
    SOFTMAX_MF = "softmax_mf", "softmax MF"
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
    continue_from = models.ForeignKey(
        "ModelVersion", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="The version whose weights the training begins with.",
    )  # fmt: skip

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
    files = models.JSONField(default=dict, blank=True, help_text="sha256 of every file of the artifact, by name.")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children",
        help_text="The version whose weights it continued from.",
    )  # fmt: skip
    components = models.JSONField(default=list, blank=True, help_text="Names of the versions a blend is made of.")
    extension = models.CharField(
        max_length=64, blank=True, help_text="Digest of the products added since training and of their content vectors."
    )
    catalogue_mark = models.CharField(
        max_length=80, blank=True, help_text="The state of the catalogue's content vectors that `extension` is of."
    )
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
    content_made_at = models.DateTimeField(
        null=True, blank=True, help_text="Of the content vector that placed a product added since training."
    )

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


class Retraining(Run):
    """All kinds trained anew on one state of the shop, measured side by side, and the best one made challenger."""

    task_name = "recommender.tasks.work_retraining"

    kinds = models.JSONField(default=list, help_text="What is trained, in this order.")
    seed = models.BigIntegerField(default=0)
    continues = models.BooleanField(default=False, help_text="Those kinds that can begin with the champion's weights.")
    promotes = models.BooleanField(
        default=False, help_text="Promote the best one when it is better than the champion beyond doubt."
    )
    scheduled = models.BooleanField(default=False)
    report = models.ForeignKey(EvaluationReport, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    best = models.ForeignKey(ModelVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    outcome = models.TextField(blank=True, help_text="What came of it, in words.")

    class Meta(Run.Meta):
        verbose_name = "retraining"
        constraints: ClassVar = [
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(state__in=["queued", "running"]), name="retraining_one_open"
            ),
        ]


class RetrainingStep(models.Model):
    """One kind's training within a retraining: once linked it is carried on, never begun again."""

    retraining = models.ForeignKey(Retraining, on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=20, choices=ModelKind.choices)
    training = models.OneToOneField(TrainingRun, on_delete=models.CASCADE, related_name="retraining_step")

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["retraining", "kind"], name="retrainingstep_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.retraining}"


class Study(Run):
    """Kinds of models trained anew under several ways of holding out, several times, and measured on what was held out.

    Held alone; finished cells are rows, so that a study goes on where it stopped.
    """

    task_name = "recommender.tasks.work_study"

    kinds = models.JSONField(default=list, help_text="What is trained.")
    protocols = models.JSONField(default=list, help_text="How events are held out.")
    seeds = models.PositiveSmallIntegerField(default=5, help_text="Trainings of every kind that depends on its seed.")
    parameters = models.JSONField(default=dict, blank=True, help_text="Beside the defaults, by kind.")
    report = models.ForeignKey(EvaluationReport, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta(Run.Meta):
        verbose_name = "study"
        verbose_name_plural = "studies"


class StudyCell(models.Model):
    """One kind trained once under one protocol, and measured. Written once, when it is finished or cannot be done."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="cells")
    protocol = models.CharField(max_length=30)
    kind = models.CharField(max_length=20, choices=ModelKind.choices)
    seed = models.BigIntegerField()
    figures = models.JSONField(default=dict)
    validation_ndcg = models.FloatField(null=True)
    per_user = models.BinaryField(
        null=True, help_text="Recall, NDCG, MRR and history length of every shopper, as safetensors."
    )
    error = models.TextField(blank=True, help_text="Why this kind cannot be trained or measured here.")
    seconds = models.FloatField(help_text="Of training.")
    worker = models.CharField(max_length=120)
    finished_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["study", "protocol", "kind", "seed"], name="studycell_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.seed}) under {self.protocol}"
