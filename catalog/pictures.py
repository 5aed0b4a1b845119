"""Product pictures in the media storage, addressed by what they show: the same bytes are one file."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from catalog.images import MAX_BYTES, ImageError, format_of, open_image
from catalog.models import ProductImage

_ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "AVIF": "avif"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored file. width, height: as seen, the camera's rotation applied."""

    file: str
    sha256: str
    size: int
    width: int
    height: int
    alt: str = ""
    """What it shows, in words: of the product rather than of the file."""

    def shown_as(self, alt: str) -> "Picture":
        return replace(self, alt=alt)


def read_within(folder: Path, name: str) -> bytes:
    """The bytes of a file below `folder`. Raises ImageError when it is missing, too large, or lies elsewhere."""
    root = folder.resolve()
    try:
        # resolve() follows links, so that neither ".." nor a link leads out of the folder.
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise ImageError("image", name, "lies outside the folder of the catalogue")
        if not path.is_file():
            raise ImageError("image", name, "no such file in the folder of the catalogue")
        if path.stat().st_size > MAX_BYTES:
            raise ImageError("image", name, f"larger than {MAX_BYTES} bytes")
        return path.read_bytes()
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError("image", name, f"cannot be read: {error}") from error


def store_picture(content: bytes, *, name: str) -> Picture:
    """Check a picture completely and store it; stored bytes are not written again. Raises ImageError."""
    width, height = open_image(content, name=name).size
    ending = _ENDINGS[format_of(content)]  # what a browser is told it is: never the name that it came with
    digest = hashlib.sha256(content).hexdigest()
    target = f"products/{digest[:2]}/{digest}.{ending}"
    storage = storages["media"]
    if not storage.exists(target):
        target = storage.save(target, ContentFile(content))
    return Picture(file=target, sha256=digest, size=len(content), width=width, height=height)


def known_pictures(digests: Collection[str]) -> dict[str, Picture]:
    """Pictures that some product already has, by sha256."""
    rows = ProductImage.objects.filter(sha256__in=list(digests)).order_by("sha256", "pk").distinct("sha256")
    return {row["sha256"]: Picture(**row) for row in rows.values("file", "sha256", "size", "width", "height")}
