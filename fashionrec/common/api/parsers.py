"""Reading request bodies: bounded, and refusing what no database could store."""

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from rest_framework import parsers
from rest_framework.exceptions import ParseError

from fashionrec.common.errors import TooLarge


class JSONParser(parsers.JSONParser):
    """DRF's parser, with a limit on the size, and 400 for nesting and text that would break further in.

    DRF reads the body past Django's own limit, and a document nested some thousand levels deep ends in
    RecursionError; a lone surrogate ("\\ud800") is legal JSON, but not text.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        check_length(parser_context, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        try:
            data = super().parse(stream, media_type, parser_context)
            json.dumps(data, ensure_ascii=False).encode("utf-8")
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply") from error
        except UnicodeEncodeError as error:
            raise ParseError("JSON parse error - a string holds a lone surrogate") from error
        return data


class UploadParser(parsers.MultiPartParser):
    """multipart/form-data of at most `most_bytes` in all; large files go to disk while they arrive."""

    most_bytes = 1024**3

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        check_length(parser_context, self.most_bytes)
        return super().parse(stream, media_type, parser_context)


def check_length(parser_context: Mapping[str, Any] | None, limit: int | None) -> None:
    """Raises TooLarge when the request announces more than `limit` bytes (what it sends beyond that is not read)."""
    request = (parser_context or {}).get("request")
    length = int(request.META.get("CONTENT_LENGTH") or 0) if request is not None else 0
    if limit is not None and length > limit:
        raise TooLarge.for_field("body", f"{length} bytes", f"at most {limit} bytes")
