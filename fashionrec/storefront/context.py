"""What every page of the shop shows around its content; read only when a template asks for it."""

from __future__ import annotations

from functools import cached_property

from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse

from catalog.models import Category, Product
from feedback.models import Visitor
from feedback.selectors import ShopperState, shopper_state
from feedback.web import remember_visitor, visitor_from_request

CONSENT_WORDING = "1"
"""Version of the sentence in the consent banner. Whoever answered an older one is asked again."""

MOST_DEPARTMENTS = 7
_KEY = "fashionrec.shop"


class Shop:
    """The shopper behind one request: who they are, and what they told us so far."""

    name = "fashionrec"
    setup_commands = ("make demo", "python manage.py import_catalog PATH --format kaggle")
    """What an empty page tells the person who runs the shop to type."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self._must_remember = False

    @cached_property
    def visitor(self) -> Visitor | None:
        return visitor_from_request(self.request, create=False)

    @cached_property
    def state(self) -> ShopperState:
        return shopper_state(self.visitor)

    @cached_property
    def asks_consent(self) -> bool:
        """Whether the banner shows: nobody has answered its present wording in this browser."""
        return self.visitor is None or not self.visitor.consents.filter(wording=CONSENT_WORDING).exists()

    @cached_property
    def departments(self) -> list[Category]:
        """The roots of the category tree that have something to show: women, men and children first, in this order."""
        below = Product.objects.visible().filter(
            Q(category=OuterRef("pk"))
            | Q(category__path__startswith=Concat(OuterRef("path"), Value(Category.SEPARATOR)))
        )
        first = {gender: place for place, gender in enumerate(("women", "men", "girls", "boys"))}
        roots = Category.objects.filter(Exists(below), parent=None).order_by("name")
        return sorted(roots, key=lambda root: first.get(root.name.lower(), len(first)))[:MOST_DEPARTMENTS]

    def acting_visitor(self) -> Visitor:
        """The visitor of somebody who does something: only then does an unknown one get a row and a cookie."""
        if self.visitor is None:
            self.visitor = visitor_from_request(self.request, create=True)
        assert self.visitor is not None  # noqa: S101  # create=True
        self._must_remember = True
        return self.visitor

    def forget_visitor(self) -> None:
        self.visitor, self._must_remember = None, False
        self.changed()

    def changed(self) -> None:
        """Read the state anew: the visitor just acted."""
        for name in ("state", "asks_consent"):
            self.__dict__.pop(name, None)

    def remember(self, response: HttpResponse) -> None:
        """Set the visitor's cookie when they acted in this request."""
        if self._must_remember and self.visitor is not None:
            remember_visitor(self.request, response, self.visitor)


def shop_of(request: HttpRequest) -> Shop:
    """One per request, shared by its view and its templates."""
    found: Shop = request.META.setdefault(_KEY, Shop(request))
    return found


def shop(request: HttpRequest) -> dict[str, Shop]:
    """Context processor."""
    return {"shop": shop_of(request)}
