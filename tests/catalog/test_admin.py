"""The catalogue in admin, over HTTP."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from catalog.jobs import work_import_run
from catalog.models import Category, ImportIssue, ImportRun, Product, ProductImage
from fashionrec.common.models import User
from tests.factories.catalog import ProductFactory, png_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def merchandiser(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("merchandiser", password="secret"))
    return client


def form_of(product: Product, **changes: Any) -> dict[str, Any]:
    """The change form as a browser would send it back."""
    stored = product.pk is not None
    variants, images = (list(product.variants.all()), list(product.images.all())) if stored else ([], [])
    data: dict[str, Any] = {
        "title": product.title,
        "description": product.description,
        "brand": product.brand_id or "",
        "category": product.category_id or "",
        "status": product.status,
        "gender": product.gender,
        "colour": product.colour,
        "material": product.material,
        "pattern": product.pattern,
        "season": product.season,
        "attributes": "{}",
        "variants-TOTAL_FORMS": len(variants),
        "variants-INITIAL_FORMS": len(variants),
        "images-TOTAL_FORMS": len(images),
        "images-INITIAL_FORMS": len(images),
    }
    for number, variant in enumerate(variants):
        for name in ("id", "sku", "size", "colour", "price", "currency", "stock", "position"):
            data[f"variants-{number}-{name}"] = getattr(variant, name)
        data[f"variants-{number}-product"] = product.pk
    for number, image in enumerate(images):
        data |= {f"images-{number}-id": image.pk, f"images-{number}-product": product.pk}
        data |= {f"images-{number}-alt": image.alt, f"images-{number}-position": image.position}
    return data | changes


def change(client: Client, product: Product, **changes: Any) -> list[str]:
    """Send the change form; returns the errors shown, [] when it was accepted."""
    response = client.post(reverse("admin:catalog_product_change", args=[product.pk]), form_of(product, **changes))
    if response.status_code == 302:
        product.refresh_from_db()
        return []
    context = response.context
    errors = [error for messages in context["adminform"].form.errors.values() for error in messages]
    for formset in context["inline_admin_formsets"]:
        for form in formset.formset.forms:
            errors += [error for messages in form.errors.values() for error in messages]
    assert errors
    return errors


def test_the_list_shows_thumbnails_in_a_constant_number_of_queries(
    merchandiser: Client, django_assert_num_queries: Any
) -> None:
    product = ProductFactory()
    address = reverse("admin:catalog_product_changelist")
    page = merchandiser.get(address).content.decode()
    assert f'<img src="{product.images.get().file.url}" width="48" height="64" alt="" loading="lazy">' in page
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as before:
        merchandiser.get(address)
    for _ in range(10):
        ProductFactory()
    with django_assert_num_queries(len(before)):
        merchandiser.get(address)


def test_changing_what_an_encoder_sees_raises_the_content_version(merchandiser: Client) -> None:
    product = ProductFactory(colour="red")
    assert change(merchandiser, product) == []
    assert product.content_version == 1
    assert change(merchandiser, product, description="Softer.") == []
    assert product.content_version == 1
    assert change(merchandiser, product, colour=" Navy  Blue") == []
    assert (product.colour, product.content_version) == ("navy blue", 2)


def test_changing_a_variant_refreshes_the_offer(merchandiser: Client) -> None:
    product = ProductFactory()
    assert change(merchandiser, product, **{"variants-0-price": "12.50", "variants-0-stock": "0"}) == []
    assert (product.price, product.in_stock, product.content_version) == (12.5, False, 1)


def test_a_refused_change_names_the_field_and_changes_nothing(merchandiser: Client) -> None:
    product = ProductFactory()
    before = Product.objects.values().get()
    assert change(merchandiser, product, season="monsoon") == [
        "unknown, left blank; known are spring, summer, autumn, winter"
    ]
    assert change(merchandiser, product, attributes='{"fit": {}}') == ["expected text, received dict"]
    assert change(merchandiser, product, **{"variants-0-price": "-1"}) != []
    assert Product.objects.values().get() == before


def test_a_new_picture_is_checked_stored_and_makes_the_vectors_dirty(merchandiser: Client) -> None:
    product = ProductFactory(pictures=0)
    content = png_bytes("#00ff00", (30, 40))

    def upload(content: bytes) -> list[str]:
        file = SimpleUploadedFile("new.png", content, "image/png")
        fields = {"images-TOTAL_FORMS": product.images.count() + 1, "images-INITIAL_FORMS": product.images.count()}
        number = product.images.count()
        return change(
            merchandiser, product, **fields, **{f"images-{number}-file": file, f"images-{number}-position": 0}
        )

    assert upload(content) == []
    image = ProductImage.objects.get()
    assert (image.width, image.height, image.size, product.content_version) == (30, 40, len(content), 2)
    assert image.file.name.startswith(f"products/{image.sha256[:2]}/")
    assert image.file.open().read() == content
    assert upload(content) == ["this product already has this picture"]
    assert len(upload(content[:60])) == 1
    assert (ProductImage.objects.count(), product.content_version) == (1, 2)


def test_a_product_is_added_with_variants_and_never_overwrites_another(merchandiser: Client) -> None:
    other = ProductFactory(source="shop", external_id="1")
    variant = {"sku": "new-1", "price": "5.00", "currency": "EUR", "position": 0}
    fields = form_of(Product(title="Hand made", status="active"), source="shop", external_id="new")
    fields |= {"variants-TOTAL_FORMS": 1} | {f"variants-0-{name}": value for name, value in variant.items()}
    address = reverse("admin:catalog_product_add")
    assert merchandiser.post(address, fields).status_code == 302
    product = Product.objects.get(external_id="new")
    assert (product.price, product.in_stock, product.content_version) == (5, True, 1)
    assert merchandiser.post(address, fields | {"external_id": "1"}).status_code == 200
    assert merchandiser.post(address, fields | {"external_id": "2", "source": "No Such"}).status_code == 200
    other.refresh_from_db()
    assert (Product.objects.count(), other.title) == (2, other.title)
    assert other.title != "Hand made"


def test_products_are_archived_and_activated_but_never_deleted(merchandiser: Client) -> None:
    products = [ProductFactory(), ProductFactory()]
    address = reverse("admin:catalog_product_changelist")
    selected = {"_selected_action": [product.pk for product in products]}
    merchandiser.post(address, {"action": "archive", **selected})
    assert Product.objects.visible().count() == 0
    merchandiser.post(address, {"action": "activate", **selected})
    assert Product.objects.visible().count() == 2
    assert merchandiser.post(reverse("admin:catalog_product_delete", args=[products[0].pk])).status_code == 403
    assert "delete_selected" not in merchandiser.get(address).content.decode()


def test_renaming_a_category_in_admin_moves_its_path(merchandiser: Client) -> None:
    product = ProductFactory()
    category = product.category
    address = reverse("admin:catalog_category_change", args=[category.pk])
    assert merchandiser.post(address, {"name": "Gowns", "parent": "", "slug": category.slug}).status_code == 302
    assert Category.objects.get().path == "Gowns"
    product.refresh_from_db()
    assert product.content_version == 2
    response = merchandiser.post(address, {"name": "A > B", "parent": "", "slug": category.slug})
    assert "must not contain" in response.content.decode()
    assert (
        merchandiser.post(reverse("admin:catalog_category_add"), {"name": "Hats", "parent": "", "slug": ""}).status_code
        == 302
    )
    assert Category.objects.get(path="Hats").slug == "hats"


def upload_catalogue(client: Client, content: bytes, **fields: str) -> Any:
    data = {"format": "csv", "source": "shop", "mapping": "", "encoding": "utf-8"} | fields
    file = SimpleUploadedFile("shop.csv", content, "text/csv")
    return client.post(reverse("admin:catalog_importrun_upload"), data | {"file": file})


def test_an_uploaded_catalogue_is_queued_read_and_shown_with_its_issues(merchandiser: Client) -> None:
    listing = reverse("admin:catalog_importrun_changelist")
    assert reverse("admin:catalog_importrun_upload") in merchandiser.get(listing).content.decode()
    assert "Import a catalogue" in merchandiser.get(reverse("admin:catalog_importrun_upload")).content.decode()
    response = upload_catalogue(merchandiser, b"nr,name\n1,Dress\n2,\n", mapping="external_id=nr\n\ntitle = name\n")
    assert (response.status_code, response["Location"]) == (302, listing)
    run = ImportRun.objects.get()
    assert (run.state, run.source, run.mapping) == ("queued", "shop", {"external_id": "nr", "title": "name"})
    assert work_import_run(str(run.pk))
    page = merchandiser.get(listing).content.decode()
    assert '<progress value="2" max="2"></progress> 2 of 2' in page
    issues = f"{reverse('admin:catalog_importissue_changelist')}?run__id__exact={run.pk}"
    assert f'<a href="{issues}">1 issue</a>' in page
    assert "is missing" in merchandiser.get(issues).content.decode()
    assert merchandiser.get(reverse("admin:catalog_importrun_change", args=[run.pk])).status_code == 200


@pytest.mark.parametrize(
    ("content", "fields", "field", "message"),
    [
        (b"nr,name\n1,Dress\n", {}, "mapping", "no column is mapped to it"),
        (b"\x89PNG\x00", {}, "file", "not a CSV text"),
        (b"id,name\n", {"source": "No!"}, "source", "expected 1 to 40"),
        (b"id,name\n", {"mapping": "title"}, "mapping", "expected FIELD=COLUMN"),
        (b"id,name\n", {"encoding": "utf-16"}, "encoding", "expected utf-8"),
        (b"id,name\n", {"format": "xml"}, "format", "not one of the available choices"),
    ],
)
def test_an_upload_that_cannot_be_read_is_refused_at_its_field(
    merchandiser: Client, content: bytes, fields: dict[str, str], field: str, message: str
) -> None:
    response = upload_catalogue(merchandiser, content, **fields)
    assert response.status_code == 200
    assert message in str(response.context["form"].errors[field])
    assert ImportRun.objects.count() == 0


def test_a_queued_import_can_be_cancelled(merchandiser: Client) -> None:
    upload_catalogue(merchandiser, b"id,name\n1,Dress\n")
    run = ImportRun.objects.get()
    listing = reverse("admin:catalog_importrun_changelist")
    merchandiser.post(listing, {"action": "cancel", "_selected_action": [run.pk]})
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert not work_import_run(str(run.pk))
    assert Product.objects.count() == 0


def test_staff_without_rights_can_neither_see_nor_upload(client: Client) -> None:
    client.force_login(User.objects.create_user("visitor", password="secret", is_staff=True))
    assert client.get(reverse("admin:catalog_product_changelist")).status_code == 403
    assert client.get(reverse("admin:catalog_importrun_changelist")).status_code == 403
    assert upload_catalogue(client, b"id,name\n1,Dress\n").status_code == 403
    assert (ImportRun.objects.count(), ImportIssue.objects.count()) == (0, 0)


def test_records_of_encoders_and_runs_open_and_cannot_be_edited(merchandiser: Client) -> None:
    for name in ("encoder", "embeddingrun", "importissue", "brand", "category"):
        assert merchandiser.get(reverse(f"admin:catalog_{name}_changelist")).status_code == 200
    for name in ("encoder", "embeddingrun", "importissue", "importrun"):
        assert merchandiser.get(reverse(f"admin:catalog_{name}_add")).status_code == 403
