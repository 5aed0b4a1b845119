"""The prompt lab in admin: plan a grid, read its table, and prefer one of two answers."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from fashionrec.common.errors import AppError
from fashionrec.common.run_admin import ReadOnlyAdmin, RunAdmin
from personas.admin.lab_forms import ChoiceForm, ComparedArmsForm, LabRunForm, PlaceForm
from personas.lab_answers import arms_of, choices_of, model_notes, next_comparison
from personas.lab_table import COLUMNS, histograms, table_rows
from personas.ml.lab_report import lab_report
from personas.models import LabRun, LanguageModel, PreferencePair
from personas.services.lab import plan_lab_run, sample_personas, sample_products
from personas.services.lab_choices import choose
from personas.services.language_models import default_language_model
from personas.services.preferences import LAB
from personas.services.templates import shipped_templates


@admin.register(LabRun)
class LabRunAdmin(RunAdmin):
    run_columns = ("arms", "cells_each", "choices")
    change_list_template = "admin/personas/labrun/change_list.html"
    change_form_template = "admin/personas/labrun/change_form.html"
    exclude = ("cells", "report")

    def get_urls(self) -> list[URLPattern]:
        start = path("start/", self.admin_site.admin_view(self.start), name="personas_labrun_start")
        compare = path("<uuid:pk>/compare/", self.admin_site.admin_view(self.compare), name="personas_labrun_compare")
        return [start, compare, *super().get_urls()]

    @admin.display(description="arms")
    def arms(self, run: LabRun) -> int:
        return int(run.plan.get("arms", 0))

    @admin.display(description="cells in each")
    def cells_each(self, run: LabRun) -> int:
        return len(run.cells)

    @admin.display(description="choices")
    def choices(self, run: LabRun) -> int:
        return choices_of(run).count()

    def start(self, request: HttpRequest) -> HttpResponse:
        """A page that plans a run and says how many calls it makes."""
        if not self.has_cancel_permission(request):
            raise PermissionDenied
        if not LanguageModel.objects.exists():
            default_language_model()
        shipped_templates()
        form = LabRunForm(request.POST or None)

        def plan() -> tuple[LabRun, str]:
            asked = form.cleaned_data
            run = plan_lab_run(
                language_models=list(asked["language_models"]),
                templates=list(asked["templates"]),
                personas=sample_personas(count=asked["personas"], seed=asked["seed"]),
                products=sample_products(count=asked["products"], seed=asked["seed"]),
                grid=form.grid,
                seed=asked["seed"],
            )
            arms, cells, calls = (run.plan[name] for name in ("arms", "cells", "calls"))
            return run, f"{run}: {arms} arms, {cells} cells each, at most {calls} calls"

        explanation = (
            "Every model answers the same cells with every template and every combination of the parameters. Numbers "
            "are separated by commas. What a model cannot do (write, or be scored) is said in the table."
        )
        return self.start_by_form(request, form, plan, title="Start a prompt lab", explanation=explanation)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        report = run.report if isinstance(run, LabRun) else {}
        if isinstance(run, LabRun) and not run.is_open and not report:
            # Cancelled while nobody held it, or its worker died before the report: what was answered is there to see.
            report = lab_report(arms_of(run), cells=len(run.cells))
        if isinstance(run, LabRun) and report:
            context = {
                "headings": [label for label, _ in COLUMNS],
                "rows": table_rows(report),
                "charts": histograms(report),
                "failed_arms": [arm for arm in report["arms"] if arm["error"]],
                "models": report["models"],
                "notes": model_notes(run),
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def compare(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Two answers to one cell, side by side; a choice is stored where both answered the same prompt."""
        run = LabRun.objects.filter(pk=pk).first()
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        if run is None:
            raise Http404("no such prompt lab run")
        if request.method == "POST":
            return self._take_choice(request, run)
        place = PlaceForm(request.GET)
        arms = ComparedArmsForm(request.GET if "first" in request.GET else None, run=run)
        chosen_arms = arms.pair if arms.is_valid() else None
        comparison = next_comparison(run, arms=chosen_arms, **place.place)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Compare two answers",
            "run": run,
            "comparison": comparison,
            "may_choose": self._may_choose(request) and comparison is not None and comparison.may_be_stored,
            "arms_form": arms,
            "shows_arms": chosen_arms is not None,
            "next_place": self._behind(comparison, chosen_arms),
            "stored_here": choices_of(run).count(),
            "stored_in_all": PreferencePair.objects.filter(provenance=LAB).count(),
        }
        return render(request, "admin/personas/labrun/compare.html", context)

    def _take_choice(self, request: HttpRequest, run: LabRun) -> HttpResponse:
        if not self._may_choose(request):
            raise PermissionDenied
        here = reverse("admin:personas_labrun_compare", args=[run.pk])
        form = ChoiceForm(request.POST)
        if not form.is_valid():
            self.message_user(request, "This choice could not be read.", messages.ERROR)
            return HttpResponseRedirect(here)
        sent = form.cleaned_data
        if sent["choice"] != ChoiceForm.SKIP:
            better, worse = form.better_and_worse
            try:
                choose(run=run, better_id=better, worse_id=worse, chosen_by=request.user.get_username())
            except AppError as error:
                self.message_user(request, error.message, messages.ERROR)
        return HttpResponseRedirect(f"{here}?{sent['next']}" if sent["next"] else here)

    def _may_choose(self, request: HttpRequest) -> bool:
        return request.user.has_perm("personas.add_preferencepair")

    def _behind(self, comparison: Any, arms: tuple[int, int] | None) -> str:
        if comparison is None:
            return ""
        chosen = {"first": arms[0], "second": arms[1]} if arms else {}
        return urlencode({"cell": comparison.cell, "after": comparison.key, **chosen})


@admin.register(PreferencePair)
class PreferencePairAdmin(ReadOnlyAdmin):
    list_display = ("id", "provenance", "persona", "preferred_start", "rejected_start", "chosen_by", "created_at")
    list_filter: ClassVar = ["provenance"]
    list_select_related = ("persona",)
    search_fields = ("prompt", "preferred", "chosen_by")
    date_hierarchy = "created_at"
    show_full_result_count = False

    @admin.display(description="preferred")
    def preferred_start(self, pair: PreferencePair) -> str:
        return pair.preferred[:60]

    @admin.display(description="rejected")
    def rejected_start(self, pair: PreferencePair) -> str:
        return pair.rejected[:60]
