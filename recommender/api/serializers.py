"""Shapes of recommendations and of the model registry."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recommender.models import ModelKind, ModelVersion
from recommender.serving.recommend import MAX_N, PLACEMENTS


class CountQuery(serializers.Serializer[Any]):
    n = serializers.IntegerField(default=12, min_value=1, max_value=MAX_N)


class RecommendationQuery(CountQuery):
    visitor = serializers.CharField(
        required=False, help_text="Your id of the shopper; somebody not seen yet gets a page for strangers."
    )
    placement = serializers.ChoiceField(PLACEMENTS, default="home")
    category = serializers.CharField(required=False, max_length=400, help_text="Slug or path.")
    product = serializers.CharField(
        required=False,
        help_text="What `similar` and `complete_the_look` stand beside; default: what the visitor chose last.",
    )
    exclude = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Product ids; repeated, or one list with commas."
    )
    explain = serializers.BooleanField(default=False, help_text="Add the products behind each reason.")


class RecommendedItemSerializer(serializers.Serializer[Any]):
    product = serializers.CharField(source="product.public_id")
    position = serializers.IntegerField(help_text="From 0.")
    score = serializers.FloatField()
    source = serializers.CharField(help_text="Which candidate source brought it.")  # type: ignore[assignment]
    reason = serializers.CharField()


class RecommendationSerializer(serializers.Serializer[Any]):
    slate = serializers.UUIDField(source="slate_id", help_text="Name it in the events that follow.")
    placement = serializers.CharField()
    model = serializers.CharField(help_text="The version that ranked, or `fallback`.")
    items = RecommendedItemSerializer(many=True)


class ModelSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="name")
    kind = serializers.ChoiceField(ModelKind.choices)
    aliases = serializers.SerializerMethodField(help_text="`champion` serves, `challenger` may next.")
    metrics = serializers.DictField()
    created_at = serializers.DateTimeField()
    retired_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_aliases(self, version: ModelVersion) -> list[str]:
        return sorted(alias.name for alias in version.aliases.all())


class ModelDetailSerializer(ModelSerializer):
    parameters = serializers.DictField()
    seed = serializers.IntegerField()
    data_window = serializers.DictField()
    row_counts = serializers.DictField()
    code_version = serializers.CharField()
    artifact_sha256 = serializers.CharField()
    files = serializers.DictField(help_text="sha256 of every file of the artifact, by name.")  # type: ignore[assignment]
    parent = serializers.CharField(
        source="parent.name", allow_null=True, default=None, help_text="The version whose weights it continued from."
    )  # type: ignore[assignment]
    components = serializers.ListField(child=serializers.CharField(), help_text="The versions a blend is made of.")
