"""Imports over HTTP."""

import json
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.api.serializers import ImportDetailSerializer, ImportSerializer
from catalog.formats import FORMATS
from catalog.models import ImportRun
from catalog.services.imports import plan_import
from fashionrec.common.api.parsers import UploadParser
from fashionrec.common.api.validation import form_data, parse_query, validated
from fashionrec.common.errors import FieldError, NotFound
from fashionrec.common.runs import request_cancel
from fashionrec.common.scopes import Scope


class MappingField(serializers.JSONField):
    """A JSON object of texts; in a form it arrives as text."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        try:
            mapping = json.loads(data) if isinstance(data, str) else data
        except (ValueError, RecursionError) as error:
            raise serializers.ValidationError("expected a JSON object: field of a product → column") from error
        if not isinstance(mapping, dict) or not all(isinstance(column, str) for column in mapping.values()):
            raise serializers.ValidationError("expected a JSON object: field of a product → column")
        return mapping


class ImportRequest(serializers.Serializer[Any]):
    file = serializers.FileField(
        help_text="May be gzipped. Pictures are fetched from addresses; files of pictures come with folders only."
    )
    format = serializers.CharField(max_length=20, help_text=f"One of {', '.join(FORMATS)}.")
    source = serializers.CharField(  # type: ignore[assignment]
        required=False, max_length=40, help_text="First half of the products' ids; default: named after the file."
    )
    mapping = MappingField(
        required=False, help_text="For csv: field of a product → column, as a JSON object; for shopify: the currency."
    )
    encoding = serializers.CharField(default="utf-8", max_length=40)


class IssuesQuery(serializers.Serializer[Any]):
    page = serializers.IntegerField(default=1, min_value=1, max_value=1_000_000, help_text="Of the issues.")
    page_size = serializers.IntegerField(default=1000, min_value=1, max_value=1000)


class ImportsView(APIView):
    """Catalogue files."""

    scopes: ClassVar = {"POST": Scope.IMPORTS_WRITE}
    parser_classes = (UploadParser,)

    @extend_schema(
        operation_id="imports_create",
        request={"multipart/form-data": ImportRequest},
        responses={201: ImportSerializer},
        tags=["imports"],
    )
    def post(self, request: Request) -> Response:
        """Queue the import of a file; an open import of the same file is found again."""
        asked = validated(ImportRequest, form_data(request))
        run = plan_import(
            upload=asked["file"],
            format=asked["format"],
            source=asked.get("source", ""),
            mapping=asked.get("mapping"),
            encoding=asked["encoding"],
        )
        return Response(ImportSerializer(run).data, status=201)


class ImportView(APIView):
    """One import, its counts and its issues."""

    scopes: ClassVar = {"GET": Scope.IMPORTS_READ}

    @extend_schema(
        operation_id="imports_retrieve",
        parameters=[IssuesQuery],
        responses=ImportDetailSerializer,
        tags=["imports"],
    )
    def get(self, request: Request, import_id: UUID) -> Response:
        page = parse_query(request, IssuesQuery)
        return Response(ImportDetailSerializer(get_import(import_id), context=page).data)


class CancelImportView(APIView):
    """Stop an import; what it has stored stays."""

    scopes: ClassVar = {"POST": Scope.IMPORTS_WRITE}

    @extend_schema(operation_id="imports_cancel", request=None, responses={200: ImportSerializer}, tags=["imports"])
    def post(self, request: Request, import_id: UUID) -> Response:
        request_cancel(run=get_import(import_id))
        return Response(ImportSerializer(get_import(import_id)).data)


def get_import(import_id: UUID) -> ImportRun:
    run = ImportRun.objects.filter(pk=import_id).first()
    if run is None:
        raise NotFound("Unknown import.", fields=[FieldError("id", str(import_id), "unknown import")])
    return run
