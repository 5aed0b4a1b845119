from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from fashionrec.storefront.context import shop_of
from fashionrec.storefront.front_page import front_page
from fashionrec.storefront.pages import page


@require_safe
@page
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "storefront/home.html", {"front": front_page(shop_of(request))})
