"""Personas, the language models that speak for them, and the ratings they give."""

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from catalog.models import Product
from fashionrec.common.models import Chunk, Run

SCALE: tuple[int, ...] = (-1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
"""The rating scale: −1 is a strong dislike, then 1..10."""


class LanguageModel(models.Model):
    """A rater behind an adapter, and what probing it found. Only a READY one is asked."""

    class State(models.TextChoices):
        UNPROBED = "unprobed"
        READY = "ready"
        REFUSED = "refused"

    name = models.CharField(max_length=120, unique=True)
    adapter = models.CharField(max_length=200, help_text="Dotted path of the adapter class.")
    options = models.JSONField(
        default=dict, blank=True, help_text="Arguments of the adapter. Secrets never: api_key_env names a variable."
    )
    digest = models.CharField(max_length=64, blank=True, help_text="sha256 of whatever determines its answers.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.UNPROBED)
    scoring = models.CharField(
        max_length=12, blank=True, help_text="exact, bounded (missing labels bounded), sampling, or simulated."
    )
    is_simulator = models.BooleanField(default=False, help_text="Its ratings are labelled `simulated` everywhere.")
    is_demonstration = models.BooleanField(
        default=False, help_text="A small model for trying things out; pages that show its ratings say so."
    )
    prompt_price = models.DecimalField(
        max_digits=12, decimal_places=6, default=0, help_text="Price of a million prompt tokens."
    )
    completion_price = models.DecimalField(
        max_digits=12, decimal_places=6, default=0, help_text="Price of a million completion tokens."
    )
    probe = models.JSONField(default=dict, blank=True, help_text="What probing found, or why it was refused.")
    probed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class PersonaRun(Run):
    """A language model imagines people for the quota grid; one chunk is one person."""

    task_name = "personas.tasks.work_persona_run"

    language_model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT, related_name="persona_runs")
    seed = models.BigIntegerField(default=0)
    quotas = models.JSONField(default=dict, blank=True, help_text="Shares or counts per attribute value.")
    report = models.JSONField(default=dict, blank=True, help_text="Quota table, nearest neighbours, distinct-2, …")

    class Meta(Run.Meta):
        verbose_name = "persona run"


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
    brands = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    bio = models.TextField()
    seed = models.BigIntegerField()
    provenance = models.CharField(max_length=140, default=TEMPLATE, help_text="template, or llm:<model>.")
    run = models.ForeignKey(PersonaRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="personas")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["key"]

    def __str__(self) -> str:
        return self.name


class PersonaChunk(Chunk):
    """One person to be imagined: the cell given, and what became of it."""

    run = models.ForeignKey(PersonaRun, on_delete=models.CASCADE, related_name="chunks")
    cell = models.JSONField(help_text="The quota cell that the person must fill.")
    persona = models.OneToOneField(Persona, null=True, blank=True, on_delete=models.SET_NULL)
    rejections = models.JSONField(default=list, blank=True, help_text="Why each refused answer was refused.")

    class Meta(Chunk.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "index"], name="personachunk_run_index")]


class PromptTemplate(models.Model):
    """A version of the words that ask for a rating. Never edited: a change is a new version."""

    class Style(models.TextChoices):
        LETTERS = "letters", "letters, read as label probabilities"
        NUMBER = "number", "a number, written out"
        OPEN = "open", "free text"
        EVERYONE = "everyone", "all personas in one call"

    name = models.CharField(max_length=80)
    version = models.PositiveIntegerField()
    style = models.CharField(max_length=10, choices=Style.choices, default=Style.LETTERS)
    prefix = models.TextField(help_text="Persona, scale and examples; shared by all products of a chunk.")
    suffix = models.TextField(help_text="The product.")
    meanings = models.JSONField(default=list, help_text="What each point of the scale means; none if undescribed.")
    examples = models.JSONField(default=list, help_text="Rated examples: [product lines, point of the scale].")
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["name", "version"], name="prompt_name_version")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Calibration(models.Model):
    """How raw distributions become ratings: fitted per model and template on stored scores, never per persona."""

    language_model = models.ForeignKey(LanguageModel, on_delete=models.CASCADE, related_name="calibrations")
    template = models.ForeignKey(PromptTemplate, on_delete=models.CASCADE, related_name="calibrations")
    model_digest = models.CharField(max_length=64)
    target = ArrayField(models.FloatField(), size=11, help_text="Wanted share of each point of the scale.")
    target_source = models.CharField(max_length=200, help_text="declared, or where it was measured.")
    parameters = models.JSONField(default=dict)
    rows = models.PositiveIntegerField(help_text="Cells it was fitted on.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"calibration {self.pk}"


class RatingRun(Run):
    """Personas rate products; one chunk is one persona and at most 64 products."""

    task_name = "personas.tasks.work_rating_run"

    language_model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT, related_name="runs")
    template = models.ForeignKey(PromptTemplate, on_delete=models.PROTECT, related_name="runs")
    seed = models.BigIntegerField(default=0)
    plan = models.JSONField(default=dict, blank=True, help_text="Personas, products, calls, tokens and cost expected.")
    max_tokens = models.BigIntegerField(null=True, blank=True, help_text="The run pauses before it asks for more.")
    max_cost = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    tokens_used = models.BigIntegerField(default=0)
    cost_used = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    calls_made = models.PositiveIntegerField(default=0, help_text="Prompts the model answered for this run.")
    calibration = models.ForeignKey(Calibration, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs")
    published_at = models.DateTimeField(null=True, blank=True, help_text="Only published ratings reach training.")

    class Meta(Run.Meta):
        verbose_name = "rating run"


class Purpose(models.TextChoices):
    """Why a cell was asked: for its rating, a second time, or with another persona's words."""

    RATING = "rating"
    RETEST = "retest"
    CONTROL = "control"


class RatingChunk(Chunk):
    run = models.ForeignKey(RatingRun, on_delete=models.CASCADE, related_name="chunks")
    persona = models.ForeignKey(Persona, on_delete=models.CASCADE)
    product_ids = models.JSONField()
    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.RATING)

    class Meta(Chunk.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "index"], name="ratingchunk_run_index")]


class RawScore(models.Model):
    """What the model answered, never changed: one log-probability per label, in the order of SCALE."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(RatingRun, on_delete=models.CASCADE, related_name="raw_scores")
    persona = models.ForeignKey(Persona, on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.RATING)
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
            models.UniqueConstraint(
                fields=["run", "persona", "product", "label_order", "purpose"], name="rawscore_once"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["model_digest", "prompt_sha256"], name="rawscore_asked")]

    def __str__(self) -> str:
        return f"raw score of product {self.product_id} by persona {self.persona_id}"


class Rating(models.Model):
    """A persona's rating of a product with its whole distribution over SCALE."""

    run = models.ForeignKey(RatingRun, on_delete=models.CASCADE, related_name="ratings")
    persona = models.ForeignKey(Persona, on_delete=models.CASCADE, related_name="ratings")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="ratings")
    probabilities = ArrayField(models.FloatField(), size=11, help_text="Mean of both label orders, uncalibrated.")
    expectation = models.FloatField()
    calibrated = models.FloatField(null=True, blank=True)
    calibrated_probabilities = ArrayField(models.FloatField(), size=11, null=True, blank=True)
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


class QualityReport(models.Model):
    """What a run's answers are worth. The gate reads uncalibrated figures only."""

    run = models.OneToOneField(RatingRun, on_delete=models.CASCADE, related_name="quality")
    figures = models.JSONField(default=dict)
    passed = models.BooleanField()
    reasons = models.JSONField(default=list, help_text="Why the run may not be published.")
    created_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"quality report {self.pk}"


class LabRun(Run):
    """The prompt lab: the same cells over a grid of arms; one chunk is one arm."""

    task_name = "personas.tasks.work_lab_run"

    seed = models.BigIntegerField(default=0)
    cells = models.JSONField(default=list, help_text="[persona id, product id] asked in every arm.")
    plan = models.JSONField(default=dict, blank=True, help_text="The grid, and the arms and calls it makes.")
    report = models.JSONField(default=dict, blank=True)

    class Meta(Run.Meta):
        verbose_name = "prompt lab run"


class LabChunk(Chunk):
    """One arm: a model, a template, sampling parameters and how much of the bio is told."""

    run = models.ForeignKey(LabRun, on_delete=models.CASCADE, related_name="chunks")
    language_model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT)
    template = models.ForeignKey(PromptTemplate, on_delete=models.PROTECT)
    arm = models.JSONField(help_text="reading, temperature, top_p, top_k, repetition_penalty, bio.")

    class Meta(Chunk.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "index"], name="labchunk_run_index")]


class LabOutput(models.Model):
    """What one arm answered for one cell."""

    chunk = models.ForeignKey(LabChunk, on_delete=models.CASCADE, related_name="outputs")
    persona = models.ForeignKey(Persona, on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    prompt = models.TextField()
    text = models.TextField(blank=True)
    point = models.SmallIntegerField(null=True, blank=True, help_text="The rating read from it; empty if none.")
    adherent = models.BooleanField(default=False, help_text="It is what was asked for, and nothing else.")
    probabilities = ArrayField(models.FloatField(), size=11, null=True, blank=True)
    latency_ms = models.FloatField(default=0.0)
    tokens = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chunk", "persona", "product"], name="laboutput_once"),
        ]

    def __str__(self) -> str:
        return f"answer of arm {self.chunk_id}"


class PreferencePair(models.Model):
    """Of two answers to one prompt, which one was preferred, and by whom."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(
        max_length=160, unique=True, null=True, blank=True, help_text="What it was derived from, so that it is once."
    )
    persona = models.ForeignKey(Persona, null=True, blank=True, on_delete=models.SET_NULL)
    prompt = models.TextField()
    preferred = models.TextField()
    rejected = models.TextField()
    provenance = models.CharField(max_length=20, help_text="lab (a person's choice) or clicks.")
    chosen_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"preference {str(self.pk)[:8]}"
