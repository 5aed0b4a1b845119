"""Language models and prompt templates in admin."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Avg, Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from fashionrec.common.errors import AppError
from fashionrec.common.run_admin import ReadOnlyAdmin
from personas.models import LanguageModel, PromptTemplate
from personas.services.language_models import ADAPTERS, ask_to_probe, register_language_model


class LanguageModelForm(forms.ModelForm[LanguageModel]):
    adapter = forms.ChoiceField(
        choices=[(dotted, name.replace("_", " ")) for name, dotted in ADAPTERS.items()],
        help_text="transformers runs in the worker; the others ask a server.",
    )
    options = forms.JSONField(
        required=False,
        initial=dict,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text='Arguments of the adapter, such as {"model": "mistralai/Mistral-7B-v0.3"} or '
        '{"base_url": "http://127.0.0.1:8001/v1", "model": "…", "api_key_env": "MY_KEY"}. No secrets: api_key_env '
        "names an environment variable of the worker.",
    )

    class Meta:
        model = LanguageModel
        fields = ("name", "adapter", "options", "prompt_price", "completion_price")

    def clean_options(self) -> dict[str, Any]:
        options = self.cleaned_data["options"] or {}
        if not isinstance(options, dict):
            raise forms.ValidationError(f"expected a JSON object, received {options!r}")
        return options

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                self.instance = register_language_model(
                    name=cleaned["name"],
                    adapter=cleaned["adapter"],
                    options=cleaned["options"],
                    prompt_price=cleaned["prompt_price"],
                    completion_price=cleaned["completion_price"],
                )
            except AppError as error:
                raise forms.ValidationError(error.message) from error
        return cleaned


@admin.register(LanguageModel)
class LanguageModelAdmin(admin.ModelAdmin[LanguageModel]):
    """A model is registered here and probed by the worker; what it said is a record, so it is never edited."""

    form = LanguageModelForm
    list_display = ("name", "adapter_name", "state", "kind", "scoring", "probed_at", "short_digest", "mean_rating")
    list_filter = ("state", "is_simulator", "is_demonstration")
    actions = ("probe_again",)
    fieldsets: ClassVar = [
        (None, {"fields": ("name", "adapter", "options", "prompt_price", "completion_price")}),
        ("What probing found", {"fields": ("state", "scoring", "findings", "digest", "probed_at")}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: LanguageModel | None = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:1]

    def get_readonly_fields(self, request: HttpRequest, obj: LanguageModel | None = None) -> Any:
        return ("state", "scoring", "findings", "digest", "probed_at")

    def has_change_permission(self, request: HttpRequest, obj: LanguageModel | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LanguageModel | None = None) -> bool:
        return False

    # Probing edits nothing that was typed, but it needs the right to change models.
    def has_probe_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("personas.change_languagemodel")

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """The service has saved it already; the worker probes it next."""
        ask_to_probe(model=form.instance)
        self.message_user(request, f"{form.instance}: the worker probes it now; reload in a moment", messages.INFO)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LanguageModel]:
        return super().get_queryset(request).annotate(mean=Avg("runs__ratings__expectation"))

    @admin.action(description="Probe the selected models again", permissions=["probe"])
    def probe_again(self, request: HttpRequest, models: QuerySet[LanguageModel]) -> None:
        for model in models:
            ask_to_probe(model=model)
        self.message_user(request, f"{len(models)} to be probed by the worker", messages.SUCCESS)

    @admin.display(description="adapter", ordering="adapter")
    def adapter_name(self, model: LanguageModel) -> str:
        return model.adapter.rpartition(".")[2]

    @admin.display(description="kind")
    def kind(self, model: LanguageModel) -> str:
        if model.is_simulator:
            return "simulator"
        return "small, for demonstration" if model.is_demonstration else "language model"

    @admin.display(description="digest")
    def short_digest(self, model: LanguageModel) -> str:
        return model.digest[:10]

    @admin.display(ordering="mean")
    def mean_rating(self, model: Any) -> str:
        return f"{model.mean:.2f}" if model.mean is not None else "–"

    @admin.display(description="findings")
    def findings(self, model: LanguageModel) -> SafeString:
        found = [
            (name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else value)
            for name, value in model.probe.items()
            if value not in ("", None)
        ]
        return format_html_join("\n", "<p>{}: {}</p>", found or [("not probed yet", "–")])


@admin.register(PromptTemplate)
class PromptTemplateAdmin(ReadOnlyAdmin):
    list_display = ("name", "version", "style", "sha256", "created_at")
    list_filter = ("style",)
