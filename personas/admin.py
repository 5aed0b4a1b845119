from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.fields import ArrayField
from django.db.models import Avg, Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from catalog.models import Product
from fashionrec.common.errors import AppError
from fashionrec.common.run_admin import ReadOnlyAdmin, RunAdmin
from personas.models import LanguageModel, Persona, PreferencePair, PromptTemplate, Rating, RatingRun, RawScore
from personas.selectors import persona_ratings, run_summary
from personas.services.language_models import default_language_model
from personas.services.ratings import plan_rating_run, publish

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
        (None, {"fields": ("name", "bio", "likes", "dislikes")}),
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
        counted = Count("ratings", filter=published)
        return (
            super()
            .get_queryset(request)
            .annotate(rating_count=counted, rating_mean=Avg("ratings__expectation", filter=published))
        )

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


class RatingRunForm(forms.Form):
    language_model = forms.ModelChoiceField(LanguageModel.objects.all(), empty_label=None)
    raters_per_product = forms.IntegerField(min_value=1, initial=6)
    seed = forms.IntegerField(initial=0)


@admin.register(RatingRun)
class RatingRunAdmin(RunAdmin):
    run_columns = ("language_model", "is_simulated", "published_at")
    list_select_related = ("language_model", "template")
    actions = ("cancel", "publish_runs")
    change_list_template = "admin/personas/ratingrun/change_list.html"
    change_form_template = "admin/personas/ratingrun/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        start = path("start/", self.admin_site.admin_view(self.start), name="personas_ratingrun_start")
        return [start, *super().get_urls()]

    @admin.display(boolean=True, description="simulated")
    def is_simulated(self, run: RatingRun) -> bool:
        return run.language_model.is_simulator

    @admin.action(description="Publish the selected runs", permissions=["cancel"])
    def publish_runs(self, request: HttpRequest, runs: QuerySet[RatingRun]) -> None:
        for run in runs:
            try:
                publish(run=run)
            except AppError as error:
                self.message_user(request, f"{run}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{run}: published; its ratings reach the next training", messages.SUCCESS)

    def start(self, request: HttpRequest) -> HttpResponse:
        """A page that plans a run and says what it will ask."""
        if not self.has_cancel_permission(request):
            return HttpResponse(status=403)
        if not LanguageModel.objects.exists():
            default_language_model()
        form = RatingRunForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                run = plan_rating_run(personas=list(Persona.objects.all()), **form.cleaned_data)
            except AppError as error:
                form.add_error(None, error.message)
            else:
                self.message_user(request, f"{run}: {run.total} ratings planned", messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:personas_ratingrun_changelist"))
        explanation = (
            "Every visible product is rated by so many personas, spread evenly over all of them. The "
            "worker does it; the run can be cancelled, and its ratings reach training only once they "
            "are published."
        )
        return self.start_page(request, form, title="Rate the catalogue", explanation=explanation)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        summary = run_summary(run) if run is not None else None
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "summary": summary})


@admin.register(Rating)
class RatingAdmin(ReadOnlyAdmin):
    list_display = ("product", "persona", "rounded", "most_likely", "simulated", "run")
    list_filter = ("simulated",)
    list_select_related = ("product", "persona", "run")
    search_fields = ("product__title", "persona__name")
    show_full_result_count = False

    @admin.display(description="rating", ordering="expectation")
    def rounded(self, rating: Rating) -> str:
        return f"{rating.expectation:.1f}"


@admin.register(RawScore)
class RawScoreAdmin(ReadOnlyAdmin):
    list_display = ("product", "persona", "label_mass", "latency_ms", "model_digest", "created_at")
    list_select_related = ("product", "persona")
    show_full_result_count = False


@admin.register(LanguageModel)
class LanguageModelAdmin(ReadOnlyAdmin):
    list_display = ("name", "adapter", "is_simulator", "digest", "mean_rating")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LanguageModel]:
        return super().get_queryset(request).annotate(mean=Avg("runs__ratings__expectation"))

    @admin.display(ordering="mean")
    def mean_rating(self, model: Any) -> str:
        return f"{model.mean:.2f}" if model.mean is not None else "—"


@admin.register(PromptTemplate)
class PromptTemplateAdmin(ReadOnlyAdmin):
    list_display = ("name", "version", "sha256", "created_at")


@admin.register(PreferencePair)
class PreferencePairAdmin(ReadOnlyAdmin):
    list_display = ("id", "persona", "provenance", "created_at")
