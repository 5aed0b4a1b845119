"""Shapes of personas, ratings and rating runs."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fashionrec.common.models import Run
from personas.models import SCALE, Rating


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
    bio = serializers.CharField()
    provenance = serializers.CharField(help_text="template, or llm:<model>")


class RatingSerializer(serializers.Serializer[Any]):
    persona = serializers.CharField(source="persona.key")
    product = serializers.CharField(source="product.public_id")
    run = serializers.UUIDField(source="run_id")
    rating = serializers.SerializerMethodField(help_text="The calibrated rating, else the expectation.")
    most_likely = serializers.IntegerField()
    expectation = serializers.FloatField()
    calibrated = serializers.FloatField(allow_null=True)
    probabilities = serializers.SerializerMethodField(help_text="By point of the scale: −1, 1 to 10.")
    simulated = serializers.BooleanField(help_text="Made by the simulator, not by a language model.")

    def get_rating(self, rating: Rating) -> float:
        return rating.expectation if rating.calibrated is None else rating.calibrated

    @extend_schema_field(serializers.DictField(child=serializers.FloatField()))
    def get_probabilities(self, rating: Rating) -> dict[str, float]:
        return {str(point): share for point, share in zip(SCALE, rating.probabilities, strict=True)}


class RatingQuery(serializers.Serializer[Any]):
    persona = serializers.CharField(required=False, max_length=60)
    product = serializers.CharField(required=False, max_length=200)
    run = serializers.UUIDField(required=False, help_text="Of this run, published or not; default: published ones.")


class RatingRunSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(Run.State.choices)
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    progress = serializers.FloatField(help_text="0 to 1")
    language_model = serializers.CharField(source="language_model.name")
    simulated = serializers.BooleanField(source="language_model.is_simulator")
    seed = serializers.IntegerField()
    plan = serializers.DictField()
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True, help_text="Only published ratings reach training.")


class NewRatingRunSerializer(serializers.Serializer[Any]):
    raters_per_product = serializers.IntegerField(default=3, min_value=1, max_value=1000)
    personas = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, allow_empty=False, help_text="Default: all."
    )
    language_model = serializers.CharField(required=False, max_length=120, help_text="Its name; default: the shop's.")
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**63 - 1)
