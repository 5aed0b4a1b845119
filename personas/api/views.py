"""Personas and what they think, over HTTP."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.models import Product
from fashionrec.common.api.pagination import PageQuery
from fashionrec.common.api.validation import parse_query, validated
from fashionrec.common.errors import FieldError, Invalid, NotFound
from fashionrec.common.runs import request_cancel
from fashionrec.common.scopes import Scope
from personas.api.serializers import (
    BudgetSerializer,
    NewRatingRunSerializer,
    PersonaSerializer,
    PersonasQuery,
    RatingQuery,
    RatingRunSerializer,
    RatingSerializer,
)
from personas.models import LanguageModel, Persona, Rating, RatingRun
from personas.selectors import persona_ratings, published
from personas.services.language_models import default_language_model, find_language_model
from personas.services.rating_plans import plan_rating_run, resume_with_budget
from personas.services.ratings import publish


class PersonasView(GenericAPIView[Persona]):
    """The imagined customers."""

    scopes: ClassVar = {"GET": Scope.PERSONAS_READ}
    serializer_class = PersonaSerializer
    queryset = Persona.objects.all()

    @extend_schema(
        operation_id="personas_list",
        parameters=[PersonasQuery, PageQuery],
        responses=PersonaSerializer(many=True),
        tags=["personas"],
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset().filter(**parse_query(request, PersonasQuery)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class PersonaRatingsView(GenericAPIView[Rating]):
    """A persona's published ratings, the best first."""

    scopes: ClassVar = {"GET": Scope.RATINGS_READ}
    serializer_class = RatingSerializer
    queryset = Rating.objects.none()

    @extend_schema(
        operation_id="personas_ratings", parameters=[PageQuery], responses=RatingSerializer(many=True), tags=["ratings"]
    )
    def get(self, request: Request, persona_id: str) -> Response:
        ratings = persona_ratings(get_persona(persona_id)).select_related("persona", "product")
        page = self.paginate_queryset(ratings)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class RatingsView(GenericAPIView[Rating]):
    """Ratings by persona, product and run."""

    scopes: ClassVar = {"GET": Scope.RATINGS_READ}
    serializer_class = RatingSerializer
    queryset = Rating.objects.none()

    @extend_schema(
        operation_id="ratings_list",
        parameters=[RatingQuery, PageQuery],
        responses=RatingSerializer(many=True),
        tags=["ratings"],
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(_ratings(parse_query(request, RatingQuery)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class RatingRunsView(APIView):
    """Runs in which personas rate the catalogue."""

    scopes: ClassVar = {"POST": Scope.RATINGS_WRITE}

    @extend_schema(
        operation_id="rating_runs_create",
        request=NewRatingRunSerializer,
        responses={201: RatingRunSerializer},
        tags=["ratings"],
    )
    def post(self, request: Request) -> Response:
        """Queue a run in which every visible product is rated by some of the personas."""
        asked = validated(NewRatingRunSerializer, request.data)
        run = plan_rating_run(
            personas=_personas(asked.get("personas")),
            language_model=_language_model(asked.get("language_model")),
            raters_per_product=asked["raters_per_product"],
            seed=asked["seed"],
            products=asked.get("products"),
            max_tokens=asked.get("max_tokens"),
            max_cost=asked.get("max_cost"),
        )
        return Response(RatingRunSerializer(run).data, status=201)


class RatingRunView(APIView):
    """One rating run and how far it is."""

    scopes: ClassVar = {"GET": Scope.RATINGS_READ}

    @extend_schema(operation_id="rating_runs_retrieve", responses=RatingRunSerializer, tags=["ratings"])
    def get(self, request: Request, run_id: UUID) -> Response:
        return Response(RatingRunSerializer(get_rating_run(run_id)).data)


class CancelRatingRunView(APIView):
    """Stop a rating run; finished chunks stay."""

    scopes: ClassVar = {"POST": Scope.RATINGS_WRITE}

    @extend_schema(operation_id="rating_runs_cancel", request=None, responses=RatingRunSerializer, tags=["ratings"])
    def post(self, request: Request, run_id: UUID) -> Response:
        request_cancel(run=get_rating_run(run_id))
        return Response(RatingRunSerializer(get_rating_run(run_id)).data)


class ResumeRatingRunView(APIView):
    """Let a paused rating run go on."""

    scopes: ClassVar = {"POST": Scope.RATINGS_WRITE}

    @extend_schema(
        operation_id="rating_runs_resume", request=BudgetSerializer, responses=RatingRunSerializer, tags=["ratings"]
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """A run pauses when its budget is used up: send a larger one, or null for none. What is not sent stays."""
        run = get_rating_run(run_id)
        budget = {"max_tokens": run.max_tokens, "max_cost": run.max_cost}
        resume_with_budget(run=run, **{**budget, **validated(BudgetSerializer, request.data)})
        return Response(RatingRunSerializer(get_rating_run(run_id)).data)


class PublishRatingRunView(APIView):
    """Let a rating run's ratings reach training and the pages."""

    scopes: ClassVar = {"POST": Scope.RATINGS_WRITE}

    @extend_schema(operation_id="rating_runs_publish", request=None, responses=RatingRunSerializer, tags=["ratings"])
    def post(self, request: Request, run_id: UUID) -> Response:
        """409 with the reasons when the run is not done or does not pass the gate."""
        publish(run=get_rating_run(run_id))
        return Response(RatingRunSerializer(get_rating_run(run_id)).data)


def get_persona(persona_id: str) -> Persona:
    persona = Persona.objects.filter(key=persona_id).first() if "\x00" not in persona_id else None
    if persona is None:
        raise NotFound("Unknown persona.", fields=[FieldError("persona", persona_id, "unknown persona")])
    return persona


def get_rating_run(run_id: UUID) -> RatingRun:
    run = RatingRun.objects.select_related("language_model", "template", "quality").filter(pk=run_id).first()
    if run is None:
        raise NotFound("Unknown rating run.", fields=[FieldError("run", str(run_id), "unknown rating run")])
    return run


def _ratings(query: dict[str, Any]) -> QuerySet[Rating]:
    """Raises Invalid for a filter that names nobody: an empty list would look like an answer."""
    ratings = Rating.objects.filter(run=_known_run(query["run"])) if "run" in query else published()
    if "persona" in query:
        persona = Persona.objects.filter(key=query["persona"]).first()
        if persona is None:
            raise Invalid.for_field("persona", query["persona"], "unknown persona")
        ratings = ratings.filter(persona=persona)
    if "product" in query:
        product = Product.objects.by_public_ids([query["product"]]).first()
        if product is None:
            raise Invalid.for_field("product", query["product"], "unknown product")
        ratings = ratings.filter(product=product)
    return ratings.select_related("persona", "product", "run__language_model").order_by("pk")


def _known_run(run_id: UUID) -> RatingRun:
    run = RatingRun.objects.filter(pk=run_id).first()
    if run is None:
        raise Invalid.for_field("run", str(run_id), "unknown rating run")
    return run


def _personas(keys: list[str] | None) -> list[Persona]:
    if keys is None:
        return list(Persona.objects.order_by("key"))
    found = {persona.key: persona for persona in Persona.objects.filter(key__in=keys)}
    for key in keys:
        if key not in found:
            raise Invalid.for_field("personas", key, "unknown persona")
    return [found[key] for key in sorted(found)]


def _language_model(name: str | None) -> LanguageModel:
    return default_language_model() if name is None else find_language_model(name)
