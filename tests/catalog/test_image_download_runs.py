"""Pictures that a catalogue names by address: fetched after the import, once, and every failure said to be one."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.test import Client

from catalog import download_jobs
from catalog.download_jobs import work_image_download_run
from catalog.jobs import work_import_run
from catalog.models import ImageDownloadChunk, ImageDownloadRun, ImportIssue, ImportRun, Product, ProductImage
from catalog.services import image_downloads
from catalog.services.imports import plan_import
from fashionrec.common.models import User
from fashionrec.common.runs import request_cancel
from tests.factories.catalog import png_bytes
from tests.picture_server import PictureServer, picture, status

pytestmark = pytest.mark.django_db

Write = Callable[..., Path]

RED, BLUE, GREEN = (png_bytes(colour) for colour in ("#ff0000", "#0000ff", "#00ff00"))


@pytest.fixture
def server(settings) -> Iterator[PictureServer]:
    answers = {"/red.png": picture(RED), "/blue.png": picture(BLUE), "/green.png": picture(GREEN)}
    with PictureServer(answers) as server:
        settings.FASHIONREC = {**settings.FASHIONREC, "IMAGE_HOSTS_ALLOWED": [server.host]}
        yield server


@pytest.fixture
def import_products(write_jsonl: Write) -> Callable[..., ImportRun]:
    """`import_products({"1": [address, …]})`: an import of products with these pictures, not yet downloaded."""

    def run(pictures: dict[str, list[Any]]) -> ImportRun:
        path = write_jsonl([{"external_id": key, "title": "Hat", "images": images} for key, images in pictures.items()])
        planned = plan_import(path=path, format="jsonl", source="shop")
        assert work_import_run(str(planned.pk))
        planned.refresh_from_db()
        return planned

    return run


def download(run: ImportRun) -> ImageDownloadRun:
    work_image_download_run(str(run.downloads.get().pk))
    return run.downloads.get()


def shown(external_id: str = "1") -> list[tuple[int, bytes]]:
    images = ProductImage.objects.filter(product__external_id=external_id)
    return [(image.position, image.file.open().read()) for image in images]


def test_pictures_are_fetched_after_the_import_and_a_repetition_fetches_nothing(
    server: PictureServer, import_products: Callable[..., ImportRun]
) -> None:
    listed = [{"src": f"{server.url}/red.png", "alt": "From the front"}, f"{server.url}/blue.png"]
    run = import_products({"1": listed, "2": [f"{server.url}/red.png"]})
    assert (run.state, run.created, run.images, server.paths) == ("done", 2, 0, [])
    fetched = download(run)
    run.refresh_from_db()
    assert (fetched.state, fetched.total, fetched.done, run.images) == ("done", 3, 3, 3)
    assert shown() == [(0, RED), (1, BLUE)]
    assert list(ProductImage.objects.values_list("alt", flat=True).order_by("pk")) == ["From the front", "", ""]
    assert sorted(server.paths) == ["/blue.png", "/red.png"]
    assert set(Product.objects.values_list("content_version", flat=True)) == {2}

    before = list(Product.objects.order_by("pk").values()), list(ProductImage.objects.order_by("pk").values())
    again = import_products({"1": listed, "2": [f"{server.url}/red.png"]})
    assert (again.unchanged, again.images, again.downloads.count(), len(server.paths)) == (2, 0, 0, 2)
    assert (list(Product.objects.order_by("pk").values()), list(ProductImage.objects.order_by("pk").values())) == before


def test_a_changed_list_fetches_what_is_new_and_drops_what_is_no_longer_listed(
    server: PictureServer, import_products: Callable[..., ImportRun]
) -> None:
    red, blue, green = (f"{server.url}/{name}.png" for name in ("red", "blue", "green"))
    download(import_products({"1": [red, blue]}))
    changed = import_products({"1": [green, blue]})
    assert shown() == [(0, RED), (1, BLUE)]  # nothing is lost before the new picture is here
    download(changed)
    assert shown() == [(0, GREEN), (1, BLUE)]
    assert server.paths.count("/blue.png") == 1


def test_what_cannot_be_fetched_or_opened_is_a_warning_of_its_row_and_removes_nothing(
    server: PictureServer, import_products: Callable[..., ImportRun]
) -> None:
    server.answers |= {
        "/svg": picture(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml"),
        "/cut.png": picture(RED[: len(RED) // 2]),
        "/page.jpg": picture(b"<html>", "text/html"),
    }
    download(import_products({"1": [f"{server.url}/red.png"]}))
    names = ["gone", "svg", "cut.png", "page.jpg"]
    run = import_products({"0": [], "1": [*(f"{server.url}/{name}" for name in names), f"{server.url}/blue.png"]})
    fetched = download(run)
    assert (fetched.state, fetched.done, fetched.total) == ("done", 5, 5)
    found = {issue.value.rpartition("/")[2]: issue for issue in ImportIssue.objects.all()}
    assert {(issue.run, issue.row, issue.severity, issue.field) for issue in found.values()} == {
        (run, 2, "warning", "images")
    }
    assert found["gone"].reason == "the server answered 404"
    assert "SVG" in found["svg"].reason
    assert found["cut.png"].reason.startswith("damaged PNG")
    assert found["page.jpg"].reason == "the server sent text/html, not a picture"
    assert {content for _, content in shown()} == {RED, BLUE}
    server.answers["/gone"] = picture(GREEN)
    again = import_products({"1": [f"{server.url}/gone", f"{server.url}/blue.png"]})
    download(again)
    assert shown() == [(0, GREEN), (1, BLUE)]


def test_addresses_that_are_not_fetched_are_warnings_of_the_import(
    server: PictureServer, import_products: Callable[..., ImportRun]
) -> None:
    run = import_products({"1": ["http://127.0.0.1:1/a.png", "ftp://shop.example/a.png", "https://u:p@shop.example/"]})
    assert run.downloads.count() == 0
    assert list(run.issues.values_list("field", "value", "reason")) == [
        ("images[0]", "http://127.0.0.1:1/a.png", "port 1: only 80 and 443 are used"),
        ("images[1]", "ftp://shop.example/a.png", "only http and https addresses are fetched"),
        ("images[2]", "https://u:p@shop.example/", "has a user name or password in it"),
    ]


def test_files_and_addresses_keep_their_order(
    server: PictureServer, import_products: Callable[..., ImportRun], tmp_path: Path
) -> None:
    (tmp_path / "blue.png").write_bytes(BLUE)
    run = import_products({"1": [f"{server.url}/red.png", "blue.png", f"{server.url}/green.png"]})
    assert shown() == [(0, BLUE)]
    download(run)
    assert shown() == [(0, RED), (1, BLUE), (2, GREEN)]
    run.refresh_from_db()
    assert run.images == 3


def test_an_uploaded_file_brings_its_pictures_by_address(server: PictureServer) -> None:
    line = json.dumps({"external_id": "1", "title": "Hat", "images": [f"{server.url}/red.png"]}).encode()
    run = plan_import(upload=ContentFile(line, name="shop.jsonl"), format="jsonl", source="shop")
    work_import_run(str(run.pk))
    download(run)
    assert shown() == [(0, RED)]


def test_a_download_waits_for_its_import(server: PictureServer, import_products: Callable[..., ImportRun]) -> None:
    run = import_products({"1": [f"{server.url}/red.png"]})
    ImportRun.objects.update(state="running")
    fetched = run.downloads.get()
    assert not work_image_download_run(str(fetched.pk))
    fetched.refresh_from_db()
    assert (fetched.state, server.paths) == ("queued", [])


def test_an_interrupted_download_goes_on_without_repeating_finished_chunks(
    server: PictureServer, import_products: Callable[..., ImportRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_downloads, "CHUNK_PICTURES", 1)
    names = [f"/{n}.png" for n in range(4)]
    server.answers |= {name: picture(png_bytes(f"#0000f{n}")) for n, name in enumerate(names)}
    run = import_products({str(n): [f"{server.url}{name}"] for n, name in enumerate(names)})
    store = download_jobs.store_downloads

    def killed(*, chunk: ImageDownloadChunk, **given: Any) -> None:
        if chunk.index == 2:
            raise KeyboardInterrupt
        store(chunk=chunk, **given)

    monkeypatch.setattr(download_jobs, "store_downloads", killed)
    with pytest.raises(KeyboardInterrupt):
        download(run)
    assert run.downloads.get().done == 2
    monkeypatch.setattr(download_jobs, "store_downloads", store)
    fetched = download(run)
    assert (fetched.state, fetched.done, ProductImage.objects.count()) == ("done", 4, 4)
    assert server.paths == [*names[:3], names[2], names[3]]


def test_a_cancelled_download_stops_and_keeps_what_it_has(
    server: PictureServer, import_products: Callable[..., ImportRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_downloads, "CHUNK_PICTURES", 1)
    run = import_products({"1": [f"{server.url}/red.png"], "2": [f"{server.url}/blue.png"]})
    fetched = run.downloads.get()
    work_image_download_run(str(fetched.pk), progress=lambda current: request_cancel(run=current))
    fetched.refresh_from_db()
    assert (fetched.state, fetched.done, server.paths) == ("cancelled", 1, ["/red.png"])
    assert (shown("1"), shown("2")) == ([(0, RED)], [])


def test_pictures_that_a_later_import_replaced_are_not_fetched_any_more(
    server: PictureServer, import_products: Callable[..., ImportRun]
) -> None:
    first = import_products({"1": [f"{server.url}/red.png"], "2": [f"{server.url}/blue.png"]})
    second = import_products({"1": [f"{server.url}/green.png"]})
    download(second)
    assert download(first).state == "done"
    assert (shown("1"), shown("2")) == ([(0, GREEN)], [(0, BLUE)])
    assert "/red.png" not in server.paths


def test_pictures_that_a_later_import_took_from_the_shelf_are_not_overwritten(
    server: PictureServer, import_products: Callable[..., ImportRun]
) -> None:
    download(import_products({"1": [f"{server.url}/red.png"]}))
    changed = import_products({"1": [f"{server.url}/blue.png"]})
    back = import_products({"1": [f"{server.url}/red.png"]})  # known: nothing is to be fetched
    assert (download(changed).state, shown()) == ("done", [(0, RED)])
    assert (download(back).state, back.downloads.get().total, shown()) == ("done", 0, [(0, RED)])
    assert "/blue.png" not in server.paths


def test_an_import_that_comes_while_pictures_are_fetched_wins(
    server: PictureServer, import_products: Callable[..., ImportRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = import_products({"1": [f"{server.url}/red.png"]})
    store = download_jobs.store_downloads

    def overtaken(**given: Any) -> None:
        monkeypatch.setattr(download_jobs, "store_downloads", store)
        download(import_products({"1": [f"{server.url}/green.png"]}))
        store(**given)

    monkeypatch.setattr(download_jobs, "store_downloads", overtaken)
    assert download(first).state == "done"
    assert shown() == [(0, GREEN)]


def test_a_chunk_that_fails_takes_no_other_with_it(
    server: PictureServer, import_products: Callable[..., ImportRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_downloads, "CHUNK_PICTURES", 1)
    run = import_products({"1": [f"{server.url}/red.png"], "2": [f"{server.url}/blue.png"]})
    store = download_jobs.store_picture

    def full(content: bytes, *, name: str) -> Any:
        if content == RED:
            raise OSError("no space left on device")
        return store(content, name=name)

    monkeypatch.setattr(download_jobs, "store_picture", full)
    fetched = download(run)
    assert (fetched.state, fetched.error) == (
        "failed", "1 of 2 chunks failed; first: OSError: no space left on device",
    )  # fmt: skip
    assert (shown("1"), shown("2"), run.issues.count()) == ([], [(0, BLUE)], 0)


def test_the_command_fetches_pictures_when_asked(server: PictureServer, write_csv: Write) -> None:
    header = ("Handle", "Title", "Option1 Name", "Option1 Value", "Variant Price", "Image Src", "Image Alt Text")
    rows = [
        ("hat", "Hat", "Size", "S", "10", f"{server.url}/red.png", "Red hat"),
        ("hat", "", "", "M", "10", f"{server.url}/gone.png", ""),
        ("belt", "Belt", "Title", "Default Title", "5", f"{server.url}/blue.png", ""),
    ]
    path = write_csv(header, rows)

    def imported() -> dict[str, Any]:
        out = io.StringIO()
        options = {"format": "shopify", "source": "shop", "map": ["currency=EUR"], "download": True}
        call_command("import_catalog", str(path), stdout=out, **options)
        return json.loads(out.getvalue().splitlines()[-1])

    result = imported()
    assert {name: result[name] for name in ("read", "created", "rejected", "images", "warnings")} == {
        "read": 2, "created": 2, "rejected": 0, "images": 2, "warnings": 1,
    }  # fmt: skip
    assert ImportIssue.objects.values_list("row", "value").get() == (2, f"{server.url}/gone.png")
    product = Product.objects.get(external_id="hat")
    assert (product.currency, product.images.get().alt, product.variants.count()) == ("EUR", "Red hat", 2)
    again = imported()
    assert (again["unchanged"], again["images"], again["warnings"]) == (2, 0, 1)
    assert (server.paths.count("/red.png"), server.paths.count("/gone.png")) == (1, 2)


def test_the_admin_shows_downloads_beside_their_import(
    server: PictureServer, import_products: Callable[..., ImportRun], client: Client
) -> None:
    server.answers["/ill"] = status(404)
    run = import_products({"1": [f"{server.url}/red.png", f"{server.url}/ill"]})
    fetched = download(run)
    client.force_login(User.objects.create_superuser("chief"))
    assert "2 of 2, done" in client.get("/admin/catalog/importrun/").content.decode()
    page = client.get(f"/admin/catalog/imagedownloadrun/{fetched.pk}/change/").content.decode()
    assert '<progress value="2" max="2">' in page
    assert client.get("/admin/catalog/imagedownloadrun/").status_code == 200
    form = client.get("/admin/catalog/importrun/upload/").content.decode()
    for name in ("hm", "shopify", "google"):
        assert f'<option value="{name}">' in form
