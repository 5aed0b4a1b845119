from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from fashionrec.storefront.context import shop_of
from fashionrec.storefront.pages import page
from fashionrec.storefront.reactions import like_all
from fashionrec.storefront.style_finder import chosen_products, offered_styles


@require_http_methods(["GET", "HEAD", "POST"])
@page
def style(request: HttpRequest) -> HttpResponse:
    """Pictures of the catalogue's styles; what a shopper picks is liked, and the home page follows."""
    shop = shop_of(request)
    if request.method == "POST":
        products = chosen_products(request.POST.getlist("product"))
        if not products:
            messages.info(request, "Pick at least one picture, or go on to the shop.")
            return redirect("storefront:style")
        liked = like_all(visitor=shop.acting_visitor(), products=products)
        shop.changed()
        said = f"{liked} like{'' if liked == 1 else 's'} added" if liked else "You like these already"
        messages.success(request, f"{said}. This is your shop now.")
        return redirect("storefront:home")
    return render(request, "storefront/style.html", {"styles": offered_styles(), "liked": shop.state.liked})
