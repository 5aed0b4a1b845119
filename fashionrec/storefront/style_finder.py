"""Find your style: a newcomer picks pictures out of every corner of the catalogue."""

from collections.abc import Sequence

from catalog.models import Product
from catalog.style_selectors import ShownStyle, onboarding_styles
from fashionrec.common.errors import Malformed

STYLES = 12
PICTURES = 3
MOST_CHOSEN = STYLES * PICTURES


def offered_styles() -> list[ShownStyle]:
    """At most STYLES, each with pictures of what is typical of it; none before the catalogue is clustered."""
    return onboarding_styles(n=STYLES, pictures=PICTURES)


def chosen_products(public_ids: Sequence[str]) -> list[Product]:
    """The visible products of these public ids; one that left the shop meanwhile is passed over.

    Raises Malformed for more than were offered, or when none of them is known.
    """
    if len(public_ids) > MOST_CHOSEN:
        raise Malformed.for_field("product", len(public_ids), f"at most {MOST_CHOSEN} at once")
    products = list(Product.objects.visible().by_public_ids(public_ids).order_by("pk"))
    if public_ids and not products:
        raise Malformed.for_field("product", public_ids[0], "no such product")
    return products
