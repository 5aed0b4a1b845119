"""Personas, the language models that speak for them, and the ratings they give."""

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from catalog.models import Product
from fashionrec.common.models import Chunk, Run

SCALE: tuple[int, ...] = (-1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
"""The rating scale: −1 is a strong dislike, then 1..10."""


class Persona(models.Model):
    """An imagined customer: a cell of the quota grid, and a person who fills it."""

    TEMPLATE: ClassVar = "template"

    key = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)
    gender = models.CharField(max_length=20)
    age_band = models.CharField(max_length=10)
    region = models.CharField(max_length=60)
    occupation = models.CharField(max_length=60)
    style = models.CharField(max_length=40)
    budget = models.CharField(max_length=20)
    likes = ArrayField(models.CharField(max_length=60), default=list)
    dislikes = ArrayField(models.CharField(max_length=60), default=list)
    bio = models.TextField()
    seed = models.BigIntegerField()
    provenance = models.CharField(max_length=120, default=TEMPLATE, help_text="template, or llm:<model>.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["key"]

    def __str__(self) -> str:
        return self.name


class LanguageModel(models.Model):
    """A rater behind an adapter, and what probing it found."""

    name = models.CharField(max_length=120, unique=True)
    adapter = models.CharField(max_length=200, help_text="Dotted path of the adapter class.")
    options = models.JSONField(default=dict, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    is_simulator = models.BooleanField(default=False, help_text="Its ratings are labelled `simulated` everywhere.")
    probe = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class PromptTemplate(models.Model):
    """A version of the words that ask for a rating. Never edited: a change is a new version."""

    name = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    prefix = models.TextField(help_text="Persona and scale; shared by all products of a chunk.")
    suffix = models.TextField(help_text="The product.")
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["name", "version"], name="prompt_name_version")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class RatingRun(Run):
    """Personas rate products; one chunk is one persona and at most 64 products."""

    task_name = "personas.tasks.work_rating_run"

    language_model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT, related_name="runs")
    template = models.ForeignKey(PromptTemplate, on_delete=models.PROTECT, related_name="runs")
    seed = models.BigIntegerField(default=0)
    plan = models.JSONField(default=dict, blank=True, help_text="Personas, products and raters per product.")
    published_at = models.DateTimeField(null=True, blank=True, help_text="Only published ratings reach training.")

    class Meta(Run.Meta):
        verbose_name = "rating run"


class RatingChunk(Chunk):
    run = models.ForeignKey(RatingRun, on_delete=models.CASCADE, related_name="chunks")
    persona = models.ForeignKey(Persona, on_delete=models.CASCADE)
    product_ids = models.JSONField()

    class Meta(Chunk.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "index"], name="ratingchunk_run_index")]


class RawScore(models.Model):
    """What the model answered, never changed: one log-probability per label, in the order of SCALE."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(RatingRun, on_delete=models.CASCADE, related_name="raw_scores")
    persona = models.ForeignKey(Persona, on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    label_order = models.CharField(max_length=12, default="ascending")
    log_probabilities = ArrayField(models.FloatField(), size=11)
    label_mass = models.FloatField(default=1.0)
    prompt_sha256 = models.CharField(max_length=64)
    model_digest = models.CharField(max_length=64)
    latency_ms = models.FloatField(default=0.0)
    tokens = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "persona", "product", "label_order"], name="rawscore_once"),
        ]

    def __str__(self) -> str:
        return f"raw score of product {self.product_id} by persona {self.persona_id}"


class Rating(models.Model):
    """A persona's rating of a product with its whole distribution over SCALE."""

    run = models.ForeignKey(RatingRun, on_delete=models.CASCADE, related_name="ratings")
    persona = models.ForeignKey(Persona, on_delete=models.CASCADE, related_name="ratings")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="ratings")
    probabilities = ArrayField(models.FloatField(), size=11)
    expectation = models.FloatField()
    calibrated = models.FloatField(null=True, blank=True)
    simulated = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "persona", "product"], name="rating_once"),
        ]

    def __str__(self) -> str:
        return f"{self.expectation:.1f} for product {self.product_id} by persona {self.persona_id}"

    @property
    def most_likely(self) -> int:
        return SCALE[max(range(11), key=lambda i: self.probabilities[i])]


class PreferencePair(models.Model):
    """Of two products (or two outputs), which one was preferred, and by whom."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    persona = models.ForeignKey(Persona, null=True, blank=True, on_delete=models.SET_NULL)
    prompt = models.TextField()
    preferred = models.TextField()
    rejected = models.TextField()
    provenance = models.CharField(max_length=20)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"preference {str(self.pk)[:8]}"
