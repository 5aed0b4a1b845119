from typing import ClassVar

from django.contrib import admin

from fashionrec.common.run_admin import ReadOnlyAdmin
from feedback.models import Consent, Event, Slate, Visitor


class ConsentInline(admin.TabularInline[Consent, Visitor]):
    model = Consent
    extra = 0
    can_delete = False
    readonly_fields = ("granted", "wording", "given_at")

    def has_add_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Visitor)
class VisitorAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "provenance", "consented", "persona", "created_at", "last_seen_at")
    list_filter = ("provenance", "consented", "source")
    search_fields = ("external_id", "=id")
    inlines: ClassVar = [ConsentInline]


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    ordering = ("-pk",)  # the latest first, without sorting millions
    list_display = ("occurred_at", "type", "product", "visitor", "value", "provenance", "retracted")
    list_filter = ("type", "provenance")
    list_select_related = ("product", "visitor")
    search_fields = ("=event_id", "=visitor__external_id", "product__title")
    date_hierarchy = "occurred_at"
    show_full_result_count = False

    @admin.display(boolean=True)
    def retracted(self, event: Event) -> bool:
        return event.retracted_by is not None


@admin.register(Slate)
class SlateAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "placement", "model", "length", "visitor")
    list_filter = ("placement", "model")
    list_select_related = ("visitor",)
    date_hierarchy = "created_at"
    show_full_result_count = False

    @admin.display
    def length(self, slate: Slate) -> int:
        return len(slate.products)
