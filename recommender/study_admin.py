"""Studies in admin: a page to start one, how far it is, and its report."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from fashionrec.common.run_admin import RunAdmin
from recommender.evaluation_text import DESCRIPTIONS
from recommender.ml.splits import PROTOCOLS
from recommender.models import ModelKind, Study, StudyCell
from recommender.services.studies import MOST_SEEDS, STUDIED_KINDS, plan_study
from recommender.services.training import trainable_kinds


class StudyForm(forms.Form):
    kinds = forms.MultipleChoiceField(
        label="Models",
        initial=[str(kind) for kind in STUDIED_KINDS],
        widget=forms.CheckboxSelectMultiple,
        help_text="Popularity is always measured beside them; a blend is made of those that are chosen.",
    )
    protocols = forms.MultipleChoiceField(
        label="Held out",
        initial=list(PROTOCOLS),
        choices=[(name, f"{DESCRIPTIONS[name][0].upper()}{DESCRIPTIONS[name][1:]}") for name in PROTOCOLS],
        widget=forms.CheckboxSelectMultiple,
    )
    seeds = forms.IntegerField(
        min_value=1, max_value=MOST_SEEDS, initial=5, help_text="Trainings of every model that depends on its seed."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = dict(ModelKind.choices)
        kinds = [(kind, f"{labels[kind][0].upper()}{labels[kind][1:]}") for kind in trainable_kinds()]
        self.fields["kinds"].choices = kinds  # type: ignore[attr-defined]


class StudyCellInline(admin.TabularInline[StudyCell, Study]):
    model = StudyCell
    verbose_name_plural = "what is finished"
    extra = 0
    can_delete = False
    fields = readonly_fields = ("protocol", "kind", "seed", "validation", "took", "error", "finished_at")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("per_user")

    @admin.display(description="NDCG@10 on validation")
    def validation(self, cell: StudyCell) -> str:
        return "–" if cell.validation_ndcg is None else f"{cell.validation_ndcg:.4f}"

    @admin.display(description="seconds")
    def took(self, cell: StudyCell) -> str:
        return f"{cell.seconds:.1f}"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Study)
class StudyAdmin(RunAdmin):
    run_columns = ("studied", "seeds", "result")
    readonly_fields = (*RunAdmin.readonly_fields, "result")
    exclude = ("report",)
    inlines: ClassVar = [StudyCellInline]
    change_list_template = "admin/recommender/study/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        start = path("start/", self.admin_site.admin_view(self.start), name="recommender_study_start")
        return [start, *super().get_urls()]

    @admin.display(description="models")
    def studied(self, study: Study) -> str:
        return ", ".join(study.kinds)

    @admin.display(description="report")
    def result(self, study: Study) -> SafeString | str:
        if study.report_id is None:
            return "–"
        url = reverse("admin:recommender_evaluationreport_change", args=[study.report_id])
        return format_html('<a href="{}">{}</a>', url, "see the report")

    def start(self, request: HttpRequest) -> HttpResponse:
        """A page that plans a study."""
        form = StudyForm(request.POST or None)

        def plan() -> tuple[Study, str]:
            study = plan_study(**form.cleaned_data)
            return study, f"{study} is queued"

        explanation = (
            "Trains the chosen models anew on the shop’s events, without those that are held out, and measures how "
            "well they find what was held out. Nothing of it serves. Every training takes about as long as one for "
            "the shop, so many of them take hours; what is finished is kept when the worker stops."
        )
        return self.start_by_form(request, form, plan, title="Start a study", explanation=explanation)
