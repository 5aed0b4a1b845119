"""Rating runs in admin: plan, watch, judge, publish."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Avg, Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from fashionrec.common.errors import AppError
from fashionrec.common.run_admin import RunAdmin
from personas.models import LanguageModel, Persona, QualityReport, RatingRun
from personas.quality_page import figures_in_words, histogram, in_words
from personas.services.language_models import default_language_model
from personas.services.rating_plans import draw_plan, plan_rating_run, resume_with_budget
from personas.services.rating_quality import judge_run
from personas.services.ratings import publish, withdraw

EXPLANATION = (
    "Every product is rated by so many personas who differ from each other, spread evenly over all of them. The worker "
    "asks, stores every answer, calibrates and judges them. The run can be cancelled and pauses at its budget; its "
    "ratings reach the pages and training only once they pass the gate and are published."
)


class RatingRunForm(forms.Form):
    language_model = forms.ModelChoiceField(LanguageModel.objects.all(), empty_label=None)
    raters_per_product = forms.IntegerField(min_value=1, initial=6)
    products = forms.IntegerField(min_value=1, required=False, label="Products (empty: all)")
    seed = forms.IntegerField(initial=0)
    max_tokens = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False, label="Pause at tokens")
    max_cost = forms.DecimalField(min_value=0, required=False, max_digits=12, decimal_places=4, label="Pause at cost")


class BudgetForm(forms.Form):
    max_tokens = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    max_cost = forms.DecimalField(min_value=0, required=False, max_digits=12, decimal_places=4)


@admin.register(RatingRun)
class RatingRunAdmin(RunAdmin):
    run_columns = ("language_model", "kind", "passes", "tokens_used", "published_at")
    list_select_related = ("language_model", "template", "quality")
    actions = ("cancel", "publish_runs", "judge_again")
    change_list_template = "admin/personas/ratingrun/change_list.html"
    change_form_template = "admin/personas/ratingrun/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"personas_ratingrun_{name}")

        return [
            page("start/", self.start, "start"),
            page("<uuid:run_id>/report/", self.report, "report"),
            page("<uuid:run_id>/publish/", self.publish_one, "publish"),
            page("<uuid:run_id>/withdraw/", self.withdraw_one, "withdraw"),
            page("<uuid:run_id>/resume/", self.resume, "resume"),
            *super().get_urls(),
        ]

    @admin.display(description="rater")
    def kind(self, run: RatingRun) -> str:
        if run.language_model.is_simulator:
            return "simulated"
        return "demonstration" if run.language_model.is_demonstration else "language model"

    @admin.display(boolean=True, description="gate")
    def passes(self, run: RatingRun) -> bool | None:
        return run.quality.passed if hasattr(run, "quality") else None

    @admin.action(description="Publish the selected runs", permissions=["cancel"])
    def publish_runs(self, request: HttpRequest, runs: QuerySet[RatingRun]) -> None:
        for run in runs:
            self._try(request, run, lambda run: publish(run=run), "published; its ratings reach the next training")

    @admin.action(description="Calibrate and judge the selected runs again", permissions=["cancel"])
    def judge_again(self, request: HttpRequest, runs: QuerySet[RatingRun]) -> None:
        for run in runs:
            self._try(request, run, _judge_again, "calibrated and judged again")

    def start(self, request: HttpRequest) -> HttpResponse:
        """A page that shows what a run will ask and take, and then queues it."""
        if not self.has_cancel_permission(request):
            return HttpResponse(status=403)
        if not LanguageModel.objects.exists():
            default_language_model()
        form, plan = RatingRunForm(request.POST or None), None
        if request.method == "POST" and form.is_valid():
            asked = dict(form.cleaned_data)
            budget = {name: asked.pop(name) for name in ("max_tokens", "max_cost")}
            personas = list(Persona.objects.all())
            try:
                if "start" in request.POST:
                    run = plan_rating_run(personas=personas, **asked, **budget)
                    self.message_user(request, f"{run}: {run.total} cells planned", messages.SUCCESS)
                    return HttpResponseRedirect(reverse("admin:personas_ratingrun_changelist"))
                plan = draw_plan(personas=personas, **asked).figures
            except AppError as error:
                form.add_error(None, error.message)
        template = "admin/personas/ratingrun/plan.html"
        title = "Rate the catalogue"
        return self.start_page(request, form, title=title, explanation=EXPLANATION, template=template, plan=plan)

    def report(self, request: HttpRequest, run_id: Any) -> HttpResponse:
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        report = get_object_or_404(QualityReport, run_id=run_id)
        return JsonResponse({"passed": report.passed, "reasons": report.reasons, "figures": report.figures})

    def publish_one(self, request: HttpRequest, run_id: Any) -> HttpResponse:
        return self._act(
            request, run_id, lambda run: publish(run=run), "published; its ratings reach the next training"
        )

    def withdraw_one(self, request: HttpRequest, run_id: Any) -> HttpResponse:
        return self._act(request, run_id, lambda run: withdraw(run=run), "withdrawn from the pages and from training")

    def resume(self, request: HttpRequest, run_id: Any) -> HttpResponse:
        form = BudgetForm(request.POST)
        if request.method == "POST" and not form.is_valid():
            wrong = "; ".join(f"{name}: {error}" for name, found in form.errors.items() for error in found)
            self.message_user(request, wrong, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:personas_ratingrun_change", args=[run_id]))
        return self._act(request, run_id, lambda run: resume_with_budget(run=run, **form.cleaned_data), "goes on")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if isinstance(run, RatingRun):
            report = QualityReport.objects.filter(run=run).first()
            context = {"report": report, "can_act": self.has_cancel_permission(request)}
            if report is None:
                context["summary"] = run.ratings.aggregate(ratings=Count("pk"), mean=Avg("expectation"))
            else:
                bars = histogram(report)
                context |= {"bars": bars, "bars_in_words": in_words(bars), "quality_figures": figures_in_words(report)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def _act(
        self, request: HttpRequest, run_id: Any, service: Callable[[RatingRun], object], done: str
    ) -> HttpResponse:
        """One button of the run's page: POST only, for those who may change runs."""
        if not self.has_cancel_permission(request):
            return HttpResponse(status=403)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._try(request, get_object_or_404(RatingRun, pk=run_id), service, done)
        return HttpResponseRedirect(reverse("admin:personas_ratingrun_change", args=[run_id]))

    def _try(self, request: HttpRequest, run: RatingRun, service: Callable[[RatingRun], object], done: str) -> None:
        try:
            service(run)
        except AppError as error:
            self.message_user(request, f"{run}: {error.message}", messages.ERROR)
        else:
            self.message_user(request, f"{run}: {done}", messages.SUCCESS)


def _judge_again(run: RatingRun) -> QualityReport:
    """To the target that the run was calibrated to last: pressing a button does not undo what somebody measured."""
    if run.calibration is None:
        return judge_run(run=run)
    return judge_run(run=run, target=run.calibration.target, target_source=run.calibration.target_source)
