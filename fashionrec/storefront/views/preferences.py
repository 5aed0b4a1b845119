from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from fashionrec.common.errors import Malformed
from fashionrec.storefront.context import shop_of
from fashionrec.storefront.forms import PreferencesForm
from fashionrec.storefront.pages import back, page
from feedback.services.visitors import state_preferences


@require_POST
@page
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep what a shopper says they like, in their own words; the home page follows."""
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        raise Malformed("These words could not be kept.", fields=form.refusals)
    shop = shop_of(request)
    visitor = state_preferences(visitor=shop.acting_visitor(), text=form.cleaned_data["preferences"])
    shop.changed()
    said = "Kept. This is your shop now." if visitor.preferences else "Taken back. We go by your likes alone."
    return back(request, said)
