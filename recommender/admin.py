from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

import recommender.report_admin  # its pages are registered with these
import recommender.retraining_admin
import recommender.study_admin  # noqa: F401
from fashionrec.common.errors import AppError
from fashionrec.common.run_admin import ReadOnlyAdmin, RunAdmin
from recommender.loss_curve import loss_curve
from recommender.ml.artifact import WEIGHTS
from recommender.models import ModelAlias, ModelKind, ModelVersion, TrainingEpoch, TrainingRun
from recommender.report_rows import Gain, gain_of
from recommender.selectors import challenger, champion, find_version
from recommender.services.models import clear_challenger, promote, retire, rollback, set_challenger
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
    continue_from = forms.ModelChoiceField(
        queryset=ModelVersion.objects.filter(files__has_key=f"{WEIGHTS}.safetensors", retired_at__isnull=True),
        required=False,
        empty_label="nothing: random weights",
        help_text="A version of the same kind whose weights the training begins with, for a quarter of the epochs.",
    )


@admin.register(TrainingRun)
class TrainingRunAdmin(RunAdmin):
    run_columns = ("kind", "seed", "continue_from")
    list_select_related = ("continue_from",)
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
    readonly_fields = ("measured", "trained_on", "made_with", "made_of", "added_since", "file_digests")
    fieldsets: ClassVar = [
        (None, {"fields": ("kind", "measured", "trained_on", "made_with", "run", "created_at", "retired_at")}),
        ("Lineage", {"fields": ("parent", "made_of", "added_since")}),
        ("Record", {"fields": ("seed", "code_version", "artifact_sha256", "file_digests")}),
    ]
    actions = ("promote_version", "challenge_with_version", "retire_versions")
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

    @admin.display(description="made of")
    def made_of(self, version: ModelVersion) -> SafeString | str:
        if not version.components:
            return "–"
        parts = [part for name in version.components if (part := find_version(name)) is not None]
        address = "admin:recommender_modelversion_change"
        links = ((reverse(address, args=[part.pk]), part) for part in parts)
        return format_html_join(", ", '<a href="{}">{}</a>', links)

    @admin.display(description="products added since")
    def added_since(self, version: ModelVersion) -> str:
        """How many new products have a vector of this version, for a version that has vectors."""
        added = version.item_vectors.filter(content_made_at__isnull=False).count()
        return str(added) if added or not version.extension else "some, which it scores without vectors"

    @admin.display(description="files, sha256")
    def file_digests(self, version: ModelVersion) -> SafeString | str:
        return _pairs(version.files)

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

    @admin.action(description="Let the selected version challenge the champion", permissions=["promote"])
    def challenge_with_version(self, request: HttpRequest, versions: QuerySet[ModelVersion]) -> None:
        if versions.count() != 1:
            self.message_user(request, "Choose exactly one version to challenge the champion.", messages.ERROR)
            return
        try:
            alias = set_challenger(version=versions.get(), actor=request.user.get_username())
        except AppError as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            self.message_user(request, f"{alias.version} challenges the champion.", messages.SUCCESS)

    @admin.action(description="Retire the selected versions", permissions=["promote"])
    def retire_versions(self, request: HttpRequest, versions: QuerySet[ModelVersion]) -> None:
        for version in versions:
            try:
                retire(version=version, actor=request.user.get_username())
            except AppError as error:
                self.message_user(request, f"{version}: {error.message}", messages.ERROR)

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"recommender_modelversion_{name}")
            for name, view in (("rollback", self.rollback), ("withdraw", self.withdraw))
        ]
        return [*ours, *super().get_urls()]

    def rollback(self, request: HttpRequest) -> HttpResponse:
        def roll_back(actor: str) -> str:
            return f"Rolled back: {rollback(actor=actor).version} serves from the next request on."

        return self._by_button(request, roll_back)

    def withdraw(self, request: HttpRequest) -> HttpResponse:
        def withdraw_challenger(actor: str) -> str:
            clear_challenger(actor=actor)
            return "No version challenges the champion any more."

        return self._by_button(request, withdraw_challenger)

    def _by_button(self, request: HttpRequest, act: Callable[[str], str]) -> HttpResponse:
        """Answer a button above the list: do it for who pressed it, and say what came of it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_promote_permission(request):
            return HttpResponse(status=403)
        try:
            told = act(request.user.get_username())
        except AppError as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            self.message_user(request, told, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:recommender_modelversion_changelist"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        alias = ModelAlias.objects.select_related("previous").filter(name=ModelAlias.Name.CHAMPION).first()
        context = {
            "champion": champion(),
            "previous": alias.previous if alias else None,
            "challenger": challenger(),
        }
        return super().changelist_view(request, {**(extra_context or {}), **context})


@admin.register(ModelAlias)
class ModelAliasAdmin(ReadOnlyAdmin):
    list_display = ("name", "version", "previous", "changed_at")
    list_select_related = ("version", "previous")


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
