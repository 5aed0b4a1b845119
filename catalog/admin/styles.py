"""Styles in admin: what the clustering found, and where people correct it."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.models import Product, StyleCluster
from catalog.services.styles import merge_styles, move_products, rename_style, separate_style
from catalog.style_map import Window, style_map
from catalog.style_selectors import latest_clustering, nearby_products, show_styles, standing_styles
from catalog.vectors import live_encoder
from fashionrec.common.errors import AppError, Invalid
from fashionrec.common.run_admin import ReadOnlyAdmin

PICTURES = 5
PAGE_SIZE = 60
NEARBY = 12


@admin.register(StyleCluster)
class StyleClusterAdmin(ReadOnlyAdmin):
    list_display = ("pictures", "name", "size", "sets_apart", "named_by_person", "merges")
    list_display_links = ("pictures", "name")
    list_filter = ("named_by_person",)
    search_fields = ("name",)
    list_per_page = 40
    # An expression, because the admin's checks know no annotation by its name.
    ordering = (Coalesce(F("size"), 0).desc(), "pk")
    change_list_template = "admin/catalog/stylecluster/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StyleCluster]:
        return standing_styles().prefetch_related("merged")

    # Rows are not typed, but whoever may change styles may rename, merge and move.
    def may_correct(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalog.change_stylecluster")

    def get_urls(self) -> list[URLPattern]:
        own = path("map/", self.admin_site.admin_view(self.map), name="catalog_stylecluster_map")
        return [own, *super().get_urls()]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        shown = show_styles(changelist.result_list, pictures=PICTURES)
        for row in shown:
            row.style.shown = row.products  # type: ignore[attr-defined]
        changelist.result_list = [row.style for row in shown]  # type: ignore[assignment]
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        encoder = live_encoder()
        context = {"title": "Styles", "clustering": latest_clustering(encoder) if encoder else None}
        return super().changelist_view(request, {**(extra_context or {}), **context})

    @admin.display(description="")
    def pictures(self, style: Any) -> SafeString | str:
        images = [product.images.all()[0] for product in getattr(style, "shown", []) if product.images.all()]
        rows = ((image.file.url,) for image in images)
        if not images:
            return "–"
        return format_html('<span class="strip">{}</span>', format_html_join("", PICTURE, rows))

    @admin.display(description="products", ordering="size")
    def size(self, style: Any) -> int:
        return int(style.size)

    @admin.display(description="what sets it apart")
    def sets_apart(self, style: StyleCluster) -> str:
        said = [f"{fact['value']} {fact['share']:.0%}" for fact in style.attributes if fact["field"] != "shelf"]
        return ", ".join(said[:4]) or "–"

    @admin.display(description="merged into it")
    def merges(self, style: StyleCluster) -> int:
        return len(style.merged.all())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A style's page: its products, and what a person can do with them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404(f"no style {object_id!r}")
        if request.method == "POST":
            return self._correct(request, found)
        placements = found.placements.filter(product__status=Product.Status.ACTIVE).order_by("-strength", "product_id")
        placements = placements.select_related("product__category").prefetch_related("product__images")
        context = {
            **self.admin_site.each_context(request),
            "title": found.name,
            "opts": self.opts,
            "style": found,
            "page": Paginator(placements, PAGE_SIZE).get_page(request.GET.get("p")),
            "others": [other for other in standing_styles().order_by("name") if other.pk != found.pk],
            "merged": list(found.merged.order_by("name")),
            "nearby": nearby_products(found, n=NEARBY),
            "may_correct": self.may_correct(request),
        }
        return render(request, "admin/catalog/stylecluster/style.html", context)

    def _correct(self, request: HttpRequest, style: StyleCluster) -> HttpResponse:
        if not self.may_correct(request):
            raise PermissionDenied
        actor, here = request.user.get_username(), style
        try:
            said, here = self._act(request.POST, style, actor)
        except AppError as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:catalog_stylecluster_change", args=[here.pk]))

    def _act(self, sent: Any, style: StyleCluster, actor: str) -> tuple[str, StyleCluster]:
        """What was done, in words, and the style whose page comes next."""
        action = sent.get("action", "")
        if action == "rename":
            return f"It is called {rename_style(style=style, name=sent.get('name', ''), actor=actor).name} now.", style
        if action == "merge":
            into = _style(sent.get("into", ""), field="into")
            return f"{style.name} is part of {into.name} now.", merge_styles(style=style, into=into, actor=actor)
        if action == "separate":
            apart = separate_style(style=_style(sent.get("style", ""), field="style"), actor=actor)
            return f"{apart.name} stands by itself again.", apart
        if action == "move":
            product_ids = [int(pk) for pk in sent.getlist("product") if pk.isdecimal() and len(pk) < 19]
            target, new_name = sent.get("to", ""), sent.get("new_name", "").strip()
            to = _style(target, field="to") if target and not new_name else None
            moved_to = move_products(product_ids=product_ids, to=to, new_name=new_name, actor=actor)
            where = f"to {moved_to.name}" if moved_to else "out of all styles"
            return f"{len(set(product_ids))} moved {where}.", style
        raise Invalid.for_field("action", action, "expected rename, merge, separate or move")

    def map(self, request: HttpRequest) -> HttpResponse:
        """The catalogue in two dimensions."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET
        window = Window.within(round(_number(asked.get("zoom"), 1.0)), _number(asked.get("x")), _number(asked.get("y")))
        only = None
        if asked.get("style"):
            try:
                only = _style(asked["style"], field="style")
            except AppError as error:
                raise Http404(error.message) from error
        context = {
            **self.admin_site.each_context(request),
            "title": "Map of the catalogue",
            "opts": self.opts,
            "map": style_map(window=window, only=only),
            "only": only,
            "moves": window.moves(only.pk if only else None),
            "everything": window.address(None),
        }
        return render(request, "admin/catalog/stylecluster/map.html", context)


PICTURE = '<img src="{}" width="48" height="60" alt="" loading="lazy">'


def style_link(product: Product) -> SafeString | str:
    """Where a product stands, for its own page."""
    placement = getattr(product, "placement", None)
    if placement is None:
        return "not clustered yet"
    by = ", put there by a person" if placement.moved_by_person else ""
    if placement.cluster is None:
        return f"like no others{by}"
    address = reverse("admin:catalog_stylecluster_change", args=[placement.cluster.pk])
    return format_html(
        '<a href="{}">{}</a> (strength {}{})', address, placement.cluster.name, f"{placement.strength:.2f}", by
    )


def _style(value: str, *, field: str) -> StyleCluster:
    try:
        return StyleCluster.objects.get(pk=UUID(value))
    except (ValueError, StyleCluster.DoesNotExist) as error:
        raise Invalid.for_field(field, value, "no such style") from error


def _number(value: str | None, default: float = 0.5) -> float:
    """A coordinate out of an address somebody may have typed."""
    try:
        number = float(value) if value else default
    except ValueError:
        return default
    return number if abs(number) < 1e6 else default
