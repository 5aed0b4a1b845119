"""What all pages have in common: friendly refusals, the visitor's cookie, and honest caching headers."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from fashionrec.common.errors import AppError
from fashionrec.storefront.context import shop_of


def page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """A view of the shop. Its AppErrors become pages with the error's status.

    The answer depends on the cookie, so shared caches must not keep it; and a fragment must never be taken for the
    page of the same address.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except AppError as error:
            response = render_error(request, error)
        shop_of(request).remember(response)
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        patch_cache_control(response, private=True)
        return response

    return wrapped


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a piece of a page. Restoring history asks for the whole page."""
    htmx = getattr(request, "htmx", None)
    return htmx is not None and bool(htmx) and not htmx.history_restore_request


def render_error(request: HttpRequest, error: AppError) -> HttpResponse:
    if not wants_fragment(request):
        return render(request, "storefront/problem.html", {"error": error}, status=error.status)
    response = render(request, "storefront/problem_fragment.html", {"error": error}, status=error.status)
    # Whatever the request wanted to change stays; the page's live region says why.
    response["HX-Retarget"], response["HX-Reswap"] = "#announcer", "innerHTML"
    return response


def back(request: HttpRequest, message: str, *, default: str = "storefront:home") -> HttpResponse:
    """Return a form without htmx to the page it was sent from (`next`, when it is a page of this shop)."""
    if message:
        messages.success(request, message)
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = reverse(default)
    return redirect(target)
