"""Wherever a picture comes in, what cannot be shown is refused with the same clear reason."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalog.models import ImportIssue, ProductImage
from catalog.pictures import store_picture
from fashionrec.common.models import User
from tests.factories.catalog import ProductFactory
from tests.hostile_pictures import REFUSED, SHOWN, refused_pictures, shown_pictures

pytestmark = pytest.mark.django_db

SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif"}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_import_warns_of_each_with_its_row_and_keeps_the_product(
    kaggle_folder: Callable[..., Path], run_import: Callable[..., dict[str, Any]]
) -> None:
    contents = {name: refused_pictures()[name][0] for name in REFUSED}
    contents |= {name: shown_pictures()[name][0] for name in SHOWN}
    rows = [{"id": str(number), "productDisplayName": name} for number, name in enumerate(contents, start=1)]
    pictures = {str(number): content for number, content in enumerate(contents.values(), start=1)}
    result = run_import(kaggle_folder(rows, pictures), format="kaggle", source="set")
    assert (result["created"], result["images"], result["warnings"]) == (len(contents), len(SHOWN), len(REFUSED))
    for number, name in enumerate(REFUSED, start=1):
        issue = ImportIssue.objects.get(row=number)
        assert (issue.field, issue.value) == ("image", f"images/{number}.jpg")
        assert re.search(refused_pictures()[name][1], issue.reason)
    stored = {image.product.title: image.file.name for image in ProductImage.objects.select_related("product")}
    assert {name: Path(file).suffix for name, file in stored.items()} == {
        name: SUFFIXES[shown_pictures()[name][1]] for name in SHOWN
    }


def test_a_stored_picture_is_named_by_its_content_and_by_nothing_that_it_came_with() -> None:
    content = shown_pictures()["html behind a png"][0]
    picture = store_picture(content, name="../../evil.html")
    assert re.fullmatch(r"products/[0-9a-f]{2}/[0-9a-f]{64}\.png", picture.file)


@pytest.mark.parametrize("name", ["empty", "html", "svg", "tiff", "heic", "truncated jpeg", "png header alone"])
def test_the_admin_says_why_an_upload_is_refused(client: Client, name: str) -> None:
    content, reason = refused_pictures()[name]
    product = ProductFactory(pictures=0, sizes=())
    client.force_login(User.objects.create_superuser("chief"))
    data = {
        "source": product.source, "external_id": product.external_id, "title": product.title, "status": "active",
        "attributes": "{}", "variants-TOTAL_FORMS": 0, "variants-INITIAL_FORMS": 0, "images-TOTAL_FORMS": 1,
        "images-INITIAL_FORMS": 0, "images-0-position": 0,
        "images-0-file": SimpleUploadedFile("photo.jpg", content, "image/jpeg"),
    }  # fmt: skip
    page = client.post(f"/admin/catalog/product/{product.pk}/change/", data)
    assert page.status_code == 200
    (errors,) = [
        form.errors for formset in page.context["inline_admin_formsets"] for form in formset.formset if form.errors
    ]
    expected = "The submitted file is empty." if name == "empty" else reason
    assert re.search(expected, errors["file"][0])
    assert not ProductImage.objects.exists()


@pytest.mark.parametrize("name", ["html", "svg", "tiff", "heic", "truncated jpeg", "png header alone", "one pixel"])
def test_the_search_says_why_a_picture_is_refused(client: Client, name: str) -> None:
    content, reason = refused_pictures()[name]
    answer = client.post("/api/v1/search/", {"image": SimpleUploadedFile("photo.jpg", content, "image/jpeg")})
    assert answer.status_code == 422
    (field,) = answer.json()["error"]["fields"]
    assert (field["field"], field["value"]) == ("image", "photo.jpg")
    assert re.search(reason, field["reason"])
