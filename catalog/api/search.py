"""Search over HTTP: by words, by a picture, and beside a product."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.api.products import FilterQuery, filters_from, items_body, visible_product
from catalog.api.serializers import FoundSerializer
from catalog.images import MAX_BYTES, ImageError, open_sent_image
from catalog.relative_search import search_relative
from catalog.search import picture_vector, search_by_picture, search_products
from catalog.vocabulary import corrected_query
from fashionrec.common.api.parsers import UploadParser
from fashionrec.common.api.permissions import OPEN
from fashionrec.common.api.validation import form_data, parse_query, validated
from fashionrec.common.errors import Invalid, TooLarge


class SearchQuery(FilterQuery):
    q = serializers.CharField(max_length=200, help_text="Words; with `like`, what should be otherwise.")
    n = serializers.IntegerField(default=24, min_value=1, max_value=100)
    like = serializers.CharField(
        required=False, max_length=200, help_text="A product's id: more like it, but as `q` says (“is red instead”)."
    )
    verbatim = serializers.BooleanField(
        default=False, help_text="Search for the words as they are, also where one looks misspelt."
    )


class ImageSearchRequest(FilterQuery):
    image = serializers.FileField(help_text="JPEG, PNG, WEBP, GIF, BMP or AVIF; it is not stored.")
    q = serializers.CharField(
        required=False, max_length=200, help_text="Words that the first results carry beside looking like the picture."
    )
    n = serializers.IntegerField(default=24, min_value=1, max_value=100)


class ImageUploadParser(UploadParser):
    most_bytes = MAX_BYTES + 1024 * 1024


class SearchView(APIView):
    """Products for words, or for a picture."""

    scopes: ClassVar = {"GET": OPEN, "POST": OPEN}
    parser_classes = (ImageUploadParser,)

    @extend_schema(operation_id="search", parameters=[SearchQuery], responses=FoundSerializer, tags=["search"], auth=[])
    def get(self, request: Request) -> Response:
        """Full text and meaning together, the best first. Misspelt words are read as the catalogue's nearest ones."""
        query = parse_query(request, SearchQuery)
        words, filters = query["q"], filters_from(query)
        if "like" in query:
            product = visible_product(query["like"])
            found = search_relative(product=product, text=words, n=query["n"], filters=filters).items
            reason = f"Like {product.title}, but “{words}”"
            return Response(items_body(found, source="search", reason=reason) | {"corrected": None})
        corrected = None if query["verbatim"] else corrected_query(words)
        words = corrected or words
        items = search_products(query=words, n=query["n"], filters=filters)
        body = items_body(items, source="search", reason=f"Matches “{words}”")
        return Response(body | {"corrected": corrected})

    @extend_schema(
        operation_id="search_by_image",
        request={"multipart/form-data": ImageSearchRequest},
        responses=FoundSerializer,
        tags=["search"],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """What looks like a picture; refused with 422 while the live encoder has no image tower for the web."""
        sent = validated(ImageSearchRequest, {name: value for name, value in form_data(request).items() if value != ""})
        upload = sent["image"]
        if upload.size > MAX_BYTES:
            raise TooLarge.for_field("image", f"{upload.size} bytes", f"at most {MAX_BYTES} bytes")
        try:
            image = open_sent_image(upload.read(), name=upload.name)
        except ImageError as error:
            raise Invalid.for_field(error.field, error.value, error.reason) from error
        words = sent.get("q", "")
        corrected = corrected_query(words)
        words = corrected or words
        vector, filters = picture_vector(image), filters_from(sent)
        found = search_by_picture(vector=vector, query=words, n=sent["n"], filters=filters)
        reason = f"Looks like your picture and “{words}”" if words else "Looks like your picture"
        return Response(items_body(found, source="search", reason=reason) | {"corrected": corrected})
