"""Ratings and the raw answers behind them: records."""

from django.contrib import admin
from django.db.models.functions import Coalesce

from fashionrec.common.run_admin import ReadOnlyAdmin
from personas.models import Rating, RawScore


@admin.register(Rating)
class RatingAdmin(ReadOnlyAdmin):
    list_display = ("product", "persona", "rounded", "most_likely", "simulated", "run")
    list_filter = ("simulated",)
    list_select_related = ("product", "persona", "run")
    search_fields = ("product__title", "persona__name")
    show_full_result_count = False

    @admin.display(description="rating", ordering=Coalesce("calibrated", "expectation"))
    def rounded(self, rating: Rating) -> str:
        return f"{rating.expectation if rating.calibrated is None else rating.calibrated:.1f}"


@admin.register(RawScore)
class RawScoreAdmin(ReadOnlyAdmin):
    list_display = ("product", "persona", "label_mass", "latency_ms", "model_digest", "created_at")
    list_select_related = ("product", "persona")
    show_full_result_count = False
