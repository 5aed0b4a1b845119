from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog.models import Product
from fashionrec.storefront.context import shop_of
from fashionrec.storefront.pages import page


@require_safe
@page
def likes(request: HttpRequest) -> HttpResponse:
    """What the shopper told us, latest first, each with its undo. Products that left the shop are not shown."""
    state = shop_of(request).state
    refused = state.disliked | state.hidden
    products = {
        product.pk: product for product in Product.objects.visible().for_cards().filter(pk__in=state.liked | refused)
    }
    context = {
        "liked": [products[pk] for pk in reversed(state.liked_in_order) if pk in products and pk not in refused],
        "refused": [products[pk] for pk in sorted(refused) if pk in products],
        "state": state,
    }
    return render(request, "storefront/likes.html", context)
