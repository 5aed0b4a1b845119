"""Suggested values: the list in which a person decides on them."""

from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.models import AttributeSuggestion, Category, Product
from catalog.services.suggestions import (
    Decisions,
    accept_suggestions,
    reject_suggestions,
)
from fashionrec.common.run_admin import ReadOnlyAdmin

BANDS = {"sure": ("90% and more", 0.9, 1.01), "likely": ("75% to 90%", 0.75, 0.9), "unsure": ("below 75%", 0.0, 0.75)}
MOST_REASONS = 5


class StateFilter(admin.SimpleListFilter):
    """Open ones unless another state is asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("accepted", "accepted"), ("rejected", "rejected"), ("all", "all")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": "open"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() == "all" else queryset.filter(state=self.value() or "open")


class ConfidenceFilter(admin.SimpleListFilter):
    title = "confidence"
    parameter_name = "confidence"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, words) for name, (words, _, _) in BANDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in BANDS:
            return queryset
        _, low, high = BANDS[str(self.value())]
        return queryset.filter(confidence__gte=low, confidence__lt=high)


@admin.register(AttributeSuggestion)
class AttributeSuggestionAdmin(ReadOnlyAdmin):
    list_display_links = None
    list_filter = ("field", StateFilter, ConfidenceFilter)
    search_fields = ("product__title", "value")
    list_select_related = ("product", "product__category")
    list_per_page = 25
    actions = ("accept_selected", "reject_selected")
    exclude = ("evidence",)

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        columns = ("picture", "of_product", "suggested", "reasons")
        return (*columns, "decision") if self.has_decide_permission(request) else (*columns, "state")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AttributeSuggestion]:
        return super().get_queryset(request).prefetch_related("product__images")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Suggested values", **(extra_context or {})})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        changelist.result_list = list(changelist.result_list)
        _attach_neighbours(changelist.result_list)
        return changelist

    def get_urls(self) -> list[URLPattern]:
        def page(name: str, view: Any) -> URLPattern:
            wrapped = self.admin_site.admin_view(view)
            return path(f"<int:suggestion_id>/{name}/", wrapped, name=f"catalog_attributesuggestion_{name}")

        return [page("accept", self.accept_one), page("reject", self.reject_one), *super().get_urls()]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup in ("product__id__exact", "run__id__exact") or super().lookup_allowed(lookup, value, request)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Accepting writes the product, so the right to change products is needed, too."""
        return request.user.has_perms(["catalog.change_attributesuggestion", "catalog.change_product"])

    @admin.action(description="Accept: give the products the suggested values", permissions=["decide"])
    def accept_selected(self, request: HttpRequest, suggestions: QuerySet[AttributeSuggestion]) -> None:
        self._decide(request, accept_suggestions, suggestions.values_list("pk", flat=True), "accepted")

    @admin.action(description="Reject: never suggest these again", permissions=["decide"])
    def reject_selected(self, request: HttpRequest, suggestions: QuerySet[AttributeSuggestion]) -> None:
        self._decide(request, reject_suggestions, suggestions.values_list("pk", flat=True), "rejected")

    def accept_one(self, request: HttpRequest, suggestion_id: int) -> HttpResponse:
        return self._decide_one(request, accept_suggestions, suggestion_id, "accepted")

    def reject_one(self, request: HttpRequest, suggestion_id: int) -> HttpResponse:
        return self._decide_one(request, reject_suggestions, suggestion_id, "rejected")

    @admin.display(description="")
    def picture(self, suggestion: AttributeSuggestion) -> SafeString | str:
        image = _first_image(suggestion.product)
        if image is None:
            return "–"
        return format_html('<img class="suggestion__picture" src="{}" alt="" loading="lazy">', image.file.url)

    @admin.display(description="product", ordering="product__title")
    def of_product(self, suggestion: AttributeSuggestion) -> SafeString:
        product = suggestion.product
        known = (product.gender, product.category.name if product.category else "", product.colour, product.pattern)
        return format_html(
            '<a href="{}">{}</a><br><span class="quiet">{}</span>',
            reverse("admin:catalog_product_change", args=[product.pk]),
            product.title,
            " · ".join(fact for fact in known if fact),
        )

    @admin.display(description="suggested, by confidence", ordering="confidence")
    def suggested(self, suggestion: AttributeSuggestion) -> SafeString:
        # Whole percents, rounded down: 99.6% is no certainty.
        percent = int(suggestion.confidence * 100)
        return format_html(
            '<span class="quiet">{}</span><br><strong>{}</strong><progress value="{}" max="100"></progress>{}% sure',
            suggestion.field,
            suggestion.value,
            percent,
            percent,
        )

    @admin.display(description="why")
    def reasons(self, suggestion: AttributeSuggestion) -> SafeString:
        zero_shot = suggestion.evidence.get("zero_shot")
        context = {
            "suggestion": suggestion,
            "neighbours": getattr(suggestion, "shown_neighbours", []),
            "zero_shot": None if zero_shot is None else round(100 * zero_shot),
        }
        return SafeString(render_to_string("admin/catalog/attributesuggestion/evidence.html", context))

    @admin.display(description="decision")
    def decision(self, suggestion: AttributeSuggestion) -> SafeString:
        context = {"suggestion": suggestion}
        return SafeString(render_to_string("admin/catalog/attributesuggestion/decision.html", context))

    def _decide_one(self, request: HttpRequest, decide: Any, suggestion_id: int, done: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_decide_permission(request):
            return HttpResponse(status=403)
        self._decide(request, decide, [suggestion_id], done)
        # Back to the same filters and page; the address comes from the browser, so only its query is taken.
        query = urlsplit(request.headers.get("referer", "")).query
        address = reverse("admin:catalog_attributesuggestion_changelist")
        return HttpResponseRedirect(f"{address}?{query}" if query else address)

    def _decide(self, request: HttpRequest, decide: Any, suggestion_ids: Collection[int], done: str) -> None:
        decisions: Decisions = decide(suggestion_ids=list(suggestion_ids), actor=request.user.get_username())
        if len(decisions.decided) == 1:
            one = decisions.decided[0]
            self.message_user(request, f"{one.product.title}: {one.field} {one.value!r} is {done}.", messages.SUCCESS)
        elif decisions.decided:
            self.message_user(request, f"{len(decisions.decided)} suggestions are {done}.", messages.SUCCESS)
        if decisions.refused:
            reasons = list(dict.fromkeys(reason for _, reason in decisions.refused))
            more = f" … and {len(reasons) - MOST_REASONS} other reasons" if len(reasons) > MOST_REASONS else ""
            listed = "; ".join(reasons[:MOST_REASONS]) + more
            self.message_user(request, f"{len(decisions.refused)} not {done}: {listed}", messages.ERROR)


def open_suggestions_link(product: Product) -> SafeString | str:
    """For a product's page: its open suggestions, and the way to review them."""
    waiting = list(product.suggestions.filter(state="open").values_list("field", "value")) if product.pk else []
    if not waiting:
        return "–"
    listed = ", ".join(f"{field}: {value}" for field, value in waiting)
    address = reverse("admin:catalog_attributesuggestion_changelist")
    return format_html('{} <a href="{}?product__id__exact={}">Review</a>', listed, address, product.pk)


def _first_image(product: Product) -> Any:
    return next((image for image in product.images.all() if image.file), None)


def _attach_neighbours(suggestions: list[AttributeSuggestion]) -> None:
    """Set `shown_neighbours` of each, as evidence.html takes them, in two queries for the whole page."""
    wanted = {near["product"] for row in suggestions for near in row.evidence.get("neighbours", [])}
    products = Product.objects.prefetch_related("images").in_bulk(wanted)
    for row in suggestions:
        row.shown_neighbours = [  # type: ignore[attr-defined]
            {
                **near,
                "product": products[near["product"]],
                "image": _first_image(products[near["product"]]),
                "short_value": near["value"].rsplit(Category.SEPARATOR, 1)[-1],
            }
            for near in row.evidence.get("neighbours", [])
            if near["product"] in products
        ]
