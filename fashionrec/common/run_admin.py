"""How long work looks in admin: progress as a bar, an action to cancel, nothing to edit."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from fashionrec.common.errors import AppError
from fashionrec.common.models import Run
from fashionrec.common.runs import request_cancel


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows that are records: looked at, never typed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


MACHINERY = ("total", "done", "attempts", "cancel_requested", "lease_owner", "lease_until")
"""Fields of a run that matter only when it is stuck."""


class RunAdmin(ReadOnlyAdmin):
    """Base of every run's admin; add columns to `run_columns`."""

    readonly_fields: ClassVar[Any] = ("progress_bar", "created_at")

    run_columns: tuple[str, ...] = ()
    list_filter: ClassVar[Any] = ("state",)
    date_hierarchy = "created_at"
    actions: tuple[str, ...] = ("cancel",)

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return ("short_id", *self.run_columns, "state", "progress_bar", "created_at", "took", "short_error")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        names = [name for name in self.get_fields(request, obj) if isinstance(name, str)]
        first = [name for name in ("state", "progress_bar", "error") if name in names]
        rest = [name for name in names if name not in {*first, *MACHINERY}]
        machinery = [name for name in names if name in MACHINERY]
        folded = [("Machinery", {"fields": machinery, "classes": ["collapse"]})] if machinery else []
        return [(None, {"fields": first + rest}), *folded]

    # Cancelling is no edit of fields, but it needs the right to change the run.
    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    @admin.display(description="run", ordering="created_at")
    def short_id(self, run: Run) -> str:
        return str(run.pk)[:8]

    @admin.display(description="progress")
    def progress_bar(self, run: Run) -> SafeString:
        return format_html(
            '<progress value="{}" max="{}"></progress> {} of {}', run.done, max(run.total, 1), run.done, run.total
        )

    @admin.display(description="took")
    def took(self, run: Run) -> str:
        if run.started_at is None or run.finished_at is None:
            return "–"
        seconds = (run.finished_at - run.started_at).total_seconds()
        return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

    @admin.display(description="error")
    def short_error(self, run: Run) -> str:
        return run.error[:120]

    @admin.action(description="Cancel the selected runs", permissions=["cancel"])
    def cancel(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        for run in runs:
            try:
                request_cancel(run=run)
            except AppError as error:
                self.message_user(request, f"{run}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{run}: asked to stop", messages.SUCCESS)

    def start_by_form(
        self, request: HttpRequest, form: forms.Form, plan: Callable[[], tuple[Run, str]], **page: Any
    ) -> HttpResponse:
        """A page that plans a run by a form, and goes on to the run; `page` is what `start_page` takes.

        form: bound when the request is a POST. plan: called with it valid; the run, and what to say of it. An AppError
        is shown beside the field it names, if the form has one of that name.
        """
        if not self.has_cancel_permission(request):
            return HttpResponse(status=403)
        if request.method == "POST" and form.is_valid():
            try:
                run, told = plan()
            except AppError as error:
                name = error.fields[0].field if error.fields else ""
                form.add_error(name if name in form.fields else None, error.message)
            else:
                self.message_user(request, told, messages.SUCCESS)
                address = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
                return HttpResponseRedirect(reverse(address, args=[run.pk]))
        return self.start_page(request, form, **page)

    def start_page(
        self,
        request: HttpRequest,
        form: forms.Form,
        *,
        title: str,
        explanation: str,
        template: str = "admin/start_run.html",
        **context: Any,
    ) -> HttpResponse:
        """The page with the form that queues a run of this kind; `template` extends the usual one."""
        context = {
            **self.admin_site.each_context(request),
            "form": form,
            "title": title,
            "explanation": explanation,
            "list_name": self.opts.verbose_name_plural,
            "list_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
            **context,
        }
        return render(request, template, context)
