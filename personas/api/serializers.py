"""Shapes of personas, ratings and rating runs."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fashionrec.common.models import Run
from personas.models import SCALE, Rating, RatingRun


class PersonaSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="key")
    name = serializers.CharField()
    gender = serializers.CharField()
    age_band = serializers.CharField()
    region = serializers.CharField()
    occupation = serializers.CharField()
    style = serializers.CharField()  # type: ignore[assignment]
    budget = serializers.CharField()
    likes = serializers.ListField(child=serializers.CharField())
    dislikes = serializers.ListField(child=serializers.CharField())
    brands = serializers.ListField(child=serializers.CharField())
    bio = serializers.CharField()
    provenance = serializers.CharField(help_text="template, or llm:<model>")


class PersonasQuery(serializers.Serializer[Any]):
    provenance = serializers.CharField(required=False, max_length=140, help_text="template, or llm:<model>")


class RatingSerializer(serializers.Serializer[Any]):
    persona = serializers.CharField(source="persona.key")
    product = serializers.CharField(source="product.public_id")
    run = serializers.UUIDField(source="run_id")
    rating = serializers.SerializerMethodField(help_text="The calibrated rating, else the expectation.")
    most_likely = serializers.IntegerField()
    expectation = serializers.FloatField()
    calibrated = serializers.FloatField(allow_null=True)
    probabilities = serializers.SerializerMethodField(
        help_text="By point of the scale, −1 and 1 to 10, as the model answered."
    )
    calibrated_probabilities = serializers.SerializerMethodField(help_text="The same, calibrated.")
    language_model = serializers.CharField(source="run.language_model.name")
    simulated = serializers.BooleanField(help_text="Made by the simulator, not by a language model.")
    demonstration = serializers.BooleanField(
        source="run.language_model.is_demonstration", help_text="Made by the small model for demonstration."
    )

    def get_rating(self, rating: Rating) -> float:
        return rating.expectation if rating.calibrated is None else rating.calibrated

    @extend_schema_field(serializers.DictField(child=serializers.FloatField()))
    def get_probabilities(self, rating: Rating) -> dict[str, float]:
        return _by_point(rating.probabilities)

    @extend_schema_field(serializers.DictField(child=serializers.FloatField(), allow_null=True))
    def get_calibrated_probabilities(self, rating: Rating) -> dict[str, float] | None:
        return _by_point(rating.calibrated_probabilities) if rating.calibrated_probabilities else None


def _by_point(shares: list[float]) -> dict[str, float]:
    return {str(point): share for point, share in zip(SCALE, shares, strict=True)}


class RatingQuery(serializers.Serializer[Any]):
    persona = serializers.CharField(required=False, max_length=60)
    product = serializers.CharField(required=False, max_length=200)
    run = serializers.UUIDField(required=False, help_text="Of this run, published or not; default: published ones.")


class QualitySerializer(serializers.Serializer[Any]):
    passed = serializers.BooleanField(help_text="Whether the run may be published.")
    reasons = serializers.ListField(child=serializers.CharField(), help_text="Why not.")
    figures = serializers.DictField()


class RatingRunSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(Run.State.choices)
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    progress = serializers.FloatField(help_text="0 to 1")
    language_model = serializers.CharField(source="language_model.name")
    simulated = serializers.BooleanField(source="language_model.is_simulator")
    demonstration = serializers.BooleanField(source="language_model.is_demonstration")
    template = serializers.CharField(source="template.__str__")
    seed = serializers.IntegerField()
    plan = serializers.DictField(help_text="Personas, products, cells, prompts, and estimated tokens and cost.")
    calls = serializers.IntegerField(source="calls_made", help_text="Prompts answered so far.")
    tokens = serializers.IntegerField(source="tokens_used")
    cost = serializers.FloatField(source="cost_used")
    max_tokens = serializers.IntegerField(allow_null=True)
    max_cost = serializers.FloatField(allow_null=True)
    quality = serializers.SerializerMethodField(help_text="The gate's verdict and its figures, once the run is done.")
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True, help_text="Only published ratings reach training.")

    @extend_schema_field(QualitySerializer(allow_null=True))
    def get_quality(self, run: RatingRun) -> dict[str, Any] | None:
        return QualitySerializer(run.quality).data if hasattr(run, "quality") else None


class NewRatingRunSerializer(serializers.Serializer[Any]):
    raters_per_product = serializers.IntegerField(default=3, min_value=1, max_value=1000)
    personas = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, allow_empty=False, help_text="Default: all."
    )
    language_model = serializers.CharField(required=False, max_length=120, help_text="Its name; default: the shop's.")
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**63 - 1)
    products = serializers.IntegerField(
        required=False, min_value=1, help_text="Rate so many products, drawn by the seed; default: all."
    )
    max_tokens = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="The run pauses before it asks for more."
    )
    max_cost = serializers.DecimalField(
        required=False, min_value=Decimal("0.0001"), max_digits=12, decimal_places=4,
        help_text="The run pauses before it costs more, in the currency of the model's prices.",
    )  # fmt: skip


class BudgetSerializer(serializers.Serializer[Any]):
    max_tokens = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**63 - 1)
    max_cost = serializers.DecimalField(
        required=False, allow_null=True, min_value=Decimal("0.0001"), max_digits=12, decimal_places=4
    )
