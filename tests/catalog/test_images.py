"""Pictures from outside: what is accepted, how it is turned into RGB, and how the rest is refused."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog import images
from catalog.images import FORMATS, MAX_BYTES, ImageError, format_of, open_image, open_sent_image
from tests.hostile_pictures import REFUSED, SHOWN, encoded, halves, png_of_size, refused_pictures, shown_pictures


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"])
def test_every_supported_format_opens_as_rgb(format: str) -> None:
    image = open_image(encoded(halves(), format))
    assert (image.mode, image.size) == ("RGB", (40, 20))
    assert np.abs(np.asarray(image, dtype=int)[10, 5] - [255, 0, 0]).max() <= 12


def test_a_path_opens_like_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(halves(), "PNG"))
    assert open_image(path).tobytes() == open_image(path.read_bytes()).tobytes() == halves().tobytes()


def test_the_content_decides_and_not_the_extension(tmp_path: Path) -> None:
    path = tmp_path / "really-a-png.jpg"
    path.write_bytes(encoded(halves(), "PNG"))
    assert open_image(path).size == (40, 20)


def test_a_page_named_like_a_picture_is_refused_with_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_text("<!DOCTYPE html><h1>404</h1>")
    with pytest.raises(ImageError) as caught:
        open_image(path, field="images[0]")
    assert caught.value.field == "images[0]"
    assert caught.value.value == str(path)
    assert str(caught.value) == (
        f"images[0]: received {str(path)!r}: HTML, not a picture in JPEG, PNG, WEBP, GIF, BMP, AVIF "
        "(the content starts with '<!DOCTYPE ht')"
    )


def test_exif_rotation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: shown rotated by 90 degrees clockwise
    image = open_image(encoded(halves(), "JPEG", exif=exif, quality=95))
    assert image.size == (20, 40)
    assert np.abs(np.asarray(image, dtype=int)[5, 10] - [255, 0, 0]).max() <= 12
    assert np.abs(np.asarray(image, dtype=int)[35, 10] - [0, 0, 255]).max() <= 12


def test_cmyk_becomes_rgb() -> None:
    image = open_image(encoded(halves().convert("CMYK"), "JPEG", quality=95))
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image, dtype=int)[10, 5] - [255, 0, 0]).max() <= 12


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert open_image(content).getpixel((8, 8)) == (255, 0, 0)


def test_transparency_is_laid_on_white() -> None:
    image = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    image.paste((0, 128, 0, 255), (0, 0, 8, 16))
    opened = open_image(encoded(image, "PNG"))
    assert opened.getpixel((2, 8)) == (0, 128, 0)
    assert opened.getpixel((12, 8)) == (255, 255, 255)


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    grey = Image.fromarray(np.full((16, 16), 128 * 256, dtype=np.uint16))
    assert open_image(encoded(grey, "PNG")).getpixel((8, 8)) == (128, 128, 128)


def test_a_truncated_picture_is_refused() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    for format in ("JPEG", "PNG", "WEBP"):
        content = encoded(noise, format)
        with pytest.raises(ImageError, match=r"damaged|not a picture"):
            open_image(content[: len(content) // 2])


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ImageError, match="more than the allowed 50000000 pixels"):
        open_image(png_of_size(20_000, 12_000))
    with pytest.raises(ImageError, match="9000 x 6000 is more than the allowed 50000000 pixels"):
        open_image(png_of_size(9_000, 6_000))


def test_too_many_bytes_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ImageError, match=f"{MAX_BYTES + 1} bytes are more than the allowed {MAX_BYTES}"):
        open_image(path)
    with pytest.raises(ImageError, match="bytes are more than"):
        open_image(b"\xff" * (MAX_BYTES + 1))


@pytest.mark.parametrize(("size", "reason"), [((1, 1), "at least 8 pixels"), ((8, 400), "narrower than 20:1")])
def test_pictures_of_no_use_are_refused(size: tuple[int, int], reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        open_image(encoded(Image.new("RGB", size), "PNG"))


def test_missing_empty_and_impossible_paths_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    for source, reason in (
        (tmp_path / "none.png", "no such file"),
        (tmp_path, "the path is a folder"),
        (tmp_path / "empty.png", "the file is empty"),
        ("null\0byte.png", "no such file|cannot be read"),
        (b"", "the file is empty"),
    ):
        with pytest.raises(ImageError, match=reason):
            open_image(source)


def test_formats_that_run_programs_or_read_other_files_are_not_even_tried() -> None:
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n"
    with pytest.raises(ImageError, match="not a picture in"):
        open_image(postscript)


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_picture_is_refused_with_what_is_wrong(name: str) -> None:
    content, reason = refused_pictures()[name]
    started = time.perf_counter()
    with pytest.raises(ImageError, match=reason):
        open_image(content, name=name)
    assert time.perf_counter() - started < 2.0


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", SHOWN)
def test_an_unusual_picture_is_shown_as_it_is_meant(name: str) -> None:
    content, format, pixel = shown_pictures()[name]
    started = time.perf_counter()
    image = open_image(content)
    assert (image.mode, format_of(content)) == ("RGB", format)
    assert format in FORMATS
    assert np.abs(np.subtract(image.getpixel((2, 2)), pixel)).max() <= 12
    assert time.perf_counter() - started < 2.0


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_bytes_either_open_or_raise_image_error() -> None:
    rng = random.Random(3)
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (48, 48, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 3
    originals = [
        encoded(noise, "JPEG", exif=exif), encoded(noise, "PNG"), encoded(noise, "WEBP"),
        encoded(noise.quantize(64), "GIF"), encoded(noise, "BMP"), encoded(noise.quantize(16), "PNG"),
        encoded(noise, "AVIF", speed=10),
    ]  # fmt: skip
    refused = 0
    for _ in range(600):
        content = bytearray(rng.choice(originals))
        for _ in range(rng.randint(1, 6)):
            content[rng.randrange(min(len(content), 400))] = rng.randrange(256)
        try:
            assert open_image(bytes(content)).mode == "RGB"
        except ImageError:
            refused += 1
    assert 100 < refused < 600


def test_of_pictures_sent_at_once_one_is_opened_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[str] = []
    most = 0

    def slowly(content: bytes, *, name: str) -> Image.Image:
        nonlocal most
        inside.append(name)
        most = max(most, len(inside))
        time.sleep(0.02)
        inside.remove(name)
        if name == "bad":
            raise ImageError("image", name, "damaged")
        return halves()

    monkeypatch.setattr(images, "open_image", slowly)
    with ThreadPoolExecutor(4) as threads:
        sent = [threads.submit(open_sent_image, b"", name=name) for name in ("bad", "a", "b", "c")]
    assert most == 1
    assert [type(future.exception()) for future in sent] == [ImageError, type(None), type(None), type(None)]
