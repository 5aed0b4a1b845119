"""Pictures as they come from outside: those that must be refused, and those that must be shown all the same."""

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

SUPPORTED = "not a picture in JPEG, PNG, WEBP, GIF, BMP, AVIF"
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)

REFUSED = (
    *("empty", "text", "html", "svg", "svg after a long prolog", "tiff", "heic", "jpeg 2000", "pdf", "photoshop"),
    *("icon", "postscript", "truncated jpeg", "truncated png", "truncated webp", "truncated gif", "truncated avif"),
    *("png header alone", "gif with a huge frame", "gif with a huge canvas", "png text bomb"),
    *("png without pixels", "jpeg of nothing but its first bytes", "one pixel", "a line"),
)
SHOWN = (
    *(
        "named otherwise",
        "cmyk jpeg",
        "rotated jpeg",
        "jpeg with damaged exif",
        "jpeg with more behind it",
        "animated gif",
    ),
    *("gif of 100000 frames", "animated webp", "animated png", "16-bit grey", "16-bit grey with transparency"),
    *("palette with transparency", "rgb with a transparent colour", "grey with alpha", "one bit", "html behind a png"),
)


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def halves(width: int = 40, height: int = 20) -> Image.Image:
    """Left red, right blue."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def noise(side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))


@cache
def refused_pictures() -> dict[str, tuple[bytes, str]]:
    """Name -> content and how the reason for its refusal begins or what it has in it (a pattern)."""
    cut = {name: encoded(noise(), name.upper()) for name in ("jpeg", "png", "webp")}
    cut["avif"] = encoded(noise(), "AVIF", speed=10)
    cut["gif"] = encoded(noise().quantize(64), "GIF")
    bomb = PngInfo()
    bomb.add_text("comment", "x" * 4_000_000, zip=True)
    pictures = {
        "empty": (b"", "the file is empty"),
        "text": (b"this is no picture", rf"{SUPPORTED} \(the content starts with 'this is no p'\)"),
        "html": (b"<!DOCTYPE html><script>alert(1)</script>", f"HTML, {SUPPORTED}"),
        "svg": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", f"SVG, {SUPPORTED}"),
        "svg after a long prolog": (b"<?xml version='1.0'?>" + b" " * 500 + b"<SVG/>", f"SVG, {SUPPORTED}"),
        "tiff": (encoded(halves(), "TIFF"), f"TIFF, {SUPPORTED}"),
        "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64, f"HEIC, {SUPPORTED}"),
        "jpeg 2000": (encoded(halves(), "JPEG2000"), f"JPEG 2000, {SUPPORTED}"),
        "pdf": (encoded(halves(), "PDF"), f"PDF, {SUPPORTED}"),
        "photoshop": (b"8BPS\0\1" + b"\0" * 64, f"a Photoshop file, {SUPPORTED}"),
        "icon": (encoded(halves(32, 32), "ICO"), f"an icon file, {SUPPORTED}"),
        "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\nshowpage\n", SUPPORTED),
        **{f"truncated {name}": (whole[: len(whole) // 2], f"damaged {name.upper()}") for name, whole in cut.items()},
        "png header alone": (png_of_size(30_000, 30_000), "more than the allowed 50000000 pixels"),
        "gif with a huge frame": (_gif(canvas=10, frame=60_000), "more than the allowed 50000000 pixels"),
        "gif with a huge canvas": (_gif(canvas=60_000, frame=10), "more than the allowed 50000000 pixels"),
        "png text bomb": (encoded(halves(), "PNG", pnginfo=bomb), "damaged PNG: Decompressed data too large"),
        "png without pixels": (png_of_size(64, 64), "damaged PNG"),
        "jpeg of nothing but its first bytes": (cut["jpeg"][:20], "damaged JPEG"),
        "one pixel": (encoded(Image.new("RGB", (1, 1)), "GIF"), "at least 8 pixels"),
        "a line": (encoded(Image.new("RGB", (8, 400)), "PNG"), "narrower than 20:1"),
    }  # fmt: skip
    assert set(pictures) == set(REFUSED)
    return pictures


@cache
def shown_pictures() -> dict[str, tuple[bytes, str, tuple[int, int, int]]]:
    """Name -> content, its format and the colour of the pixel at (2, 2)."""
    rotated = Image.Exif()
    rotated[0x0112] = 3
    frames = [Image.new("RGB", (40, 20), colour) for colour in (RED, BLUE)]
    still = encoded(frames[0], "GIF")
    frame = still[still.index(b",") : -1]
    grey = Image.fromarray(np.full((16, 16), 128 * 256, dtype=np.uint16))
    more = {"save_all": True, "append_images": frames[1:]}
    palette = halves().quantize(2)
    clear = bytes(0 if index == palette.getpixel((2, 2)) else 255 for index in range(2))
    damaged = encoded(halves(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 40)
    pictures = {
        "named otherwise": (encoded(halves(), "PNG"), "PNG", RED),
        "cmyk jpeg": (encoded(halves().convert("CMYK"), "JPEG", quality=95), "JPEG", RED),
        "rotated jpeg": (encoded(halves(), "JPEG", exif=rotated, quality=95), "JPEG", BLUE),
        "jpeg with damaged exif": (damaged, "JPEG", RED),
        "jpeg with more behind it": (encoded(frames[0], "MPO", **more), "JPEG", RED),
        "animated gif": (encoded(frames[0], "GIF", **more), "GIF", RED),
        "gif of 100000 frames": (still[:-1] + frame * 100_000 + b";", "GIF", RED),
        "animated webp": (encoded(frames[0], "WEBP", lossless=True, **more), "WEBP", RED),
        "animated png": (encoded(frames[0], "PNG", **more), "PNG", RED),
        "16-bit grey": (encoded(grey, "PNG"), "PNG", (128, 128, 128)),
        "16-bit grey with transparency": (encoded(grey, "PNG", transparency=40_000), "PNG", (128, 128, 128)),
        "palette with transparency": (encoded(palette, "PNG", transparency=clear), "PNG", WHITE),
        "rgb with a transparent colour": (encoded(halves(), "PNG", transparency=RED), "PNG", WHITE),
        "grey with alpha": (encoded(Image.new("LA", (16, 16), (7, 0)), "PNG"), "PNG", WHITE),
        "one bit": (encoded(Image.new("1", (16, 16), 1), "PNG"), "PNG", WHITE),
        "html behind a png": (encoded(halves(), "PNG") + b"<html><script>alert(1)</script>", "PNG", RED),
    }  # fmt: skip
    assert set(pictures) == set(SHOWN)
    return pictures


def png_of_size(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A PNG that says to be so large, whatever its pixels are."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _gif(*, canvas: int, frame: int) -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", canvas, canvas, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return screen + b"," + struct.pack("<HHHHB", 0, 0, frame, frame, 0) + b"\x02\x02\x44\x01\x00;"
