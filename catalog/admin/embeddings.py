"""Encoders and embedding runs: records, not forms."""

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from catalog.models import EmbeddingRun, Encoder
from fashionrec.common.run_admin import ReadOnlyAdmin, RunAdmin


@admin.register(Encoder)
class EncoderAdmin(ReadOnlyAdmin):
    list_display = ("name", "dimensions", "is_live", "vectors", "short_digest", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Encoder]:
        return super().get_queryset(request).annotate(vector_count=Count("embeddings"))

    @admin.display(description="digest")
    def short_digest(self, encoder: Encoder) -> str:
        return encoder.digest[:12]

    @admin.display(description="vectors")
    def vectors(self, encoder: Encoder) -> int:
        return int(getattr(encoder, "vector_count", 0))


@admin.register(EmbeddingRun)
class EmbeddingRunAdmin(RunAdmin):
    run_columns = ("encoder",)
    list_select_related = ("encoder",)
