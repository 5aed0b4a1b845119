from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from fashionrec.storefront.pages import page
from recommender.selectors import champion


@require_safe
@page
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "storefront/about.html", {"champion": champion()})
