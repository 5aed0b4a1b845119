"""Errors outside the views: JSON below /api/, pages elsewhere."""

import sys
from http import HTTPStatus

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import Resolver404, resolve
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt

from fashionrec.common.api.errors import error_response

API_PREFIX = "/api/"


@csrf_exempt
def unknown_api_url(request: HttpRequest) -> HttpResponse:
    """The last route below /api/. A reader who forgot the closing slash is sent on; a writer is told."""
    with_slash = request.path_info + "/"
    if not request.path_info.endswith("/") and _is_known(with_slash):
        if request.method in ("GET", "HEAD"):
            query = request.META.get("QUERY_STRING", "")
            return HttpResponseRedirect(request.path + "/" + (f"?{query}" if query else ""))
        return error_response(404, f"Nothing is found at {request.path}: did you mean {request.path}/ ?")
    return error_response(404, f"Nothing is found at {request.path}")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        return error_response(400, "The request cannot be read.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        return error_response(403, "This is not allowed.")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if request.path.startswith(API_PREFIX):
        return error_response(404, f"Nothing is found at {request.path}")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 while the database is away: then it is worth coming back."""
    away = isinstance(sys.exception(), (OperationalError, InterfaceError))
    status = 503 if away else 500
    if request.path.startswith(API_PREFIX):
        response: HttpResponse = error_response(status, HTTPStatus(status).phrase)
    else:
        response = defaults.server_error(request)
        response.status_code = status
    if away:
        response["Retry-After"] = "5"
    return response


def _is_known(path: str) -> bool:
    try:
        return resolve(path).func is not unknown_api_url
    except Resolver404:
        return False
