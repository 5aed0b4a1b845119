"""Opening pictures that other people made: limits first, then one upright RGB image or a clear error."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")
MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000
MIN_SIDE = 8
MAX_ASPECT_RATIO = 20

# How files begin that people take for pictures the shop can show: position, bytes, name.
_SIGNATURES = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n", "PNG"),
    (8, b"WEBP", "WEBP"),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (4, b"ftypavi", "AVIF"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    *((4, b"ftyp" + brand, "HEIC") for brand in (b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1")),
    (4, b"jP  ", "JPEG 2000"),
    (4, b"JXL ", "JPEG XL"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"%PDF", "PDF"),
    (0, b"\x00\x00\x01\x00", "an icon file"),
)
_MARKUP = ((b"<svg", "SVG"), (b"<!doctype html", "HTML"), (b"<html", "HTML"))

# What Pillow's decoders raise on damaged input, beside its own error types.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


class ImageError(ValueError):
    """A picture that cannot be used. `field`, `value` and `reason` say which and why."""

    def __init__(self, field: str, value: str, reason: str) -> None:
        super().__init__(f"{field}: received {value!r}: {reason}")
        self.field = field
        self.value = value
        self.reason = reason


def open_image(source: Path | str | bytes, *, field: str = "image", name: str = "") -> Image.Image:
    """Reads a picture as one upright, fully decoded RGB image.

    The content decides, not the file's extension. Rotation of the camera (EXIF) is applied, transparency is laid on
    white, CMYK and 16-bit greys are converted, of an animation the first frame is taken.

    source: path of the file, or its bytes; `name` is what errors call bytes (default: their count).
    Raises ImageError for a missing, unreadable, too large (20 MiB, 50 million pixels), too small (a side under
    8 pixels), extremely narrow (beyond 20:1), damaged or not supported picture.
    """
    value = name or (f"{len(source)} bytes" if isinstance(source, bytes) else str(source))
    content = source if isinstance(source, bytes) else _read(Path(source), field=field, value=value)
    if not content:
        raise ImageError(field, value, "the file is empty")
    if len(content) > MAX_BYTES:
        raise ImageError(field, value, f"{len(content)} bytes are more than the allowed {MAX_BYTES}")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(field, value, f"more than the allowed {MAX_PIXELS} pixels ({error})") from error
    except _DECODER_ERRORS as error:
        raise ImageError(field, value, _why_not_opened(content, error)) from error
    _check_size(image, field=field, value=value)
    try:
        image.seek(0)
        image.load()
        return _as_rgb(_upright(image))
    except _DECODER_ERRORS as error:
        raise ImageError(field, value, f"damaged {image.format}: {error}") from error


_sent = threading.Lock()


def open_sent_image(content: bytes, *, name: str) -> Image.Image:
    """`open_image` for what strangers send to a web process: one at a time, the others wait.

    The largest picture takes 0.8 GB while it is opened, out of a file of some 100 KB.
    """
    with _sent:
        return open_image(content, name=name)


def format_of(content: bytes) -> str:
    """Format of a picture that `open_image` accepts, one of FORMATS; that of its first picture if it holds several."""
    format = Image.open(io.BytesIO(content), formats=FORMATS).format or ""
    return "JPEG" if format == "MPO" else format  # a JPEG with more JPEGs behind it, as phones write them


def _why_not_opened(content: bytes, error: BaseException) -> str:
    start = content[:12].decode("latin-1").encode("unicode_escape").decode()
    kind = next((name for at, begin, name in _SIGNATURES if content.startswith(begin, at)), "")
    markup = content[:1_000].lower()
    kind = kind or next((name for tag, name in _MARKUP if tag in markup), "")
    if kind in FORMATS:
        return (
            f"damaged {kind}: {'its beginning cannot be read' if isinstance(error, UnidentifiedImageError) else error}"
        )
    return f"{kind}{', ' if kind else ''}not a picture in {', '.join(FORMATS)} (the content starts with '{start}')"


def _read(path: Path, *, field: str, value: str) -> bytes:
    try:
        if not path.is_file():
            reason = "the path is a folder" if path.is_dir() else "no such file"
            raise ImageError(field, value, reason)
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(field, value, f"{path.stat().st_size} bytes are more than the allowed {MAX_BYTES}")
        return path.read_bytes()
    except ImageError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise ImageError(field, value, f"cannot be read: {error}") from error


def _check_size(image: Image.Image, *, field: str, value: str) -> None:
    """Judges the header alone, before any pixel is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(field, value, f"{width} x {height} is more than the allowed {MAX_PIXELS} pixels")
    if min(width, height) < MIN_SIDE:
        raise ImageError(field, value, f"{width} x {height}: both sides must have at least {MIN_SIDE} pixels")
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise ImageError(field, value, f"{width} x {height} is narrower than {MAX_ASPECT_RATIO}:1")


def _upright(image: Image.Image) -> Image.Image:
    try:
        ImageOps.exif_transpose(image, in_place=True)  # a copy of 50 million pixels would be another 150 MB
    except _DECODER_ERRORS:
        pass  # damaged EXIF in front of a sound picture: keep the picture
    return image


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):  # 16-bit grey: convert("RGB") would clip everything above 255 to white
        image = image.convert("I").point(lambda level: level / 256).convert("L")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
