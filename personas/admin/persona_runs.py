"""Persona runs in admin: let a language model imagine people, watch, judge, ask again."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from fashionrec.common.errors import AppError
from fashionrec.common.run_admin import RunAdmin
from personas.models import LanguageModel, PersonaChunk, PersonaRun
from personas.quotas import in_order
from personas.services.persona_runs import plan_persona_run, retry_failed
from personas.services.personas import MAX_COUNT, MAX_SEED

SHOWN_FAILURES = 50


class PersonaRunForm(forms.Form):
    language_model = forms.ModelChoiceField(LanguageModel.objects.filter(is_simulator=False))
    count = forms.IntegerField(min_value=1, max_value=MAX_COUNT, initial=48)
    male = forms.IntegerField(min_value=0, required=False, help_text="Empty: the usual half.")
    female = forms.IntegerField(min_value=0, required=False)
    seed = forms.IntegerField(min_value=0, max_value=MAX_SEED, initial=0)

    def quotas(self) -> dict[str, dict[str, float]]:
        numbers = {"man": self.cleaned_data["male"], "woman": self.cleaned_data["female"]}
        given = {gender: number for gender, number in numbers.items() if number is not None}
        return {"gender": given} if given else {}


@admin.register(PersonaRun)
class PersonaRunAdmin(RunAdmin):
    run_columns = ("language_model", "seed", "valid", "failed")
    list_select_related = ("language_model",)
    exclude = ("report", "quotas")
    actions = ("cancel", "retry")
    change_list_template = "admin/personas/personarun/change_list.html"
    change_form_template = "admin/personas/personarun/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        start = path("start/", self.admin_site.admin_view(self.start), name="personas_personarun_start")
        return [start, *super().get_urls()]

    @admin.display(description="people")
    def valid(self, run: PersonaRun) -> int:
        return int(run.report.get("valid", run.done))

    @admin.display(description="failed")
    def failed(self, run: PersonaRun) -> str:
        return str(run.report.get("failed", "–"))

    @admin.action(description="Ask again for the people who failed", permissions=["cancel"])
    def retry(self, request: HttpRequest, runs: QuerySet[PersonaRun]) -> None:
        for run in runs:
            try:
                again = retry_failed(run=run)
            except AppError as error:
                self.message_user(request, f"{run}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{run}: {again} people who failed are asked for again", messages.SUCCESS)

    def start(self, request: HttpRequest) -> HttpResponse:
        """A page that plans a run."""
        form = PersonaRunForm(request.POST or None)

        def plan() -> tuple[PersonaRun, str]:
            asked = {name: form.cleaned_data[name] for name in ("language_model", "count", "seed")}
            run = plan_persona_run(**asked, quotas=form.quotas())
            return run, f"{run}: {run.total} people are asked for"

        explanation = (
            "Who the people are is fixed by quotas; the language model writes a name, likes, dislikes, brands and a "
            "bio for each, one person a call. Answers that do not fit and near-duplicates are asked for again, at most "
            "three times a person. The worker does it; the run can be cancelled."
        )
        return self.start_by_form(request, form, plan, title="Imagine personas", explanation=explanation)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if run is not None:
            failed = PersonaChunk.objects.filter(run=run, state=PersonaChunk.State.FAILED).order_by("index")
            left_out = max(0, failed.count() - SHOWN_FAILURES)
            context = {"page": report_page(run), "failed": failed[:SHOWN_FAILURES], "failed_left_out": left_out}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})


def report_page(run: PersonaRun) -> dict[str, Any] | None:
    """A run's report laid out for its page; None while there is none."""
    report = run.report
    if not report:
        return None
    counts = report["nearest"]["histogram"]
    return {
        "report": report,
        "quotas": [
            {"attribute": attribute.replace("_", " "), "value": value, "asked": asked, "got": got}
            for attribute, value, (asked, got) in in_order(report["quotas"]["attributes"])
        ],
        "histogram": [
            {"range": f"{position / 10:.1f}–{(position + 1) / 10:.1f}", "people": people}
            for position, people in enumerate(counts)
        ],
        "highest": max(counts) or 1,
    }
