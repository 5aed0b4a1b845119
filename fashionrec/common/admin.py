"""People, keys and the trail of what they did."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers

from fashionrec.common.errors import AppError, Conflict
from fashionrec.common.models import ApiKey, AuditEntry, User
from fashionrec.common.scopes import Scope
from fashionrec.common.services.api_keys import check_key_request, create_api_key, revoke_api_key

admin.site.register(User, UserAdmin)


class ApiKeyForm(forms.ModelForm[ApiKey]):
    """What a key is made from; the service judges it."""

    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=forms.CheckboxSelectMultiple)
    source = forms.CharField(
        required=False,
        max_length=40,
        help_text="Visitors named by this key live in this namespace; two keys may share it. Default: from the name.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "source", "scopes")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                check_key_request(name=cleaned["name"], scopes=cleaned["scopes"], source=cleaned["source"])
            except AppError as error:
                self.add_error(error.fields[0].field, error.fields[0].reason)
        return cleaned


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin[ApiKey]):
    """Keys are made, seen and revoked here, never changed: a client's rights change with a new key."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "source", "scopes", "created_at", "last_used_at", "revoked_at")
    list_filter = ("source",)
    search_fields = ("name", "prefix")
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        made_with = ["name", "source", "scopes"]
        return made_with if obj is None else [*made_with, "prefix", "created_at", "last_used_at", "revoked_at"]

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        made = form.cleaned_data
        key, token = create_api_key(
            name=made["name"], scopes=made["scopes"], source=made["source"], actor=request.user.get_username()
        )
        obj.pk = key.pk
        obj.refresh_from_db()
        # Kept on this request only: the page that answers it is the one place that shows the secret.
        request.new_api_key = token  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "API key made",
            "opts": self.opts,
            "key": obj,
            "token": request.new_api_key,  # type: ignore[attr-defined]
        }
        response = TemplateResponse(request, "admin/common/apikey/created.html", context)
        add_never_cache_headers(response)
        return response

    @admin.action(description="Revoke selected API keys", permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            try:
                revoke_api_key(key=key, actor=request.user.get_username())
            except Conflict as error:
                self.message_user(request, f"{key}: {error.message}", messages.WARNING)
            else:
                self.message_user(request, f"{key} is revoked.", messages.SUCCESS)


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin[AuditEntry]):
    """Read-only: a trail that can be edited proves nothing."""

    list_display = ("created_at", "actor", "action", "object_type", "object_id")
    list_filter = ("action", "object_type")
    search_fields = ("actor", "object_id")
    date_hierarchy = "created_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False
