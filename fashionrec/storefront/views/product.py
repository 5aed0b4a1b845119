import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from catalog.models import Product
from catalog.selectors import get_visible_product
from fashionrec.common.errors import NotFound
from fashionrec.storefront.context import Shop, shop_of
from fashionrec.storefront.forms import ShownForm
from fashionrec.storefront.listing import category_crumbs
from fashionrec.storefront.pages import page
from fashionrec.storefront.ratings import verdicts
from feedback.models import Event
from feedback.services.events import record_event
from recommender.serving.recommend import recommend

SIMILAR = 8


@require_safe
@page
def product(request: HttpRequest, public_id: str) -> HttpResponse:
    """A product, and what is like it. A card's link says in which slate and where it was pressed."""
    if "\x00" in public_id:
        raise NotFound.for_field("product", public_id, "unknown product")
    shown = get_visible_product(public_id)
    shop = shop_of(request)
    form = ShownForm(request.GET)
    pressed = form.cleaned_data if form.is_valid() else {"slate": None, "position": None}
    similar = recommend(visitor=shop.visitor, placement="similar", product=shown, n=SIMILAR, state=shop.state)
    if request.method == "GET":
        _record_visit(shop, shown, slate=pressed["slate"], position=pressed["position"])
    sized = [variant for variant in shown.variants.all() if variant.size]
    reasons = {item.reason for item in similar.items}
    context = {
        "product": shown,
        "sized_variants": sized,
        "names_colours": len({variant.colour for variant in sized}) > 1,
        "similar": similar,
        "shared_reason": reasons.pop() if len(reasons) == 1 else "",
        "crumbs": category_crumbs(shown.category),
        "verdicts": verdicts(shown),
        "slate": pressed["slate"],
        "position": pressed["position"] or 0,
    }
    return render(request, "storefront/product.html", context)


def _record_visit(shop: Shop, shown: Product, *, slate: uuid.UUID | None, position: int | None) -> None:
    """The click that led here and the view. Looking is not telling: it is kept only of those who consented."""
    if shop.visitor is None or not shop.visitor.consented:
        return
    if slate is not None and position is not None:
        # The same place pressed again (or the page reloaded) is the same click.
        click = uuid.uuid5(slate, f"{shop.visitor.pk} {position}")
        record_event(
            visitor=shop.visitor, type=Event.Type.CLICK, product=shown, slate=slate, position=position, event_id=click
        )
    record_event(visitor=shop.visitor, type=Event.Type.VIEW, product=shown)
