"""What must be refused before a view reads the body."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from fashionrec.common.api.errors import error_response


class SizedBodyMiddleware:
    """Refuses a body of unknown length (chunked): WSGI gives it to nobody, and a view would take it for empty."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "Transfer-Encoding" in request.headers and not request.META.get("CONTENT_LENGTH"):
            return error_response(400, "The length of the body is unknown: send Content-Length, not chunks.")
        return self.get_response(request)
