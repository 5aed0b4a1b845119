from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog.selectors import ProductFilters, facets
from fashionrec.storefront.context import Shop, shop_of
from fashionrec.storefront.forms import BrowseForm
from fashionrec.storefront.listing import Listing, filters_from, listing
from fashionrec.storefront.pages import page, wants_fragment
from feedback.models import Event
from feedback.services.events import record_event


@require_safe
@page
def browse(request: HttpRequest) -> HttpResponse:
    """The catalogue, filtered, searched, ordered and paged by the address alone."""
    form = BrowseForm(request.GET)
    if form.is_valid():
        asked = form.cleaned_data
        found = listing(
            filters=filters_from(asked), page=asked["page"] or 1, query=request.GET, verbatim=asked["verbatim"]
        )
        if request.method == "GET":
            _record_search(shop_of(request), found)
    else:
        found = Listing(filters=ProductFilters())
    context = {
        "form": form,
        "listing": found,
        "facets": facets(filters=found.filters),
        "searched": found.filters.search or "",
    }
    template = "storefront/browse_body.html" if wants_fragment(request) else "storefront/browse.html"
    return render(request, template, context, status=200 if form.is_valid() else 400)


def _record_search(shop: Shop, found: Listing) -> None:
    """The words of a search, once, of those who consented to be remembered."""
    first = found.page is None or found.page.number == 1
    if found.filters.search and first and shop.visitor is not None and shop.visitor.consented:
        record_event(visitor=shop.visitor, type=Event.Type.SEARCH, query=found.filters.search)
