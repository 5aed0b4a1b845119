"""Search over HTTP: by words, and by a picture."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.api.products import FilterQuery, filters_from, items_body
from catalog.api.serializers import ItemsSerializer
from catalog.images import MAX_BYTES, ImageError, open_image
from catalog.selectors import search_products
from fashionrec.common.api.parsers import UploadParser
from fashionrec.common.api.permissions import OPEN
from fashionrec.common.api.validation import form_data, parse_query, validated
from fashionrec.common.errors import Invalid, TooLarge


class SearchQuery(FilterQuery):
    q = serializers.CharField(max_length=200)
    n = serializers.IntegerField(default=24, min_value=1, max_value=100)


class ImageSearchRequest(serializers.Serializer[Any]):
    image = serializers.FileField(help_text="JPEG, PNG, WEBP, GIF or BMP.")
    q = serializers.CharField(required=False, max_length=200, help_text="Words that narrow the search.")
    n = serializers.IntegerField(default=24, min_value=1, max_value=100)


class ImageUploadParser(UploadParser):
    most_bytes = MAX_BYTES + 1024 * 1024


class SearchView(APIView):
    """Products for words, or for a picture."""

    scopes: ClassVar = {"GET": OPEN, "POST": OPEN}
    parser_classes = (ImageUploadParser,)

    @extend_schema(operation_id="search", parameters=[SearchQuery], responses=ItemsSerializer, tags=["search"], auth=[])
    def get(self, request: Request) -> Response:
        """Full text and meaning together, the best first."""
        query = parse_query(request, SearchQuery)
        found = search_products(query=query["q"], n=query["n"], filters=filters_from(query))
        return Response(items_body(found, source="search", reason=f"Matches “{query['q']}”"))

    @extend_schema(
        operation_id="search_by_image",
        request={"multipart/form-data": ImageSearchRequest},
        responses=ItemsSerializer,
        tags=["search"],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """By a picture; refused with 422 while the live encoder has no image tower that the web can run."""
        upload = validated(ImageSearchRequest, form_data(request))["image"]
        if upload.size > MAX_BYTES:
            raise TooLarge.for_field("image", f"{upload.size} bytes", f"at most {MAX_BYTES} bytes")
        try:
            open_image(upload.read(), name=upload.name)
        except ImageError as error:
            raise Invalid.for_field(error.field, error.value, error.reason) from error
        raise Invalid.for_field(
            "image",
            upload.name,
            "image search needs an image tower in ONNX, which the live encoder does not have: search with words (q)",
        )
