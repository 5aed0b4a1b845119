"""Products over HTTP: lists, one product, what looks like it."""

from dataclasses import fields
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.api.product_writes import change, create_from, product_to_change
from catalog.api.serializers import (
    ItemsSerializer,
    NewProductSerializer,
    ProductCardSerializer,
    ProductChangeSerializer,
    ProductDetailSerializer,
)
from catalog.models import Product
from catalog.selectors import ORDERINGS, ProductFilters, get_visible_product, product_list, similar_products
from catalog.services.products import archive_product
from fashionrec.common.api.authentication import key_of
from fashionrec.common.api.pagination import PageQuery
from fashionrec.common.api.permissions import OPEN
from fashionrec.common.api.validation import parse_query
from fashionrec.common.errors import FieldError, NotFound
from fashionrec.common.scopes import Scope


class FilterQuery(serializers.Serializer[Any]):
    """The filters that lists and search share."""

    category = serializers.CharField(required=False, max_length=400, help_text="Slug or path; with all below it.")
    brand = serializers.CharField(required=False, max_length=140, help_text="Slug or name.")
    gender = serializers.ChoiceField(Product.Gender.choices, required=False)
    colour = serializers.CharField(required=False, max_length=60)
    price_min = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=0, required=False)
    price_max = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=0, required=False)
    in_stock = serializers.BooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        low, high = attrs.get("price_min"), attrs.get("price_max")
        if low is not None and high is not None and low > high:
            raise serializers.ValidationError({"price_max": f"is below price_min, {low}"})
        return attrs


class ProductQuery(FilterQuery):
    search = serializers.CharField(required=False, max_length=200)
    ordering = serializers.ChoiceField(ORDERINGS, required=False)


class SimilarQuery(serializers.Serializer[Any]):
    n = serializers.IntegerField(default=12, min_value=1, max_value=100)


class ProductsView(GenericAPIView[Product]):
    """The catalogue."""

    scopes: ClassVar = {"GET": OPEN, "POST": Scope.CATALOG_WRITE}
    serializer_class = ProductCardSerializer
    queryset = Product.objects.none()

    @extend_schema(
        operation_id="products_list",
        parameters=[ProductQuery, PageQuery],
        responses=ProductCardSerializer(many=True),
        tags=["products"],
        auth=[],
    )
    def get(self, request: Request) -> Response:
        filters = filters_from(parse_query(request, ProductQuery))
        page = self.paginate_queryset(product_list(filters=filters))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="products_create",
        request=NewProductSerializer,
        responses={201: ProductDetailSerializer},
        tags=["products"],
    )
    def post(self, request: Request) -> Response:
        """Add a product. One variant may be given as fields of the product itself."""
        product = create_from(request.data, default_source=key_of(request).source)
        return Response(detail(request, product), status=201)


class ProductView(APIView):
    """One product."""

    scopes: ClassVar = {"GET": OPEN, "PATCH": Scope.CATALOG_WRITE, "DELETE": Scope.CATALOG_WRITE}

    @extend_schema(operation_id="products_retrieve", responses=ProductDetailSerializer, tags=["products"], auth=[])
    def get(self, request: Request, product_id: str) -> Response:
        return Response(detail(request, visible_product(product_id)))

    @extend_schema(
        operation_id="products_update",
        request=ProductChangeSerializer,
        responses=ProductDetailSerializer,
        tags=["products"],
    )
    def patch(self, request: Request, product_id: str) -> Response:
        """Change the given fields; an archived product comes back with `status`."""
        return Response(detail(request, change(product_id, request.data)))

    @extend_schema(operation_id="products_archive", responses={204: None}, tags=["products"])
    def delete(self, request: Request, product_id: str) -> Response:
        """Take the product out of the shop; its history stays."""
        if not archive_product(product_to_change(product_id)):
            raise unknown_product(product_id)
        return Response(status=204)


class SimilarView(APIView):
    """What looks like a product."""

    scopes: ClassVar = {"GET": OPEN}

    @extend_schema(
        operation_id="products_similar",
        parameters=[SimilarQuery],
        responses=ItemsSerializer,
        tags=["products"],
        auth=[],
    )
    def get(self, request: Request, product_id: str) -> Response:
        query = parse_query(request, SimilarQuery)
        product = visible_product(product_id)
        found = similar_products(product=product, n=query["n"])
        return Response(items_body(found, source="similar", reason=f"Looks like {product.title}"))


def filters_from(query: dict[str, Any]) -> ProductFilters:
    known = {field.name for field in fields(ProductFilters)}
    return ProductFilters(**{name: value for name, value in query.items() if name in known})


def visible_product(product_id: str) -> Product:
    """Raises NotFound, also for an id that no product can have."""
    if "\x00" in product_id or ":" not in product_id:
        raise unknown_product(product_id)
    return get_visible_product(product_id)


def unknown_product(product_id: str) -> NotFound:
    return NotFound("Unknown product.", fields=[FieldError("product", product_id, "unknown product")])


def detail(request: Request, product: Product) -> Any:
    return ProductDetailSerializer(product, context={"request": request}).data


def items_body(found: list[Any], *, source: str, reason: str) -> Any:
    items = [{"product": item.product, "score": item.score, "source": source, "reason": reason} for item in found]
    return ItemsSerializer({"items": items}).data
