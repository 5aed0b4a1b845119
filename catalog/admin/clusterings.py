"""Clusterings in admin: start one, watch it, and read how the methods compare."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from catalog.models import ClusterRun
from catalog.services.styles import SMALLEST_STYLE, plan_cluster_run
from fashionrec.common.run_admin import RunAdmin

METHODS = {
    "hdbscan": ("HDBSCAN", "on graph coordinates; gives the styles"),
    "dbscan": ("DBSCAN", "on the same coordinates"),
    "dbscan_on_vectors": ("DBSCAN", "on the vectors as they are"),
    "kmeans": ("k-means", "on the same coordinates, as many groups"),
}
BAR_WIDTH = 130


class ClusterRunForm(forms.Form):
    min_cluster_size = forms.IntegerField(
        required=False,
        min_value=SMALLEST_STYLE,
        label="Fewest products in a style",
        help_text="Empty: by the catalogue's size, as 6 of 640 and 31 of 20,000. Higher gives fewer, broader styles.",
    )
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=0)


@admin.register(ClusterRun)
class ClusterRunAdmin(RunAdmin):
    run_columns = ("encoder", "products", "styles", "alone")
    list_select_related = ("encoder",)
    exclude = ("report",)
    change_list_template = "admin/catalog/clusterrun/change_list.html"
    change_form_template = "admin/catalog/clusterrun/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        start = path("start/", self.admin_site.admin_view(self.start), name="catalog_clusterrun_start")
        return [start, *super().get_urls()]

    @admin.display(description="products")
    def products(self, run: ClusterRun) -> str:
        return str(run.report.get("products", "–"))

    @admin.display(description="styles")
    def styles(self, run: ClusterRun) -> str:
        return str(run.report.get("clusters", "–"))

    @admin.display(description="like no others")
    def alone(self, run: ClusterRun) -> str:
        return f"{run.report['noise']:.0%}" if "noise" in run.report else "–"

    def start(self, request: HttpRequest) -> HttpResponse:
        """A page that plans a clustering."""
        form = ClusterRunForm(request.POST or None)

        def plan() -> tuple[ClusterRun, str]:
            asked = form.cleaned_data
            run = plan_cluster_run(min_cluster_size=asked["min_cluster_size"], seed=asked["seed"])
            return run, f"{run} is queued"

        explanation = (
            "Products that look alike are grouped into styles by their hybrid vectors. Names that people gave, styles "
            "they merged and products they moved stay as they are. 640 products take 5 seconds, 20,000 some minutes; "
            "nothing changes before the end."
        )
        return self.start_by_form(request, form, plan, title="Cluster the catalogue", explanation=explanation)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        context = {"page": report_page(run.report) if run is not None and run.report else None}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})


def report_page(report: dict[str, Any]) -> dict[str, Any]:
    """A clustering's report laid out for its page."""
    rows = []
    # In the order of METHODS: the database keeps no order of keys.
    for method, (name, words) in METHODS.items():
        figures = report["comparison"][method]
        rows.append(
            {
                **figures,
                "name": name,
                "words": words,
                "is_ours": method == "hdbscan",
                "nmi_width": round(BAR_WIDTH * figures["nmi"], 1),
                "colour": figures["nmi_with"].get("colour", 0.0),
                "noise_percent": round(100 * figures["noise"], 1),
            }
        )
    compared = rows[0]["products"] if rows else 0
    return {
        "report": report,
        "rows": rows,
        "is_sampled": compared < report["products"],
        "compared": compared,
        "noise_percent": round(100 * report["noise"], 1),
        "seconds": sorted(report["seconds"].items(), key=lambda step: -step[1]),
    }
