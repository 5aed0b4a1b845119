"""Recommendations and complements over HTTP."""

import re
from typing import Any, ClassVar

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.api.products import visible_product
from catalog.api.serializers import ItemsSerializer
from catalog.models import Category, Product
from fashionrec.common.api.authentication import ApiKeyAuthentication
from fashionrec.common.api.permissions import OPEN, HasScope
from fashionrec.common.api.validation import parse_query
from fashionrec.common.errors import Invalid
from fashionrec.common.scopes import Scope
from feedback.api.authentication import IsBrowser, VisitorCookieAuthentication
from feedback.api.visitors import find_visitor
from feedback.models import Slate, Visitor
from feedback.selectors import ShopperState, shopper_state
from recommender.api.serializers import CountQuery, RecommendationQuery, RecommendationSerializer
from recommender.complements import complementary_products
from recommender.serving.recommend import recommend

BESIDE_A_PRODUCT = ("similar", "complete_the_look")
MOST_EXCLUDED = 1000


class RecommendationsView(APIView):
    """What to show a visitor next. Never empty while the catalogue has a visible product."""

    authentication_classes = (ApiKeyAuthentication, VisitorCookieAuthentication)
    permission_classes = (IsBrowser | HasScope,)
    scopes: ClassVar = {"GET": Scope.RECOMMENDATIONS_READ}

    @extend_schema(
        operation_id="recommendations_list",
        parameters=[RecommendationQuery],
        responses=RecommendationSerializer,
        tags=["recommendations"],
    )
    def get(self, request: Request) -> Response:
        query = parse_query(request, RecommendationQuery)
        visitor = find_visitor(request, query["visitor"]) if "visitor" in query else None
        if visitor is None and isinstance(request.auth, Visitor):
            visitor = request.auth
        state = shopper_state(visitor)
        recommendation = recommend(
            visitor=visitor,
            placement=query["placement"],
            n=query["n"],
            category=_category(query["category"]) if "category" in query else None,
            product=_beside(query, state),
            exclude=_excluded(query.get("exclude", [])),
            state=state,
        )
        body = dict(RecommendationSerializer(recommendation).data)
        if query["explain"]:
            body["explanation"] = explanation(Slate.objects.get(pk=recommendation.slate_id))
        return Response(body)


class ComplementsView(APIView):
    """What goes with a product, from other categories."""

    scopes: ClassVar = {"GET": OPEN}

    @extend_schema(
        operation_id="products_complements", parameters=[CountQuery], responses=ItemsSerializer, tags=["products"]
    )
    def get(self, request: Request, product_id: str) -> Response:
        query = parse_query(request, CountQuery)
        items = complementary_products(product=visible_product(product_id), n=query["n"])
        return Response(ItemsSerializer({"items": items}).data)


def explanation(slate: Slate) -> dict[str, Any]:
    """The logged rules and inputs of a slate, with public product ids."""
    inputs = {name: slate.context.get(name) or [] for name in ("history", "liked", "disliked", "hidden")}
    wanted = {pk for pks in inputs.values() for pk in pks}
    names = {product.pk: product.public_id for product in Product.objects.filter(pk__in=wanted)}
    return {
        "rules": slate.rules,
        "inputs": {name: [names[pk] for pk in pks if pk in names] for name, pks in inputs.items()},
    }


def _category(name: str) -> Category:
    category = Category.objects.filter(Q(slug=name) | Q(path=name)).first()
    if category is None:
        raise Invalid.for_field("category", name, "unknown category")
    return category


def _beside(query: dict[str, Any], state: ShopperState) -> Product | None:
    if "product" in query:
        return visible_product(query["product"])
    latest = (state.liked_in_order or tuple(state.history))[-1:]
    if query["placement"] not in BESIDE_A_PRODUCT or not latest:
        return None
    # Beside the only product there would be nothing to show.
    others = Product.objects.visible().exclude(pk=latest[0]).exists()
    return Product.objects.visible().filter(pk=latest[0]).for_cards().first() if others else None


def _excluded(values: list[str]) -> list[int]:
    """Primary keys; ids that are not, or no longer, in the catalogue exclude nothing."""
    # A comma separates ids only before the next "<source>:": an external id may hold one itself.
    names = [name for value in values for name in re.split(r",(?=[^,:]+:)", value)]
    for name in names:
        if ":" not in name:
            raise Invalid.for_field("exclude", name, "expected product ids, <source>:<external id>")
    if len(names) > MOST_EXCLUDED:
        raise Invalid.for_field("exclude", len(names), f"at most {MOST_EXCLUDED} products")
    return list(Product.objects.by_public_ids(names).values_list("pk", flat=True)) if names else []
