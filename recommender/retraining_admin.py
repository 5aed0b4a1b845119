"""Retrainings in admin: a button to start one, its steps, and what came of it."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from fashionrec.common.models import Run
from fashionrec.common.run_admin import RunAdmin
from recommender.models import ModelKind, Retraining, RetrainingStep
from recommender.services.retraining import start_retraining
from recommender.services.training import trainable_kinds


class RetrainingStepInline(admin.TabularInline[RetrainingStep, Retraining]):
    model = RetrainingStep
    extra = 0
    can_delete = False
    verbose_name_plural = "steps"
    fields = readonly_fields = ("kind", "run", "state", "epochs", "version", "ndcg")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("training__version", "retraining")

    @admin.display(description="training")
    def run(self, step: RetrainingStep) -> SafeString:
        url = reverse("admin:recommender_trainingrun_change", args=[step.training_id])
        return format_html('<a href="{}">{}</a>', url, str(step.training_id)[:8])

    @admin.display(description="state")
    def state(self, step: RetrainingStep) -> str:
        return f"{step.training.state}: {step.training.error[:120]}" if step.training.error else step.training.state

    @admin.display(description="epochs")
    def epochs(self, step: RetrainingStep) -> str:
        return f"{step.training.done} of {step.training.total}" if step.training.total else "–"

    @admin.display(description="version")
    def version(self, step: RetrainingStep) -> SafeString | str:
        made = getattr(step.training, "version", None)
        if made is None:
            return "–"
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:recommender_modelversion_change", args=[made.pk]), made
        )

    @admin.display(description="NDCG@10 on validation")
    def ndcg(self, step: RetrainingStep) -> str:
        made = getattr(step.training, "version", None)
        value = made.metrics.get("validation_ndcg@10") if made is not None else None
        return f"{value:.4f}" if value is not None else "–"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RetrainingForm(forms.Form):
    kinds = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, help_text="Popularity is always trained: nothing serves unmeasured."
    )
    seed = forms.IntegerField(initial=0)
    continues = forms.BooleanField(
        label="Continue", required=False, help_text="Begin with the champion's weights where a kind can: fewer epochs."
    )
    promotes = forms.BooleanField(
        label="Promote",
        required=False,
        help_text="Let the best one serve if it is better than the champion beyond doubt.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        labels = dict(ModelKind.choices)
        self.fields["kinds"].choices = [(kind, labels[kind]) for kind in trainable_kinds()]  # type: ignore[attr-defined]


@admin.register(Retraining)
class RetrainingAdmin(RunAdmin):
    run_columns = ("best", "ending")
    list_filter = ("state", "scheduled")
    list_select_related = ("best",)
    readonly_fields: ClassVar = ("progress_bar", "what", "created_at")
    inlines: ClassVar = [RetrainingStepInline]
    change_list_template = "admin/recommender/retraining/change_list.html"

    @admin.display(description="kinds")
    def what(self, retraining: Retraining) -> str:
        return ", ".join(retraining.kinds)

    @admin.display(description="outcome")
    def ending(self, retraining: Retraining) -> str:
        """The last sentence: whether the best one challenges, or serves; or why there is none."""
        return retraining.outcome.rpartition(". ")[2]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = [name for name in super().get_fields(request, obj) if name not in ("outcome", "kinds", "what")]
        return ["outcome", "what", *names]

    def get_urls(self) -> list[URLPattern]:
        start = path("start/", self.admin_site.admin_view(self.start), name="recommender_retraining_start")
        return [start, *super().get_urls()]

    def start(self, request: HttpRequest) -> HttpResponse:
        configured = settings.FASHIONREC["RETRAIN"]
        initial = {
            "kinds": [*configured["KINDS"], ModelKind.POPULARITY],
            "continues": configured["CONTINUE"],
            "promotes": configured["PROMOTE"],
        }
        form = RetrainingForm(request.POST or None, initial=initial)

        def plan() -> tuple[Run, str]:
            retraining = start_retraining(**form.cleaned_data)
            return retraining, f"{retraining} is queued"

        explanation = (
            "The worker trains all of them on one state of the shop, measures them side by side, and lets the one that "
            "is best on validation challenge the champion. With no new events since the last time it stops at once."
        )
        return self.start_by_form(request, form, plan, title="Retrain", explanation=explanation)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        configured = settings.FASHIONREC["RETRAIN"]
        context = {"hour": configured["HOUR"], "every": configured["EVERY_HOURS"]}
        return super().changelist_view(request, {**(extra_context or {}), **context})
