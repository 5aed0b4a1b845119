"""Brands and categories. Renaming goes through the services, for the products' vectors depend on the names."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from catalog.models import Brand, Category
from catalog.services.taxonomy import check_category, save_brand, save_category
from fashionrec.common.errors import AppError


class CategoryForm(forms.ModelForm[Category]):
    class Meta:
        model = Category
        fields = ("name", "parent", "slug")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            self.fields["slug"].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                check_category(pk=self.instance.pk, name=cleaned["name"], parent=cleaned["parent"])
            except AppError as error:
                self.add_error(None, error.message)
        return cleaned


@admin.register(Category)
class CategoryAdmin(admin.ModelAdmin[Category]):
    form = CategoryForm
    list_display = ("path", "slug", "product_count")
    search_fields = ("path",)
    autocomplete_fields = ("parent",)
    readonly_fields = ("path",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return super().get_queryset(request).annotate(product_total=Count("products"))

    @admin.display(description="products", ordering="product_total")
    def product_count(self, category: Any) -> int:
        return int(category.product_total)

    def save_model(self, request: HttpRequest, obj: Category, form: Any, change: bool) -> None:
        save_category(category=obj)


class BrandForm(forms.ModelForm[Brand]):
    class Meta:
        model = Brand
        fields = ("name", "slug")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            self.fields["slug"].required = False


@admin.register(Brand)
class BrandAdmin(admin.ModelAdmin[Brand]):
    form = BrandForm
    list_display = ("name", "slug", "product_count")
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Brand]:
        return super().get_queryset(request).annotate(product_total=Count("products"))

    @admin.display(description="products", ordering="product_total")
    def product_count(self, brand: Any) -> int:
        return int(brand.product_total)

    def save_model(self, request: HttpRequest, obj: Brand, form: Any, change: bool) -> None:
        save_brand(brand=obj)
