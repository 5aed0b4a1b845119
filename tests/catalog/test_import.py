"""Importing: every row is counted once, nothing is dropped, and a repetition changes nothing."""

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from catalog.jobs import work_import_run
from catalog.models import Brand, Category, ImportIssue, ImportRun, Product, ProductImage, Variant
from catalog.services.imports import plan_import
from fashionrec.common.errors import Invalid
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import request_cancel
from tests.factories.catalog import png_bytes

pytestmark = pytest.mark.django_db

Run = Callable[..., dict[str, Any]]
Write = Callable[..., Path]

COUNTS = ("read", "created", "updated", "unchanged", "rejected")


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    assert result["read"] == result["created"] + result["updated"] + result["unchanged"] + result["rejected"]
    return tuple(result[name] for name in COUNTS)


def issues() -> list[tuple[int, str, str]]:
    return list(ImportIssue.objects.values_list("row", "severity", "field"))


def shoes(**changes: Any) -> dict[str, Any]:
    return {
        "external_id": "s1",
        "title": "Canvas shoes",
        "brand": "Aster",
        "category": "Women > Shoes",
        "variants": [
            {"sku": "s1-37", "size": "37", "price": "49.00", "currency": "EUR", "stock": 0},
            {"sku": "s1-38", "size": "38", "price": "59.00", "compare_at_price": "79.00", "currency": "EUR"},
        ],
    } | changes


def test_products_variants_brands_and_categories_are_made(run_import: Run, write_jsonl: Write) -> None:
    path = write_jsonl([shoes(), {"external_id": "s2", "title": "Sandals", "category": "Women > Shoes > Sandals"}])
    result = run_import(path, format="jsonl", source="demo")
    assert counts(result) == (2, 2, 0, 0, 0)
    product = Product.objects.get(source="demo", external_id="s1")
    assert (product.price, product.compare_at_price, product.currency, product.in_stock) == (59, 79, "EUR", True)
    assert [variant.sku for variant in product.variants.all()] == ["s1-37", "s1-38"]
    assert product.brand == Brand.objects.get()
    assert list(Category.objects.values_list("path", "slug", "parent__path")) == [
        ("Women", "women", None),
        ("Women > Shoes", "women-shoes", "Women"),
        ("Women > Shoes > Sandals", "women-shoes-sandals", "Women > Shoes"),
    ]
    other = Product.objects.get(external_id="s2")
    assert (other.price, other.in_stock, other.on_request, other.variants.count()) == (None, True, True, 0)


def test_a_repeated_import_writes_nothing(run_import: Run, write_jsonl: Write, django_assert_max_num_queries) -> None:
    path = write_jsonl([shoes(), {"external_id": "s2", "title": "Sandals"}])
    run_import(path, format="jsonl", source="demo")
    before = list(Product.objects.order_by("pk").values()), list(Variant.objects.order_by("pk").values())
    result = run_import(path, format="jsonl", source="demo")
    assert counts(result) == (2, 0, 0, 2, 0)
    assert (list(Product.objects.order_by("pk").values()), list(Variant.objects.order_by("pk").values())) == before
    assert ImportRun.objects.count() == 2


def test_the_content_version_rises_only_with_what_an_encoder_sees(run_import: Run, write_jsonl: Write) -> None:
    def version_after(**changes: Any) -> tuple[int, int]:
        result = run_import(write_jsonl([shoes(**changes)]), format="jsonl", source="demo")
        return result["updated"], Product.objects.get().content_version

    run_import(write_jsonl([shoes()]), format="jsonl", source="demo")
    assert version_after(description="Soft.") == (1, 1)
    assert version_after(description="Soft.", season="summer") == (1, 1)
    assert version_after(variants=[{"sku": "s1-37", "price": "45.00", "currency": "EUR", "stock": 2}]) == (1, 1)
    assert version_after(
        variants=[{"sku": "s1-37", "price": "45.00", "currency": "EUR", "stock": 2}], colour="red"
    ) == (1, 2)
    product = Product.objects.get()
    assert (product.colour, product.price, product.description) == ("red", 45, "")
    assert [variant.sku for variant in product.variants.all()] == ["s1-37"]


def test_a_file_without_prices_leaves_the_variants_alone(run_import: Run, write_jsonl: Write) -> None:
    run_import(write_jsonl([shoes()]), format="jsonl", source="demo")
    path = write_jsonl([{"external_id": "s1", "title": "Canvas shoes", "brand": "Aster", "category": "Women > Shoes"}])
    assert counts(run_import(path, format="jsonl", source="demo")) == (1, 0, 0, 1, 0)
    assert Variant.objects.count() == 2
    assert Product.objects.get().price == 59


def test_bad_rows_become_issues_and_good_ones_products(run_import: Run, tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_bytes(
        b"\xef\xbb\xbfid,name,price,stock,gender,colour\n"
        b"1,Dress,39.90,3,Women, Red\n"  # 1 good
        b"2,,10,1,,\n"  # 2 no title
        b"3,Belt,-5,1,,\n"  # 3 negative price
        b"4,Belt,NaN,1,,\n"  # 4
        b"5,Belt,1e12,1,,\n"  # 5 huge
        b"6,Belt,5,many,,\n"  # 6 bad stock
        b"7,Be\x00lt,5,1,,\n"  # 7 NUL
        b"8,Belt,5\n"  # 8 short
        b'9,"Belt" x,5,1,,\n'  # 9 quoting
        b"10,Caf\xe9,5,1,,\n"  # 10 not utf-8
        b"1,Dress again,39.90,3,,\n"  # 11 duplicate
        b"12," + b"x" * 301 + b",5,1,,\n"  # 12 over-long
        b"13,Kimono,5,1,Martian,\n"  # 13 warning
        b"14,=1+1,5,1,Men,@cmd\n"  # 14 good
    )
    result = run_import(path, format="csv", source="shop")
    assert counts(result) == (14, 3, 0, 0, 11)
    assert (result["issues"], result["warnings"]) == (12, 1)
    assert issues() == [
        (2, "rejected", "title"),
        (3, "rejected", "price"),
        (4, "rejected", "price"),
        (5, "rejected", "price"),
        (6, "rejected", "stock"),
        (7, "rejected", "title"),
        (8, "rejected", "row"),
        (9, "rejected", "row"),
        (10, "rejected", "row"),
        (11, "rejected", "external_id"),
        (12, "rejected", "title"),
        (13, "warning", "gender"),
    ]
    duplicate = ImportIssue.objects.get(row=11)
    assert (duplicate.value, duplicate.reason) == ("1", "already in row 1 of this file")
    assert ImportIssue.objects.get(row=3).value == "-5"
    assert ImportIssue.objects.get(row=7).value == "Be\\x00lt"
    assert ImportIssue.objects.get(row=12).value == "x" * 200 + "…"
    assert list(Product.objects.order_by("pk").values_list("external_id", "title", "gender", "colour")) == [
        ("1", "Dress", "women", "red"),
        ("13", "Kimono", "", ""),
        ("14", "=1+1", "men", "@cmd"),
    ]


def test_a_rejected_row_does_not_take_the_id_of_a_good_one(run_import: Run, write_csv: Write) -> None:
    path = write_csv(("id", "name", "price"), [("1", "Dress", "-1"), ("1", "Dress", "5"), ("1", "Dress", "6")])
    assert counts(run_import(path, format="csv")) == (3, 1, 0, 0, 2)
    assert Product.objects.get().price == 5
    assert ImportIssue.objects.get(row=3).reason == "already in row 2 of this file"


def test_pictures_are_stored_once_and_bad_ones_are_warnings(
    run_import: Run, kaggle_folder: Write, own_storage: Path
) -> None:
    rows = [{"id": str(n), "productDisplayName": f"Dress {n}"} for n in range(1, 6)]
    red, blue = png_bytes("#ff0000"), png_bytes("#0000ff")
    folder = kaggle_folder(rows, {"1": red, "2": red, "3": blue, "4": b"no picture"})
    result = run_import(folder, format="kaggle", source="set")
    assert counts(result) == (5, 5, 0, 0, 0)
    assert (result["images"], result["issues"], result["warnings"]) == (3, 2, 2)
    assert list(ImportIssue.objects.values_list("row", "value")) == [(4, "images/4.jpg"), (5, "images/5.jpg")]
    files = sorted(path for path in (own_storage / "media").rglob("*") if path.is_file())
    assert len(files) == 2
    assert {path.suffix for path in files} == {".png"}
    stamps = [path.stat().st_mtime_ns for path in files]
    image = ProductImage.objects.get(product__external_id="1")
    assert (image.width, image.height, image.size) == (24, 32, len(red))
    assert image.file.open().read() == red

    again = run_import(folder, format="kaggle", source="set")
    assert counts(again) == (5, 0, 0, 5, 0)
    assert again["images"] == 0
    assert [path.stat().st_mtime_ns for path in files] == stamps
    assert set(Product.objects.values_list("content_version", flat=True)) == {1}

    (folder / "images" / "1.jpg").write_bytes(blue)
    changed = run_import(folder, format="kaggle", source="set")
    assert (counts(changed), changed["images"]) == ((5, 0, 1, 4, 0), 1)
    assert Product.objects.get(external_id="1").content_version == 2
    assert ProductImage.objects.get(product__external_id="1").file.open().read() == blue


def test_a_picture_that_became_unreadable_does_not_remove_the_stored_one(run_import: Run, kaggle_folder: Write) -> None:
    rows = [{"id": "1", "productDisplayName": "Dress"}]
    folder = kaggle_folder(rows, {"1": png_bytes()})
    run_import(folder, format="kaggle", source="set")
    (folder / "images" / "1.jpg").write_bytes(b"")
    result = run_import(folder, format="kaggle", source="set")
    assert (counts(result), result["warnings"]) == ((1, 0, 0, 1, 0), 1)
    assert ProductImage.objects.count() == 1


def test_pictures_outside_the_folder_are_not_read(run_import: Run, write_jsonl: Write, tmp_path: Path) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-secret.png"
    secret.write_bytes(png_bytes())
    (tmp_path / "link.png").symlink_to(secret)
    names = [f"../{secret.name}", "link.png", str(secret), "file:///etc/passwd", "a\\b.png"]
    path = write_jsonl([{"external_id": "1", "title": "Dress", "images": names}])
    result = run_import(path, format="jsonl")
    assert (result["created"], result["images"], result["warnings"]) == (1, 0, 5)
    reasons = ImportIssue.objects.filter(reason="lies outside the folder of the catalogue")
    assert sorted(reasons.values_list("value", flat=True)) == sorted(names[:3])


def test_an_upload_is_imported_by_the_worker_and_has_no_pictures(tmp_path: Path) -> None:
    line = json.dumps(shoes(images=["a.png"])).encode()
    run = plan_import(upload=ContentFile(line, name="My Shop.jsonl"), format="jsonl")
    assert (run.source, run.state) == ("my_shop", "queued")
    assert work_import_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.total, run.done, run.created) == ("done", 1, 1, 1)
    assert list(run.issues.values_list("severity", "field", "reason")) == [
        ("warning", "image", "an uploaded file comes without pictures")
    ]
    assert not work_import_run(str(run.pk))


def test_an_open_run_of_the_same_file_is_found_again(write_jsonl: Write) -> None:
    path = write_jsonl([shoes()])
    first = plan_import(path=path, format="jsonl", source="a")
    assert plan_import(path=path, format="jsonl", source="a") == first
    assert plan_import(path=path, format="jsonl", source="b") != first


def test_a_cancelled_import_stops_and_keeps_what_it_has(write_csv: Write) -> None:
    path = write_csv(("id", "name"), [(n, f"Product {n}") for n in range(500)])
    run = plan_import(path=path, format="csv")
    assert work_import_run(str(run.pk), progress=lambda current: request_cancel(run=run))
    run.refresh_from_db()
    assert (run.state, run.read, Product.objects.count()) == ("cancelled", 200, 200)


def test_a_file_that_changed_after_planning_is_not_read(write_csv: Write) -> None:
    path = write_csv(("id", "name"), [("1", "Dress")])
    run = plan_import(path=path, format="csv")
    write_csv(("id", "name"), [("2", "Belt")])
    with pytest.raises(Invalid, match="changed since"):
        work_import_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, Product.objects.count()) == ("failed", 0)
    assert "changed since" in run.error


def test_unusable_input_is_a_command_error_that_names_field_and_value(tmp_path: Path, write_csv: Write) -> None:
    good = write_csv(("id", "name"), [("1", "Dress")])
    picture = tmp_path / "picture.csv"
    picture.write_bytes(png_bytes())
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    cases: list[tuple[Path, dict[str, Any], str]] = [
        (tmp_path / "missing.csv", {"format": "csv"}, "path: no such file or folder .received .*missing.csv"),
        (tmp_path, {"format": "kaggle"}, "the folder has no styles.csv or labels.csv"),
        (good, {"format": "xml"}, "format: expected one of .* .received 'xml'"),
        (good, {"format": "kaggle"}, "columns: not in the file"),
        (good, {"format": "jsonl"}, "file: not JSON lines"),
        (picture, {"format": "csv"}, "file: not a CSV text"),
        (empty, {"format": "csv"}, "file: is empty"),
        (good, {"format": "csv", "source": "My Shop:"}, "source: expected .* .received 'My Shop:'"),
        (good, {"format": "csv", "map": ["title"]}, "mapping: expected FIELD=COLUMN .received 'title'"),
        (good, {"format": "csv", "map": ["title=name", "title=id"]}, "mapping: is given twice"),
        (good, {"format": "csv", "map": ["external_id=nr", "title=name"]}, "mapping.external_id: no such column"),
        (good, {"format": "csv", "encoding": "utf-16"}, "encoding: expected utf-8"),
    ]
    for path, options, message in cases:
        with pytest.raises(CommandError, match=message):
            call_command("import_catalog", str(path), stdout=io.StringIO(), **options)
    assert (ImportRun.objects.count(), Product.objects.count()) == (0, 0)


@pytest.mark.parametrize("seed", range(12))
def test_damaged_files_never_break_the_sum_of_the_counts(tmp_path: Path, run_import: Run, seed: int) -> None:
    generator = random.Random(seed)
    if format_is_csv := seed % 2 == 0:
        rows = [f'{n},"Dress {n}, long",{n}.50,{n},Women' for n in range(60)]
        content = bytearray("\n".join(["id,name,price,stock,gender", *rows]).encode())
    else:
        content = bytearray(
            "\n".join(json.dumps(shoes(external_id=str(n), images=["a.png"])) for n in range(60)).encode()
        )
    for _ in range(40):
        position = generator.randrange(40, len(content))
        noise = generator.choice(
            [b"\x00", b'"', b"\n", b"\xff", b",", b"\r", b"\\ud800", b"-", b"{", b"\\u0000", b"\xe2\x80\xa8"]
        )
        content[position : position + generator.randrange(2)] = noise
    path = tmp_path / "damaged"
    path.write_bytes(bytes(content))
    result = run_import(path, format="csv" if format_is_csv else "jsonl", source="damaged")
    assert result["state"] == "done"
    assert sum(counts(result)[1:]) == result["read"] >= 30
    assert result["created"] == Product.objects.count() > 0
    assert ImportIssue.objects.filter(severity="rejected").values("row").distinct().count() == result["rejected"] > 0


def test_the_number_of_statements_does_not_grow_with_the_rows(
    write_csv: Write, django_assert_num_queries, run_import: Run
) -> None:
    def statements(rows: int) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        table = [(f"{rows}-{n}", f"Dress {n}", f"Brand {n % 7}", f"A > B{n % 5}", n) for n in range(rows)]
        path = write_csv(("id", "name", "brand", "category", "price"), table, name=f"shop{rows}.csv")
        with CaptureQueriesContext(connection) as captured:
            assert run_import(path, format="csv", source="shop")["created"] == rows
        return len(captured)

    statements(20)  # brands and categories are made here
    assert statements(10) == statements(190)


def test_the_import_of_a_file_on_the_machine_and_of_the_same_file_uploaded_are_two(write_csv: Write) -> None:
    path = write_csv(("id", "name"), [("1", "Hat")])
    upload = SimpleUploadedFile(path.name, path.read_bytes())
    with without_ringing():
        runs = [plan_import(format="csv", source="shop", path=path) for _ in range(2)]
        uploads = [plan_import(format="csv", source="shop", upload=upload) for _ in range(2)]
    assert runs[0] == runs[1]
    assert uploads[0] == uploads[1]
    assert ImportRun.objects.count() == 2
