"""Evaluation reports in admin: every protocol as a table with intervals and as pictures, and the report as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path

from fashionrec.common.run_admin import ReadOnlyAdmin
from recommender.ml.splits import PROTOCOLS
from recommender.models import EvaluationReport
from recommender.report_charts import HistoryChart, Scatter, history_chart, scatters
from recommender.report_rows import ORACLE, ReportRow, label_of, report_rows
from recommender.selectors import champion


@dataclass(frozen=True)
class ProtocolPage:
    """One way of holding out, laid out for its part of the page."""

    name: str
    title: str
    told: str
    rows: list[ReportRow]
    best_baseline: str
    scatters: list[Scatter]
    history: HistoryChart | None

    @property
    def has_lists(self) -> bool:
        return any(row.lists for row in self.rows)

    @property
    def has_seeds(self) -> bool:
        return any(row.seeds and row.seeds > 1 for row in self.rows)


@admin.register(EvaluationReport)
class EvaluationReportAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "protocols", "users", "best", "gain")
    change_form_template = "admin/recommender/evaluationreport/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        name = "recommender_evaluationreport_json"
        return [path("<int:pk>/report.json", self.admin_site.admin_view(self.as_json), name=name), *super().get_urls()]

    def as_json(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The report's figures, to keep or to plot elsewhere."""
        report = self.get_object(request, str(pk))
        if report is None or not self.has_view_permission(request, report):
            raise Http404
        response = JsonResponse(report.results, json_dumps_params={"indent": 1})
        response["Content-Disposition"] = f'attachment; filename="evaluation-{report.pk}.json"'
        return response

    @admin.display(description="held out")
    def protocols(self, report: EvaluationReport) -> str:
        held_out = report.results.get("protocols", {})
        return ", ".join(_spoken(name) for name in PROTOCOLS if name in held_out) or "–"

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
        results = report.results if report is not None else {}
        context = {
            "rows": report_rows(results),
            "pages": protocol_pages(results),
            "champion_kind": serving.kind if serving is not None and measured else "",
            "left_out": [
                {**cell, "label": label_of(cell["kind"]), "protocol": _spoken(cell["protocol"])}
                for cell in results.get("left_out", [])
            ],
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})


def protocol_pages(results: Mapping[str, Any]) -> list[ProtocolPage]:
    """Of EvaluationReport.results, in the order of PROTOCOLS; one page for a report that names no protocols."""
    found = results.get("protocols", {})
    if not found and results.get("models"):
        told = f"{results.get('protocol', '')}; {results.get('users', 0)} shoppers"
        return [_page("", "Held-out events", told, results)]
    pages = []
    for name in PROTOCOLS:
        if name in found:
            part, events = found[name], found[name]["events"]
            title, _, words = part["description"].partition(": ")
            told = (
                f"{words}. {part['users']} shoppers with {events['test']} products held out, "
                f"{events['train']} events to learn from, {part['products']} products ranked"
            )
            pages.append(_page(name, title, told, part))
    return pages


def _page(name: str, title: str, told: str, part: Mapping[str, Any]) -> ProtocolPage:
    best = part.get("best_baseline")
    return ProtocolPage(
        name=name,
        title=title,
        told=told,
        rows=report_rows(part),
        best_baseline=label_of(best) if best else "",
        scatters=scatters(part["models"]),
        history=history_chart(part["models"], best),
    )


def _spoken(protocol: str) -> str:
    return protocol.replace("_", " ").replace("users", "shoppers")


def _best(report: EvaluationReport) -> ReportRow | None:
    return next((row for row in report_rows(report.results) if row.kind != ORACLE), None)
