from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from catalog.relative_search import search_relative
from catalog.selectors import get_visible_product
from fashionrec.common.errors import Malformed, NotFound
from fashionrec.storefront.forms import LikeForm
from fashionrec.storefront.pages import page

MOST_SHOWN = 48


@require_safe
@page
def like(request: HttpRequest, public_id: str) -> HttpResponse:
    """More like one product, but otherwise as its shopper says."""
    if "\x00" in public_id:
        raise NotFound.for_field("product", public_id, "unknown product")
    product = get_visible_product(public_id)
    form = LikeForm(request.GET)
    if not form.is_valid():
        raise Malformed("These words could not be read.", fields=form.refusals)
    words = form.cleaned_data["q"]
    if not words:
        return redirect("storefront:product", public_id=public_id)
    found = search_relative(product=product, text=words, n=MOST_SHOWN)
    context = {
        "product": product,
        "words": words,
        "items": found.items,
        "wanted": [f"{name}: {_any_of(values)}" for name, values in found.wishes.wanted.items()],
        "unwanted": [f"{name}: not {_any_of(values)}" for name, values in found.wishes.unwanted.items()],
    }
    return render(request, "storefront/like.html", context)


def _any_of(values: tuple[str, ...], most: int = 4) -> str:
    said = list(values[:most]) + (["…"] if len(values) > most else [])
    return " or ".join(said)
