"""Exports of other shops, from the file to products and issues."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog import jobs
from catalog.formats import gathering
from catalog.jobs import work_import_run
from catalog.models import ImportIssue, ImportRun, Product, Variant
from catalog.services.imports import plan_import
from fashionrec.common.errors import Invalid

pytestmark = pytest.mark.django_db

Run = Callable[..., dict[str, Any]]
Write = Callable[..., Path]

SHOPIFY = ("Handle", "Title", "Option1 Name", "Option1 Value", "Variant SKU", "Variant Price")
SHIRT = [
    ("shirt", "Shirt", "Size", "S", "s-1", "20"),
    ("shirt", "", "", "M", "s-2", "20"),
    ("belt", "Belt", "Title", "Default Title", "b-1", "9"),
    ("shirt", "", "", "L", "s-2", "20"),
]


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    return tuple(result[name] for name in ("read", "created", "updated", "unchanged", "rejected", "issues"))


def issues() -> list[tuple[int, str, str, str]]:
    return list(ImportIssue.objects.values_list("row", "severity", "field", "value"))


def test_rows_of_a_product_are_one_of_the_import_and_its_warnings_name_their_own_rows(
    run_import: Run, write_csv: Write
) -> None:
    path = write_csv(SHOPIFY, SHIRT)
    result = run_import(path, format="shopify", source="shop", map=["currency=EUR"])
    assert counts(result) == (2, 2, 0, 0, 0, 1)
    assert issues() == [(4, "warning", "sku", "s-2")]
    variants = Variant.objects.filter(product__external_id="shirt")
    assert list(variants.values_list("sku", "size", "price", "currency")) == [
        ("s-1", "S", 20, "EUR"),
        ("s-2", "M", 20, "EUR"),
        ("shirt-l", "L", 20, "EUR"),
    ]
    run = ImportRun.objects.get()
    assert (run.total, run.done) == (4, 4)
    before = list(Product.objects.order_by("pk").values()), list(Variant.objects.order_by("pk").values())
    assert counts(run_import(path, format="shopify", source="shop", map=["currency=EUR"])) == (2, 0, 0, 2, 0, 1)
    assert (list(Product.objects.order_by("pk").values()), list(Variant.objects.order_by("pk").values())) == before


def test_a_bad_field_is_an_issue_of_the_row_that_has_it(run_import: Run, write_csv: Write) -> None:
    rows = [*SHIRT[:1], ("shirt", "", "", "M", "s-2", "-3"), SHIRT[2], ("lost", "", "", "M", "", "1"), ("x", "y")]
    result = run_import(write_csv(SHOPIFY, rows), format="shopify", source="shop")
    assert counts(result) == (4, 1, 0, 0, 3, 3)
    assert issues() == [
        (2, "rejected", "variants[1].price", "-3"),
        (4, "rejected", "Handle", "lost"),
        (5, "rejected", "row", "x,y"),
    ]
    assert Product.objects.get().external_id == "belt"


def test_an_interrupted_import_of_grouped_rows_repeats_and_loses_none(
    write_csv: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "IMPORT_BATCH", 2)
    rows = [
        (f"p{n}", f"Product {n}" if size == "S" else "", "Size", size, "", "5") for n in range(7) for size in ("S", "M")
    ]
    rows.insert(3, ("lost", "", "", "S", "", "5"))
    run = plan_import(path=write_csv(SHOPIFY, rows), format="shopify", source="shop")

    def stop(current: ImportRun) -> None:
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            work_import_run(str(run.pk), progress=stop)
    run.refresh_from_db()
    assert (run.read, run.done, Product.objects.count()) == (4, 6, 3)
    work_import_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.read, run.created, run.rejected, run.done, run.total) == ("done", 8, 7, 1, 15, 15)
    assert (Product.objects.count(), Variant.objects.count(), ImportIssue.objects.count()) == (7, 14, 1)


def test_a_feed_in_xml_is_imported_and_one_that_breaks_off_stores_nothing(
    run_import: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = "<item><id>{0}</id><title>Hat {0}</title><price>20.00 EUR</price><item_group_id>H</item_group_id></item>"
    feed = "<rss><channel>" + item.format(1) + item.format(2) + "{}</channel></rss>"
    path = tmp_path / "feed.xml"
    path.write_text(feed.format(""))
    assert counts(run_import(path, format="google")) == (1, 1, 0, 0, 0, 0)
    product = Product.objects.get()
    assert (product.public_id, product.price, product.currency, product.variants.count()) == ("feed:H", 20, "EUR", 2)
    path.write_text(feed.format("<item><id>3</id><title>Cap</title></item><item>"))
    with pytest.raises(Invalid, match="not well-formed XML"):
        plan_import(path=path, format="google")
    monkeypatch.setattr(gathering, "OPEN_PRODUCTS", 1)  # as if the end were too far away to be seen when planning
    run = plan_import(path=path, format="google")
    with pytest.raises(Invalid, match="not well-formed XML"):
        work_import_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, Product.objects.count()) == ("failed", 1)
    assert "mismatched tag" in run.error


def test_articles_of_hm_come_with_their_pictures_folder(run_import: Run, write_csv: Write, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    header = ("article_id", "product_code", "prod_name", "product_type_name", "colour_group_name")
    write_csv(header, [("0108775015", "0108775", "Strap top", "Vest top", "Black")], name="articles.csv")
    result = run_import(tmp_path, format="hm", source="hm")
    assert counts(result) == (1, 1, 0, 0, 0, 1)
    assert issues() == [(1, "warning", "image", "images/010/0108775015.jpg")]
    product = Product.objects.get(source="hm", external_id="0108775015")
    assert (product.colour, product.attributes) == ("black", {"product_code": "0108775"})
