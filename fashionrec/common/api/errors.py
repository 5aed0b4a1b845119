"""Every error of the API in one shape: {"error": {"code", "message", "fields": [{"field", "value", "reason"}]}}."""

import math
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse
from django.http.request import UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from fashionrec.common.api.validation import field_errors, json_ready
from fashionrec.common.errors import AppError, FieldError

logger = structlog.get_logger(__name__)

CODES = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "wrong_type",
    422: "invalid",
    429: "throttled",
    500: "internal",
    503: "unavailable",
}


def error_body(status: int, message: str, fields: list[FieldError] | None = None, code: str = "") -> dict[str, Any]:
    rows = [{**field.as_dict(), "value": json_ready(field.value)} for field in fields or []]
    return {"error": {"code": code or CODES.get(status, "error"), "message": message, "fields": rows}}


def error_response(status: int, message: str) -> JsonResponse:
    """For errors outside a DRF view: an unknown URL, a refused host."""
    return JsonResponse(error_body(status, message), status=status)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """What DRF calls for any exception in a view. What was not foreseen is logged and answered with a bare 500."""
    set_rollback()
    if isinstance(error, AppError):
        return Response(error_body(error.status, error.message, error.fields, error.code), status=error.status)
    if isinstance(error, exceptions.ValidationError):
        fields = field_errors(error.detail, None)
        message = "; ".join(f"{field.field or 'body'}: {field.reason}" for field in fields)
        return Response(error_body(422, message, fields), status=422)
    if isinstance(error, exceptions.APIException):
        return _of_drf(error)
    if isinstance(error, Http404):
        return Response(error_body(404, "Nothing is found at this address."), status=404)
    if isinstance(error, PermissionDenied):
        return Response(error_body(403, str(error) or "This is not allowed."), status=403)
    if isinstance(error, RequestDataTooBig):
        reason = f"at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes"
        length = f"{context['request'].META.get('CONTENT_LENGTH')} bytes"
        return Response(error_body(413, f"body: {reason}", [FieldError("body", length, reason)]), status=413)
    if isinstance(error, (SuspiciousOperation, UnreadablePostError)):
        return Response(error_body(400, "The request cannot be read."), status=400)
    logger.error("api_error", view=type(context.get("view")).__name__, exc_info=error)
    if isinstance(error, (OperationalError, InterfaceError)):
        return Response(error_body(503, "The database does not answer."), status=503, headers={"Retry-After": "5"})
    return Response(error_body(500, HTTPStatus(500).phrase), status=500)


def _of_drf(error: exceptions.APIException) -> Response:
    headers: dict[str, str] = {}
    message = str(error.detail)
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if isinstance(error, exceptions.Throttled):
        wait = math.ceil(getattr(error, "wait", None) or 1)
        headers["Retry-After"] = str(wait)
        message = f"Too many requests without a key: try again in {wait} s."
    return Response(error_body(error.status_code, message), status=error.status_code, headers=headers)
