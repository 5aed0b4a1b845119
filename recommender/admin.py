from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from fashionrec.common.errors import AppError
from fashionrec.common.run_admin import ReadOnlyAdmin, RunAdmin
from recommender.loss_curve import loss_curve
from recommender.models import EvaluationReport, ModelAlias, ModelKind, ModelVersion, TrainingEpoch, TrainingRun
from recommender.report_rows import ORACLE, Gain, ReportRow, gain_of, report_rows
from recommender.selectors import champion
from recommender.services.models import promote, retire, rollback
from recommender.services.training import start_training


class TrainingEpochInline(admin.TabularInline[TrainingEpoch, TrainingRun]):
    model = TrainingEpoch
    extra = 0
    can_delete = False
    fields = readonly_fields = ("epoch", "mean_loss", "took", "worker", "finished_at")

    @admin.display(description="loss")
    def mean_loss(self, epoch: TrainingEpoch) -> str:
        return f"{epoch.loss:.4f}"

    @admin.display(description="seconds")
    def took(self, epoch: TrainingEpoch) -> str:
        return f"{epoch.seconds:.1f}"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TrainingForm(forms.Form):
    kind = forms.ChoiceField(choices=ModelKind.choices)
    seed = forms.IntegerField(initial=0)


@admin.register(TrainingRun)
class TrainingRunAdmin(RunAdmin):
    run_columns = ("kind", "seed")
    list_filter = ("state", "kind")
    inlines: ClassVar = [TrainingEpochInline]
    change_list_template = "admin/recommender/trainingrun/change_list.html"
    change_form_template = "admin/recommender/trainingrun/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        start = path("start/", self.admin_site.admin_view(self.start), name="recommender_trainingrun_start")
        return [start, *super().get_urls()]

    def start(self, request: HttpRequest) -> HttpResponse:
        if not self.has_cancel_permission(request):
            return HttpResponse(status=403)
        form = TrainingForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                run = start_training(**form.cleaned_data)
            except AppError as error:
                form.add_error(None, error.message)
            else:
                self.message_user(request, f"{run} is queued", messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:recommender_trainingrun_changelist"))
        explanation = (
            "The worker trains it on the events and published ratings in the shop, with a checkpoint after every epoch."
        )
        return self.start_page(request, form, title="Train a model", explanation=explanation)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        losses = list(run.epochs.order_by("epoch").values_list("loss", flat=True)) if run is not None else []
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "curve": loss_curve(losses)})


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "serving", "recall", "ndcg", "gain", "created_at")
    list_filter = ("kind",)
    readonly_fields = ("measured", "trained_on", "made_with")
    fieldsets: ClassVar = [
        (None, {"fields": ("kind", "measured", "trained_on", "made_with", "run", "created_at", "retired_at")}),
        ("Record", {"fields": ("seed", "code_version", "artifact_sha256")}),
    ]
    actions = ("promote_version", "retire_versions")
    change_list_template = "admin/recommender/modelversion/change_list.html"

    def has_promote_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("recommender.change_modelalias")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        return super().get_queryset(request).prefetch_related("aliases")

    @admin.display(description="")
    def serving(self, version: ModelVersion) -> str:
        return ", ".join(alias.name for alias in version.aliases.all())

    @admin.display(description="recall@10")
    def recall(self, version: ModelVersion) -> str:
        return _figure(version, "recall@10")

    @admin.display(description="ndcg@10")
    def ndcg(self, version: ModelVersion) -> str:
        return _figure(version, "ndcg@10")

    @admin.display(description="ndcg@10 minus popularity’s")
    def gain(self, version: ModelVersion) -> str:
        gain = gain_of(version.metrics)
        return gain.in_words if gain else "–"

    @admin.display(description="measured")
    def measured(self, version: ModelVersion) -> SafeString | str:
        return _pairs(version.metrics)

    @admin.display(description="trained on")
    def trained_on(self, version: ModelVersion) -> SafeString | str:
        return _pairs({**version.data_window, **version.row_counts})

    @admin.display(description="parameters")
    def made_with(self, version: ModelVersion) -> SafeString | str:
        return _pairs(version.parameters)

    @admin.action(description="Promote the selected version", permissions=["promote"])
    def promote_version(self, request: HttpRequest, versions: QuerySet[ModelVersion]) -> None:
        if versions.count() != 1:
            self.message_user(request, "Choose exactly one version to promote.", messages.ERROR)
            return
        try:
            alias = promote(version=versions.get(), actor=request.user.get_username())
        except AppError as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            self.message_user(request, f"{alias.version} serves from the next request on.", messages.SUCCESS)

    @admin.action(description="Retire the selected versions", permissions=["promote"])
    def retire_versions(self, request: HttpRequest, versions: QuerySet[ModelVersion]) -> None:
        for version in versions:
            try:
                retire(version=version, actor=request.user.get_username())
            except AppError as error:
                self.message_user(request, f"{version}: {error.message}", messages.ERROR)

    def get_urls(self) -> list[URLPattern]:
        back = path("rollback/", self.admin_site.admin_view(self.rollback), name="recommender_modelversion_rollback")
        return [back, *super().get_urls()]

    def rollback(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_promote_permission(request):
            return HttpResponse(status=403)
        try:
            alias = rollback(actor=request.user.get_username())
        except AppError as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            self.message_user(
                request, f"Rolled back: {alias.version} serves from the next request on.", messages.SUCCESS
            )
        return HttpResponseRedirect(reverse("admin:recommender_modelversion_changelist"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        alias = ModelAlias.objects.select_related("previous").filter(name=ModelAlias.Name.CHAMPION).first()
        context = {"champion": champion(), "previous": alias.previous if alias else None}
        return super().changelist_view(request, {**(extra_context or {}), **context})


@admin.register(EvaluationReport)
class EvaluationReportAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "users", "best", "gain")
    change_form_template = "admin/recommender/evaluationreport/change_form.html"

    @admin.display
    def users(self, report: EvaluationReport) -> int:
        return int(report.results.get("users", 0))

    @admin.display(description="best model, ndcg@10")
    def best(self, report: EvaluationReport) -> str:
        row = _best(report)
        return f"{row.label} ({row.ndcg:.4f})" if row else "–"

    @admin.display(description="minus popularity’s")
    def gain(self, report: EvaluationReport) -> str:
        row = _best(report)
        return row.gain.in_words if row and row.gain else "–"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        report = self.get_object(request, object_id)
        serving = champion()
        measured = report is not None and serving is not None and report.versions.filter(pk=serving.pk).exists()
        context = {
            "rows": report_rows(report.results) if report is not None else [],
            "champion_kind": serving.kind if serving is not None and measured else "",
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})


@admin.register(ModelAlias)
class ModelAliasAdmin(ReadOnlyAdmin):
    list_display = ("name", "version", "previous", "changed_at")
    list_select_related = ("version", "previous")


def _best(report: EvaluationReport) -> ReportRow | None:
    return next((row for row in report_rows(report.results) if row.kind != ORACLE), None)


def _pairs(values: Mapping[str, Any]) -> SafeString | str:
    """A JSON object as lines of name and value."""
    if not values:
        return "–"
    lines = format_html_join("", "<dt>{}</dt><dd>{}</dd>", ((name, _plain(value)) for name, value in values.items()))
    return format_html('<dl class="pairs">{}</dl>', lines)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping) and set(value) == {"mean", "low", "high"}:
        return Gain(**value).in_words
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _figure(version: ModelVersion, name: str) -> str:
    value = version.metrics.get(name)
    return f"{value:.4f}" if value is not None else "—"
