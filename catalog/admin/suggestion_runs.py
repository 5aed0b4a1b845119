"""Runs that suggest missing values: what they measured, and a page to start one."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from catalog.missing_attributes import SUGGESTED_FIELDS, lacking
from catalog.models import SuggestionRun
from catalog.services.suggestions import MINIMUM_CONFIDENCE, plan_suggestion_run
from fashionrec.common.run_admin import RunAdmin

SOURCE_NAMES = {
    "majority": "always the commonest value",
    "zero_shot": "picture and words against prompts (zero-shot)",
    "neighbours": "votes of the nearest products",
    "title": "the title says it",
    "combined": "all together",
}


class SuggestionRunForm(forms.Form):
    fields_wanted = forms.MultipleChoiceField(
        label="Fields", initial=SUGGESTED_FIELDS, widget=forms.CheckboxSelectMultiple
    )
    minimum_confidence = forms.FloatField(
        min_value=0,
        max_value=1,
        initial=MINIMUM_CONFIDENCE,
        help_text="Below it nothing is suggested. 0.8: of the least sure suggestions shown, 80% are right.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(name, f"{name}: {lacking(name).count()} products have none") for name in SUGGESTED_FIELDS]
        self.fields["fields_wanted"].choices = choices  # type: ignore[attr-defined]


@admin.register(SuggestionRun)
class SuggestionRunAdmin(RunAdmin):
    run_columns = ("encoder", "found")
    list_select_related = ("encoder",)
    exclude = ("report",)
    change_list_template = "admin/catalog/suggestionrun/change_list.html"
    change_form_template = "admin/catalog/suggestionrun/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        start = path("start/", self.admin_site.admin_view(self.start), name="catalog_suggestionrun_start")
        return [start, *super().get_urls()]

    @admin.display(description="suggested")
    def found(self, run: SuggestionRun) -> str:
        fields = run.report.get("fields", {})
        wanted = [name for name in SUGGESTED_FIELDS if name in fields]
        return ", ".join(f"{fields[name]['suggested']} × {name}" for name in wanted) or "–"

    def start(self, request: HttpRequest) -> HttpResponse:
        """A page that plans a run."""
        form = SuggestionRunForm(request.POST or None)

        def plan() -> tuple[SuggestionRun, str]:
            asked = form.cleaned_data
            run = plan_suggestion_run(fields=asked["fields_wanted"], minimum_confidence=asked["minimum_confidence"])
            return run, f"{run} is queued"

        explanation = (
            "Looks at the products that lack a value: what the nearest products have, what picture and words are like, "
            "what the title says. How often that is right is measured on the products that have the value, and gives "
            "each suggestion its confidence. Nothing is applied: you accept or reject every suggestion."
        )
        return self.start_by_form(request, form, plan, title="Suggest missing values", explanation=explanation)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        context = {"fields_found": _fields_found(run) if run is not None else []}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})


def _fields_found(run: SuggestionRun) -> list[dict[str, Any]]:
    """A run's report laid out for its page, one entry per field."""
    fields = run.report.get("fields", {})
    return [
        {
            "name": name,
            **fields[name],
            "sources": [
                {"name": words, "share": fields[name]["accuracy"][source]}
                for source, words in SOURCE_NAMES.items()
                if source in fields[name].get("accuracy", {})
            ],
        }
        for name in SUGGESTED_FIELDS
        if name in fields
    ]
