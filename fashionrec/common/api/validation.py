"""Input through serializers, with errors that quote what was received."""

import math
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.settings import api_settings

from fashionrec.common.errors import FieldError, Invalid

LONGEST_ECHO = 200


def parse_query(request: Request, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The query parameters that `serializer_class` declares; an empty one counts as absent, others are ignored.

    Of a repeated parameter the last value counts, unless its field is a list. Raises Invalid.
    """
    data: dict[str, Any] = {}
    for name, field in serializer_class().fields.items():
        values = [value for value in request.query_params.getlist(name) if value != ""]
        if values:
            data[name] = values if isinstance(field, serializers.ListField) else values[-1]
    return validated(serializer_class, data)


def form_data(request: Request) -> dict[str, Any]:
    """The fields of a form, files among them; of a repeated one the last value counts."""
    return dict(request.data.items()) if isinstance(request.data, Mapping) else {}


def validated(
    serializer_class: type[serializers.Serializer[Any]], data: Any, *, partial: bool = False
) -> dict[str, Any]:
    """`data` as the serializer reads it. Raises Invalid naming every field at fault and the value it had."""
    serializer = serializer_class(data=data, partial=partial)
    if serializer.is_valid():
        return dict(serializer.validated_data)
    fields = list(field_errors(serializer.errors, data))
    raise Invalid("; ".join(f"{error.field or 'body'}: {error.reason}" for error in fields), fields=fields)


def field_errors(detail: Any, data: Any, path: str = "") -> list[FieldError]:
    """DRF's nested error detail as a flat list; `variants.1.price` names the price of the second variant."""
    if isinstance(detail, Mapping):
        found = []
        for name, nested in detail.items():
            if name == api_settings.NON_FIELD_ERRORS_KEY:
                found += field_errors(nested, data, path)
            else:
                found += field_errors(nested, _item(data, name), f"{path}.{name}" if path else str(name))
        return found
    if isinstance(detail, list) and any(isinstance(nested, (Mapping, list)) for nested in detail):
        found = []
        for index, nested in enumerate(detail):
            if nested:
                found += field_errors(nested, _item(data, index), f"{path}.{index}" if path else str(index))
        return found
    reasons = detail if isinstance(detail, list) else [detail]
    return [FieldError(path, json_ready(data), str(reason)) for reason in reasons]


def json_ready(value: Any) -> Any:
    """A received value as JSON can carry it back: scalars as they are, everything else as short text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    text = value if isinstance(value, str) else str(value)
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST_ECHO else text[:LONGEST_ECHO] + "…"


def _item(data: Any, key: Any) -> Any:
    try:
        return data[key]
    except (KeyError, IndexError, TypeError):
        return None
