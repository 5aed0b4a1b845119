"""The model registry over HTTP."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from fashionrec.common.api.pagination import PageQuery
from fashionrec.common.errors import FieldError, NotFound
from fashionrec.common.scopes import Scope
from recommender.api.serializers import ModelDetailSerializer, ModelSerializer
from recommender.models import ModelVersion
from recommender.selectors import find_version
from recommender.services.models import clear_challenger, promote, rollback, set_challenger


class ModelsView(GenericAPIView[ModelVersion]):
    """Every trained version, the newest first."""

    scopes: ClassVar = {"GET": Scope.MODELS_READ}
    serializer_class = ModelSerializer
    queryset = ModelVersion.objects.prefetch_related("aliases")

    @extend_schema(
        operation_id="models_list", parameters=[PageQuery], responses=ModelSerializer(many=True), tags=["models"]
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class ModelView(APIView):
    """One version: what it was made from, and how good it is beside the baselines."""

    scopes: ClassVar = {"GET": Scope.MODELS_READ}

    @extend_schema(operation_id="models_retrieve", responses=ModelDetailSerializer, tags=["models"])
    def get(self, request: Request, model_id: str) -> Response:
        return Response(ModelDetailSerializer(get_version(model_id)).data)


class PromoteView(APIView):
    """Make a version the champion; it serves from the next request on. Repeating changes nothing."""

    scopes: ClassVar = {"POST": Scope.MODELS_WRITE}

    @extend_schema(operation_id="models_promote", request=None, responses=ModelDetailSerializer, tags=["models"])
    def post(self, request: Request, model_id: str) -> Response:
        promote(version=get_version(model_id), actor=str(request.auth))
        return Response(ModelDetailSerializer(get_version(model_id)).data)


class RollbackView(APIView):
    """Give the previous champion its place back."""

    scopes: ClassVar = {"POST": Scope.MODELS_WRITE}

    @extend_schema(operation_id="models_rollback", request=None, responses=ModelDetailSerializer, tags=["models"])
    def post(self, request: Request) -> Response:
        alias = rollback(actor=str(request.auth))
        return Response(ModelDetailSerializer(alias.version).data)


class ChallengeView(APIView):
    """Make a version the challenger, in the place of an earlier one. Repeating changes nothing."""

    scopes: ClassVar = {"POST": Scope.MODELS_WRITE}

    @extend_schema(operation_id="models_challenge", request=None, responses=ModelDetailSerializer, tags=["models"])
    def post(self, request: Request, model_id: str) -> Response:
        set_challenger(version=get_version(model_id), actor=str(request.auth))
        return Response(ModelDetailSerializer(get_version(model_id)).data)


class ChallengerView(APIView):
    """Let no version challenge the champion any more."""

    scopes: ClassVar = {"DELETE": Scope.MODELS_WRITE}

    @extend_schema(operation_id="models_withdraw", request=None, responses={204: None}, tags=["models"])
    def delete(self, request: Request) -> Response:
        clear_challenger(actor=str(request.auth))
        return Response(status=204)


def get_version(model_id: str) -> ModelVersion:
    """The version of that public name. Raises NotFound."""
    found = find_version(model_id)
    if found is None:
        raise NotFound("Unknown model.", fields=[FieldError("id", model_id, "unknown model")])
    return found
