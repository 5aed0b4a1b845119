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
from recommender.serving.recommend import Recommendation, recommend

SIMILAR = 8
LOOK = 4


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
    look = _look(shop, shown, similar)
    if request.method == "GET":
        _record_visit(shop, shown, slate=pressed["slate"], position=pressed["position"])
    sized = [variant for variant in shown.variants.all() if variant.size]
    context = {
        "product": shown,
        "sized_variants": sized,
        "names_colours": len({variant.colour for variant in sized}) > 1,
        "similar": similar,
        "shared_reason": similar.shared_reason,
        "look": look,
        "look_reason": look.shared_reason if look else "",
        "crumbs": category_crumbs(shown.category),
        "verdicts": verdicts(shown),
        "slate": pressed["slate"],
        "position": pressed["position"] or 0,
    }
    return render(request, "storefront/product.html", context)


def _look(shop: Shop, shown: Product, similar: Recommendation) -> Recommendation | None:
    """What goes with the product, nothing of it among the similar ones; None when nothing truly goes with it."""
    look = recommend(
        visitor=shop.visitor,
        placement="complete_the_look",
        product=shown,
        n=LOOK,
        exclude={item.product.pk for item in similar.items},
        state=shop.state,
    )
    return look if all(item.source == "complement" for item in look.items) else None


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
