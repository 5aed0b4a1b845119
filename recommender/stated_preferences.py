"""What shoppers stated, as vectors: their own words, or those of the persona they are like.

The live encoder's text tower in ONNX makes the vectors, so that words lie beside the products they describe; training
and serving both come here.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from catalog.models import Encoder
from catalog.query_encoding import encode_queries
from feedback.models import Visitor
from feedback.selectors import ShopperState
from personas.models import Persona

PSEUDO_USER = "persona:"
"""How the id of a user begins who is made of a persona's ratings."""

MOST_REMEMBERED = 10_000
"""Encoded texts that a web process keeps: 20 MB at 512 dimensions. Encoding one takes some 2 ms."""


def persona_text(persona: Persona) -> str:
    """What a persona would say they like: style and likes as a product would be described, then who they are."""
    return f"{persona.style} clothes for a {persona.gender}: {', '.join(persona.likes)}. {persona.bio}"


def encode_statements(texts: Sequence[str], *, encoder: Encoder | None) -> NDArray[np.float32]:
    """(N, D) float32, L2-normalised rows, zeros for empty texts; D = 0 where no text tower is here, or no text."""
    said = sorted({text for text in texts if text})
    vectors = encode_queries(said, encoder=encoder) if encoder is not None and said else None
    if encoder is None or vectors is None:
        return np.zeros((len(texts), 0), np.float32)
    row_of = {text: row for row, text in enumerate(said)}
    encoded = np.zeros((len(texts), vectors.shape[1]), np.float32)
    for row, text in enumerate(texts):
        if text:
            encoded[row] = vectors[row_of[text]]
    return encoded


def user_statements(user_ids: Sequence[str]) -> list[str]:
    """What each user of a dataset stated, "" for nothing: visitors by uuid, personas by "persona:<key>".

    A visitor's own words, else those of the persona that they are known to be like. Only consenting visitors are asked.
    """
    by_persona = {persona.key: persona_text(persona) for persona in Persona.objects.all()}
    stated = {f"{PSEUDO_USER}{key}": text for key, text in by_persona.items()}
    telling = Visitor.objects.filter(consented=True).exclude(preferences="", persona="")
    for pk, preferences, persona in telling.values_list("pk", "preferences", "persona").iterator(chunk_size=10_000):
        stated[str(pk)] = preferences or by_persona.get(persona, "")
    return [stated.get(user_id, "") for user_id in user_ids]


def encoder_called(name: str | None) -> Encoder | None:
    """The encoder whose str() a dataset's window kept; None where there is none such."""
    return next((encoder for encoder in Encoder.objects.order_by("pk") if str(encoder) == name), None)


def stated_vector(shopper: ShopperState, *, encoder: Encoder | None) -> NDArray[np.float32] | None:
    """(D,) float32 for serving, encoded once per process; None where nothing was stated or nothing can encode it."""
    if encoder is None:
        return None
    text = shopper.preferences
    if not text and shopper.persona:
        text = _text_of_persona(shopper.persona)
    try:
        return _encoded(text, encoder.pk, encoder.name, encoder.digest) if text else None
    except LookupError:
        return None


@lru_cache(maxsize=1_000)
def _text_of_persona(key: str) -> str:
    persona = Persona.objects.filter(key=key).first()
    return persona_text(persona) if persona is not None else ""


# What fails is not remembered: the text tower may be exported while this process serves.
@lru_cache(maxsize=MOST_REMEMBERED)
def _encoded(text: str, pk: int, name: str, digest: str) -> NDArray[np.float32]:
    vectors = encode_queries([text], encoder=Encoder(pk=pk, name=name, digest=digest))
    if vectors is None:
        raise LookupError(f"encoder: {name!r} has no text tower here")
    return vectors[0]
