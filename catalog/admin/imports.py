"""Imports: their progress and issues, the downloads of their pictures, and a page to upload a catalogue."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.formats import FORMATS
from catalog.models import ImageDownloadRun, ImportIssue, ImportRun
from catalog.services.imports import parse_mapping, plan_import
from fashionrec.common.errors import AppError
from fashionrec.common.run_admin import ReadOnlyAdmin, RunAdmin


class UploadForm(forms.Form):
    file = forms.FileField(
        help_text="Also gzip-compressed. Pictures are fetched from their addresses; files of them need import_catalog."
    )
    format = forms.ChoiceField(choices=[(name, f"{name}: {FORMATS[name].title}") for name in FORMATS], initial="csv")
    source = forms.CharField(
        required=False, max_length=40, help_text="First half of the products' ids; default: the file's name."
    )
    mapping = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "cols": 40, "placeholder": "title=ProductName"}),
        help_text="For csv: one FIELD=COLUMN a line; blank: by the columns' names. For shopify: currency=EUR.",
    )
    encoding = forms.CharField(initial="utf-8", max_length=20)


@admin.register(ImportRun)
class ImportRunAdmin(RunAdmin):
    run_columns = (
        *("source", "format", "read", "created", "updated", "unchanged", "rejected", "issue_link", "download_link"),
    )
    list_filter = ("state", "format", "source")
    change_list_template = "admin/catalog/importrun/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportRun]:
        counted = super().get_queryset(request).annotate(issue_count=Count("issues"))
        return counted.prefetch_related("downloads")

    def get_fields(self, request: HttpRequest, obj: ImportRun | None = None) -> tuple[str, ...]:
        return (
            *("source", "format", "state", "progress_bar", "issue_link", "path", "upload", "mapping", "encoding"),
            *("read", "created", "updated", "unchanged", "rejected", "images", "download_link"),
            *("error", "cancel_requested"),
            *("created_at", "started_at", "finished_at", "file_sha256"),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: ImportRun | None = None) -> tuple[str, ...]:
        return self.get_fields(request, obj)

    def get_urls(self) -> list[URLPattern]:
        upload = path("upload/", self.admin_site.admin_view(self.upload), name="catalog_importrun_upload")
        return [upload, *super().get_urls()]

    def upload(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("catalog.add_importrun"):
            return HttpResponse(status=403)
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            run = self._plan(form)
            if run is not None:
                self.message_user(request, f"{run} is queued", messages.SUCCESS)
                return HttpResponseRedirect(reverse("admin:catalog_importrun_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "form": form,
            "title": "Import a catalogue",
            "opts": self.opts,
        }
        return render(request, "admin/catalog/importrun/upload.html", context)

    @admin.display(description="issues", ordering="issue_count")
    def issue_link(self, run: Any) -> SafeString | str:
        if not run.issue_count:
            return "none"
        address, plural = reverse("admin:catalog_importissue_changelist"), "" if run.issue_count == 1 else "s"
        return format_html('<a href="{}?run__id__exact={}">{} issue{}</a>', address, run.pk, run.issue_count, plural)

    @admin.display(description="downloads")
    def download_link(self, run: ImportRun) -> SafeString | str:
        for download in run.downloads.all():
            address = reverse("admin:catalog_imagedownloadrun_change", args=[download.pk])
            return format_html('<a href="{}">{} of {}, {}</a>', address, download.done, download.total, download.state)
        return "none"

    def _plan(self, form: UploadForm) -> ImportRun | None:
        given = form.cleaned_data
        try:
            return plan_import(
                upload=given["file"],
                format=given["format"],
                source=given["source"],
                mapping=parse_mapping(given["mapping"].splitlines()),
                encoding=given["encoding"],
            )
        except AppError as error:
            name = error.fields[0].field.partition(".")[0] if error.fields else ""
            form.add_error(name if name in form.fields else "file", error.message)
            return None


@admin.register(ImageDownloadRun)
class ImageDownloadRunAdmin(RunAdmin):
    run_columns = ("import_run",)
    list_select_related = ("import_run",)


@admin.register(ImportIssue)
class ImportIssueAdmin(ReadOnlyAdmin):
    list_display = ("run", "row", "severity", "field", "value", "reason")
    list_filter = ("severity", "field")
    search_fields = ("value", "reason")
    list_select_related = ("run",)
    list_per_page = 100

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "run__id__exact" or super().lookup_allowed(lookup, value, request)
