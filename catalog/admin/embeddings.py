"""Encoders: which one answers, switching to another, giving up its vectors; and the runs that make vectors."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, Length, Replace
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from catalog.models import EmbeddingChunk, EmbeddingRun, Encoder, Product, ProductEmbedding
from catalog.services.embeddings import pending_switch
from catalog.services.encoders import retire_vectors, switch_encoder
from fashionrec.common.errors import AppError
from fashionrec.common.run_admin import ReadOnlyAdmin, RunAdmin

SHOWN_PICTURES = 50
LONGEST_NAME = 32
"""Of an encoder among the columns of its runs; pretrained ones are called by an address."""

Kind = ProductEmbedding.Kind


@admin.register(Encoder)
class EncoderAdmin(ReadOnlyAdmin):
    list_display = (
        *("name", "status", "image_vectors", "text_vectors", "hybrid_vectors"),
        *("image_weight", "dimensions", "short_digest", "created_at"),
    )
    fields = (
        *("name", "status", "image_vectors", "text_vectors", "hybrid_vectors"),
        *("image_weight", "dimensions", "digest", "created_at"),
    )
    readonly_fields = fields
    search_fields = ("name", "digest")
    actions = ("switch", "retire")
    change_form_template = "admin/catalog/encoder/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Encoder]:
        counts = {f"{kind}_count": Count("embeddings", filter=Q(embeddings__kind=kind)) for kind in Kind.values}
        return super().get_queryset(request).annotate(**counts)

    # Neither edits a field, but both change what an encoder does for the shop.
    def has_change_encoder_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalog.change_encoder")

    @admin.display(description="answers")
    def status(self, encoder: Encoder) -> str | SafeString:
        if encoder.is_live:
            return "live"
        pending = pending_switch()
        if pending is None or pending.encoder_id != encoder.pk:
            return "–"
        address = reverse("admin:catalog_embeddingrun_change", args=[pending.pk])
        return format_html('<a href="{}">goes live after {} of {}</a>', address, pending.done, pending.total)

    @admin.display(description="picture vectors")
    def image_vectors(self, encoder: Encoder) -> int:
        return int(getattr(encoder, f"{Kind.IMAGE}_count"))

    @admin.display(description="text vectors")
    def text_vectors(self, encoder: Encoder) -> int:
        return int(getattr(encoder, f"{Kind.TEXT}_count"))

    @admin.display(description="hybrid vectors")
    def hybrid_vectors(self, encoder: Encoder) -> int:
        return int(getattr(encoder, f"{Kind.HYBRID}_count"))

    @admin.display(description="digest")
    def short_digest(self, encoder: Encoder) -> str:
        return encoder.digest[:12]

    @admin.action(
        description="Embed the catalogue with this encoder, then switch to it", permissions=["change_encoder"]
    )
    def switch(self, request: HttpRequest, encoders: QuerySet[Encoder]) -> None:
        if len(encoders) != 1:
            self.message_user(request, f"{len(encoders)} encoders are selected, choose one", messages.ERROR)
            return
        encoder = encoders[0]
        try:
            run = switch_encoder(encoder=encoder)
        except AppError as error:
            self.message_user(request, error.message, messages.ERROR)
            return
        address = reverse("admin:catalog_embeddingrun_change", args=[run.pk])
        text = (
            '<a href="{}">{}</a>: {} products are embedded with {}, then it answers. The live one answers until then.'
        )
        self.message_user(request, format_html(text, address, run, run.total, encoder.name), messages.SUCCESS)

    @admin.action(description="Retire the vectors of the selected encoders…", permissions=["change_encoder"])
    def retire(self, request: HttpRequest, encoders: QuerySet[Encoder]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            context = {**self.admin_site.each_context(request), "opts": self.opts, "title": "Retire vectors"}
            page = "admin/catalog/encoder/retire.html"
            return TemplateResponse(request, page, {**context, "encoders": encoders})
        for encoder in encoders:
            try:
                deleted = retire_vectors(encoder=encoder)
            except AppError as error:
                self.message_user(request, error.message, messages.ERROR)
            else:
                self.message_user(request, f"{deleted} vectors of {encoder.name} are deleted", messages.SUCCESS)
        return None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        encoder = self.get_object(request, object_id)
        context = {"page": tuning_page(encoder)} if encoder is not None else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})


def tuning_page(encoder: Encoder) -> dict[str, Any] | None:
    """How the picture's share was chosen, laid out as a table; None where nobody measured."""
    measured = encoder.tuning.get("measured")
    if not measured:
        return None
    names = [name for name in measured[0] if name not in ("image_weight", "mean")]
    rows = [
        {
            "image_weight": row["image_weight"],
            "chosen": row["image_weight"] == encoder.image_weight,
            "figures": [row.get(name) for name in names],
            "mean": row.get("mean"),
        }
        for row in measured
    ]
    shown = [name.replace("_", " ") for name in names]
    return {"measured_on": encoder.tuning.get("measured_on", ""), "names": shown, "rows": rows}


@admin.register(EmbeddingRun)
class EmbeddingRunAdmin(RunAdmin):
    run_columns = ("encoder_name", "purpose", "unreadable")
    list_select_related = ("encoder",)
    readonly_fields = (*RunAdmin.readonly_fields, "purpose", "unreadable")
    exclude = ("goes_live",)
    change_form_template = "admin/catalog/embeddingrun/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmbeddingRun]:
        note = F("chunks__error")
        lines = Length(note) - Length(Replace(note, Value("\n"), Value(""))) + 1
        noted = Q(chunks__state=EmbeddingChunk.State.DONE) & ~Q(chunks__error="")
        return super().get_queryset(request).annotate(unreadable_count=Coalesce(Sum(lines, filter=noted), 0))

    @admin.display(description="encoder", ordering="encoder__name")
    def encoder_name(self, run: EmbeddingRun) -> str:
        return Truncator(run.encoder.name).chars(LONGEST_NAME)

    @admin.display(description="purpose")
    def purpose(self, run: EmbeddingRun) -> str:
        return "then goes live" if run.goes_live else "keeps vectors fresh"

    @admin.display(description="pictures unreadable")
    def unreadable(self, run: EmbeddingRun) -> int:
        return int(getattr(run, "unreadable_count", 0))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        context = {"page": pictures_page(run), "pending": pending_switch() == run} if run is not None else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})


def pictures_page(run: EmbeddingRun) -> dict[str, Any]:
    """The pictures of a run that did not open, with their products: the first SHOWN_PICTURES, and how many more."""
    notes = run.chunks.filter(state=EmbeddingChunk.State.DONE).exclude(error="").order_by("index")
    lines = [line for note in notes.values_list("error", flat=True) for line in note.splitlines()]
    shown = [line.partition(": ")[::2] for line in lines[:SHOWN_PICTURES]]
    pk_of = Product.objects.pk_by_public_id([public_id for public_id, _ in shown])
    pictures = [{"product": product, "pk": pk_of.get(product), "reason": reason} for product, reason in shown]
    return {"pictures": pictures, "left_out": len(lines) - len(shown)}
