"""Personas in admin, with what each rated highest and lowest."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.db.models import Avg, Count, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse

from catalog.models import Product
from personas.models import Persona
from personas.selectors import persona_ratings

EXAMPLES = 6
"""Products a persona's page shows of those it rated highest, and of those it rated lowest."""


@admin.register(Persona)
class PersonaAdmin(admin.ModelAdmin[Persona]):
    """Their words may be edited; they come from the quota grid and stay, for their ratings are a record."""

    list_display = ("name", "gender", "age_band", "style", "budget", "loves", "avoids", "ratings", "mean")
    list_filter = ("gender", "age_band", "style", "budget", "region", "occupation", "provenance")
    search_fields = ("name", "key", "bio")
    readonly_fields = ("key", "seed", "provenance", "created_at")
    fieldsets: ClassVar = [
        (None, {"fields": ("name", "bio", "likes", "dislikes", "brands")}),
        ("Who it stands for", {"fields": ("gender", "age_band", "region", "occupation", "style", "budget")}),
        ("Record", {"fields": ("key", "seed", "provenance", "created_at")}),
    ]
    formfield_overrides: ClassVar = {ArrayField: {"widget": forms.TextInput(attrs={"class": "vTextField"})}}
    change_form_template = "admin/personas/persona/change_form.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Persona | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Persona]:
        published = Q(ratings__run__published_at__isnull=False)
        value = Coalesce("ratings__calibrated", "ratings__expectation")
        counted = Count("ratings", filter=published)
        return super().get_queryset(request).annotate(rating_count=counted, rating_mean=Avg(value, filter=published))

    @admin.display(ordering="rating_count")
    def ratings(self, persona: Any) -> int:
        return int(persona.rating_count)

    @admin.display(description="mean rating", ordering="rating_mean")
    def mean(self, persona: Any) -> str:
        return "–" if persona.rating_mean is None else f"{persona.rating_mean:.1f}"

    @admin.display(description="likes")
    def loves(self, persona: Persona) -> str:
        return ", ".join(persona.likes)

    @admin.display(description="dislikes")
    def avoids(self, persona: Persona) -> str:
        return ", ".join(persona.dislikes)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        persona = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if persona is not None:
            ratings = persona_ratings(persona).filter(product__status=Product.Status.ACTIVE)
            ratings = ratings.prefetch_related("product__images")
            context = {"loved": list(ratings[:EXAMPLES]), "refused": list(ratings.reverse()[:EXAMPLES])}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
