"""Products with their variants and pictures. Saving goes through the services, as everywhere else."""

import hashlib
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.admin.styles import style_link
from catalog.admin.suggestions import open_suggestions_link
from catalog.images import ImageError, open_image
from catalog.models import Product, ProductImage, Variant
from catalog.pictures import store_picture
from catalog.product_data import ProductData
from catalog.product_parsing import parse_product
from catalog.services.products import mark_content_changed, refresh_offers, save_product, set_status
from catalog.sources import check_source
from fashionrec.common.errors import AppError

_TEXTS = ("title", "description", "gender", "colour", "material", "pattern", "season")


class ProductForm(forms.ModelForm[Product]):
    """Checked by the rules of an import, which also normalise what was typed."""

    class Meta:
        model = Product
        fields = (
            *("source", "external_id", "title", "description", "brand", "category", "gender", "colour", "material"),
            *("pattern", "season", "attributes", "status"),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        for name in ("source", "external_id"):  # read-only, and so not in the form, once the product exists
            cleaned.setdefault(name, getattr(self.instance, name))
        parsed = parse_product(self._record(cleaned))
        for problem in (*parsed.errors, *parsed.warnings):
            self.add_error(problem.field if problem.field in self.fields else None, problem.reason)
        try:
            check_source(cleaned["source"])
        except AppError as error:
            self.add_error("source", error.message)
        self.product_data: ProductData | None = parsed.data
        return cleaned

    def _record(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        record = {name: cleaned[name] for name in (*_TEXTS, "external_id", "status")}
        record["attributes"] = cleaned["attributes"] or {}
        record["brand"] = cleaned["brand"].name if cleaned["brand"] else ""
        record["category"] = cleaned["category"].path if cleaned["category"] else ""
        return record


class ProductImageForm(forms.ModelForm[ProductImage]):
    """An uploaded picture is opened completely before it is kept."""

    digest: str = ""

    class Meta:
        model = ProductImage
        fields = ("file", "alt", "position")
        # Django's own image field would refuse first, and say no more than that it is no valid image.
        field_classes = {"file": forms.FileField}

    def clean_file(self) -> Any:
        upload = self.cleaned_data["file"]
        if isinstance(upload, UploadedFile):
            upload.seek(0)
            content = upload.read()
            try:
                open_image(content, field="file", name=upload.name or "")
            except ImageError as error:
                raise ValidationError(error.reason) from error
            self.digest = hashlib.sha256(content).hexdigest()
        return upload

    def save(self, commit: bool = True) -> ProductImage:
        if self.digest:
            upload = self.cleaned_data["file"]
            upload.seek(0)
            picture = store_picture(upload.read(), name=upload.name)
            for name in ("file", "sha256", "size", "width", "height"):
                setattr(self.instance, name, getattr(picture, name))
        return super().save(commit)


class ProductImageFormSet(BaseInlineFormSet[ProductImage, Product, ProductImageForm]):
    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if form not in self.deleted_forms]
        digests = {form.instance.sha256 for form in kept if form.instance.pk and not form.digest}
        for form in kept:
            if form.digest in digests:
                form.add_error("file", "this product already has this picture")
            elif form.digest:
                digests.add(form.digest)


class ProductImageInline(admin.TabularInline[ProductImage, Product]):
    model = ProductImage
    form = ProductImageForm
    formset: Any = ProductImageFormSet
    extra = 0
    fields = ("thumbnail", "file", "alt", "position", "width", "height")
    readonly_fields = ("thumbnail", "width", "height")

    @admin.display(description="")
    def thumbnail(self, image: ProductImage) -> SafeString | str:
        return _thumbnail(image, width=90)


class VariantInline(admin.TabularInline[Variant, Product]):
    model = Variant
    extra = 0
    fields = ("sku", "size", "colour", "price", "compare_at_price", "currency", "stock", "position")


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin[Product]):
    form = ProductForm
    inlines: ClassVar = [VariantInline, ProductImageInline]
    list_display = (
        "thumbnail",
        "title",
        "brand",
        "shelf",
        "gender",
        "offer",
        "stock",
        "status",
    )
    list_display_links = ("thumbnail", "title")
    list_filter = (
        *("status", "in_stock", "gender", "source"),
        *(("category", admin.RelatedOnlyFieldListFilter), ("brand", admin.RelatedOnlyFieldListFilter)),
    )
    search_fields = ("title", "external_id", "brand__name")
    autocomplete_fields = ("brand", "category")
    list_per_page = 50
    actions = ("archive", "activate")
    readonly_fields = (
        *("price", "compare_at_price", "currency", "in_stock", "content_version"),
        *("created_at", "updated_at", "suggested_values", "style"),
    )
    fieldsets: ClassVar = [
        (None, {"fields": ("source", "external_id", "title", "description", "brand", "category", "status")}),
        (
            "Attributes",
            {
                "fields": (
                    "gender",
                    "colour",
                    "material",
                    "pattern",
                    "season",
                    "attributes",
                    "style",
                    "suggested_values",
                )
            },
        ),
        ("Offer, from the variants", {"fields": ("price", "compare_at_price", "currency", "in_stock")}),
        ("Record", {"fields": ("content_version", "created_at", "updated_at")}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).select_related("brand", "category").prefetch_related("images")

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        # The id is what events, carts and other systems know a product by.
        return (*self.readonly_fields, *(("source", "external_id") if obj else ()))

    def has_delete_permission(self, request: HttpRequest, obj: Product | None = None) -> bool:
        """Products are archived: what happened with them must stay explainable."""
        return False

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        product, _ = save_product(source=obj.source, data=form.product_data)
        obj.pk = product.pk
        obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        refresh_offers([form.instance.pk])
        if change and any(formset.model is ProductImage and formset.has_changed() for formset in formsets):
            mark_content_changed(product_ids=[form.instance.pk])

    @admin.display(description="")
    def thumbnail(self, product: Product) -> SafeString | str:
        images = list(product.images.all())
        return _thumbnail(images[0], width=48) if images else "–"

    @admin.display(description="style")
    def style(self, product: Product) -> SafeString | str:
        return style_link(product)

    @admin.display(description="suggested values")
    def suggested_values(self, product: Product) -> SafeString | str:
        return open_suggestions_link(product)

    @admin.display(description="category", ordering="category__path")
    def shelf(self, product: Product) -> str:
        return product.category.name if product.category else "–"

    @admin.display(description="price", ordering="price")
    def offer(self, product: Product) -> str:
        return "on request" if product.price is None else f"{product.price} {product.currency}".strip()

    @admin.display(description="in stock", boolean=True, ordering="in_stock")
    def stock(self, product: Product) -> bool:
        return product.in_stock

    @admin.action(description="Archive: take out of the shop", permissions=["change"])
    def archive(self, request: HttpRequest, products: QuerySet[Product]) -> None:
        self._set_status(request, products, Product.Status.ARCHIVED)

    @admin.action(description="Activate: show in the shop", permissions=["change"])
    def activate(self, request: HttpRequest, products: QuerySet[Product]) -> None:
        self._set_status(request, products, Product.Status.ACTIVE)

    def _set_status(self, request: HttpRequest, products: QuerySet[Product], status: Product.Status) -> None:
        changed = set_status(product_ids=list(products.values_list("pk", flat=True)), status=status)
        self.message_user(request, f"{changed} products are now {status.value}.", messages.SUCCESS)


def _thumbnail(image: ProductImage, *, width: int) -> SafeString | str:
    if not image.file:
        return "–"
    height = round(width * image.height / image.width) if image.width else width
    return format_html(
        '<img src="{}" width="{}" height="{}" alt="" loading="lazy">', image.file.url, width, min(height, 2 * width)
    )
