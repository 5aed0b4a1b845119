"""Content vectors over HTTP."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from drf_spectacular.utils import extend_schema
from numpy.typing import NDArray
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.api.products import visible_product
from catalog.api.serializers import EmbeddingKindQuery, VectorsSerializer
from catalog.models import Encoder, Product
from catalog.vectors import live_encoder, stored_vectors
from fashionrec.common.api.validation import parse_query, validated
from fashionrec.common.errors import FieldError, NotFound, TooLarge
from fashionrec.common.scopes import Scope

MOST_IDS = 1000


class EmbeddingsRequest(EmbeddingKindQuery):
    ids = serializers.ListField(child=serializers.CharField(max_length=200), allow_empty=False, help_text="Products.")


class EmbeddingView(APIView):
    """The vector of one product by the live encoder."""

    scopes: ClassVar = {"GET": Scope.EMBEDDINGS_READ}

    @extend_schema(
        operation_id="products_embedding",
        parameters=[EmbeddingKindQuery],
        responses=VectorsSerializer,
        tags=["embeddings"],
    )
    def get(self, request: Request, product_id: str) -> Response:
        kind = parse_query(request, EmbeddingKindQuery)["kind"]
        product = visible_product(product_id)
        found = _vectors([product.public_id], kind)
        if found.missing:
            reason = f"this product has no {kind} vector yet"
            raise NotFound(f"kind: {reason}", fields=[FieldError("kind", kind, reason)])
        return Response(_body(found))


class EmbeddingsView(APIView):
    """The vectors of many products by the live encoder."""

    scopes: ClassVar = {"POST": Scope.EMBEDDINGS_READ}

    @extend_schema(
        operation_id="embeddings_query",
        request=EmbeddingsRequest,
        responses={200: VectorsSerializer},
        tags=["embeddings"],
    )
    def post(self, request: Request) -> Response:
        ids = request.data.get("ids") if isinstance(request.data, dict) else None
        if isinstance(ids, list) and len(ids) > MOST_IDS:
            raise TooLarge.for_field("ids", len(ids), f"at most {MOST_IDS} products in one request")
        asked = validated(EmbeddingsRequest, request.data)
        found = _vectors(asked["ids"], asked["kind"])
        return Response({**_body(found), "missing": found.missing})


@dataclass(frozen=True)
class _Found:
    """vectors: (N, D) float32 of the products `ids`; missing: the ids without one."""

    encoder: Encoder
    ids: list[str]
    vectors: NDArray[np.float32]
    missing: list[str]


def _vectors(ids: list[str], kind: str) -> _Found:
    encoder = live_encoder()
    if encoder is None:
        raise NotFound("No encoder is live yet: nothing has been embedded.")
    asked = list(dict.fromkeys(ids))
    known = Product.objects.visible().pk_by_public_id(asked)
    pks = [known[name] for name in asked if name in known]
    matrix = stored_vectors(encoder=encoder, kind=kind, product_ids=pks)
    # A stored vector has unit length: a row of zeros is none.
    rows = {name: matrix[i] for i, name in enumerate(n for n in asked if n in known) if matrix[i].any()}
    vectors = np.array(list(rows.values()), dtype=np.float32).reshape(len(rows), encoder.dimensions)
    return _Found(encoder, list(rows), vectors, [name for name in asked if name not in rows])


def _body(found: _Found) -> dict[str, Any]:
    rows = zip(found.ids, found.vectors.tolist(), strict=True)
    items = [{"product": name, "vector": vector} for name, vector in rows]
    return {"encoder": found.encoder.name, "dimensions": found.encoder.dimensions, "items": items}
