from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_POST

from catalog.models import Product
from catalog.selectors import get_visible_product
from fashionrec.common.errors import Malformed
from fashionrec.storefront import reactions
from fashionrec.storefront.context import shop_of
from fashionrec.storefront.forms import ReactionForm
from fashionrec.storefront.pages import back, page, wants_fragment
from feedback.models import Event


@require_POST
@page
def react(request: HttpRequest) -> HttpResponse:
    """Like, dislike or hide, or take it back. Answers htmx with the changed piece, everyone else with a redirect."""
    form = ReactionForm(request.POST)
    if not form.is_valid():
        raise Malformed("This reaction could not be read.", fields=form.refusals)
    sent = form.cleaned_data
    product = get_visible_product(sent["product"])
    shop = shop_of(request)
    reaction = reactions.react(
        visitor=shop.acting_visitor(),
        product=product,
        type=sent["reaction"],
        slate=sent["slate"],
        position=sent["position"],
    )
    shop.changed()
    if wants_fragment(request):
        return _fragment(request, product, reaction, sent)
    return back(request, f"{reaction.message} {product.title}")


def _fragment(
    request: HttpRequest, product: Product, reaction: reactions.Reaction, sent: dict[str, object]
) -> HttpResponse:
    shop = shop_of(request)
    if sent["part"] == "panel":
        template = "components/reactions.html"
    elif reaction.type == Event.Type.HIDE:
        template = "components/hidden_card.html" if reaction.stands else "components/product_card.html"
    else:
        template = "components/like_button.html"
    context = {
        "product": product,
        "state": shop.state,
        "liked": shop.state.liked,
        "slate": sent["slate"],
        "position": sent["position"],
        "hideable": True,
        "next": request.POST.get("next", ""),
    }
    announcement = {"message": reaction.message}
    if reaction.type == Event.Type.LIKE and reaction.stands:
        announcement |= {"href": reverse("storefront:home"), "link": "See what changed for you"}
    response = render(request, template, context)
    response.write(render_to_string("components/announcement.html", announcement))
    return response
