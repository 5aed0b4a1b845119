"""Searching with a photo: what a page keeps of it, so that filters can change without sending it again.

Nothing is stored on our side. The page itself carries the photo's vector and a small copy, signed, so that nobody can
make the shop compare with a vector it did not compute.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from django.core import signing
from numpy.typing import NDArray
from PIL import Image

from catalog.images import ImageError, open_sent_image
from catalog.search import picture_vector
from catalog.vectors import live_encoder
from fashionrec.common.errors import Invalid

_SALT = "fashionrec.storefront.photo"
DAY = 24 * 3600
THUMBNAIL = 160
"""Longest side in pixels: some 6 KB."""


@dataclass(frozen=True)
class SentPhoto:
    vector: NDArray[np.float32]
    """(D,) of the live encoder."""
    thumbnail: str
    """data: address of a small copy, at most THUMBNAIL wide and high."""
    width: int
    height: int
    encoder: int | None = None
    """Primary key of the encoder that made the vector."""

    @property
    def token(self) -> str:
        """What a page hands back instead of the photo."""
        vector = base64.b64encode(self.vector.astype(np.float16).tobytes()).decode()
        return signing.dumps([vector, self.thumbnail, self.width, self.height, self.encoder], salt=_SALT)


def photo_from_upload(content: bytes, *, name: str) -> SentPhoto:
    """Raises Invalid for what is no usable picture, and while the shop cannot search with pictures."""
    try:
        image = open_sent_image(content, name=name)
    except ImageError as error:
        raise Invalid.for_field(error.field, error.value, error.reason) from error
    encoder, vector = live_encoder(), picture_vector(image)
    image.info.clear()  # a comment of up to 64 KB would come along
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=75)
    thumbnail = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    return SentPhoto(vector, thumbnail, image.width, image.height, encoder.pk if encoder else None)


def photo_from_token(token: str) -> SentPhoto:
    """Raises Invalid for what this shop did not sign within a DAY, and once another encoder has taken over."""
    try:
        vector, thumbnail, width, height, made_by = signing.loads(token, salt=_SALT, max_age=DAY)
        encoder = live_encoder()
        # Vectors of another encoder may have the same length, and mean nothing beside these.
        if made_by != (encoder.pk if encoder else None):
            raise signing.BadSignature
    except (signing.BadSignature, ValueError) as error:  # ValueError: another number of parts, of a version before
        raise Invalid.for_field("picture", token[:200], "this page is too old: choose the photo again") from error
    return SentPhoto(
        np.frombuffer(base64.b64decode(vector), dtype=np.float16).astype(np.float32), thumbnail, width, height, made_by
    )
