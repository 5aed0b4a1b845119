"""The shop's products as examples."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import training_examples
from catalog.models import ProductImage
from catalog.training_examples import catalogue_examples
from tests.factories.catalog import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db


def test_a_product_tells_what_it_is_and_what_the_shop_says_of_it() -> None:
    ProductFactory(
        title="Wrap Dress", brand=BrandFactory(name="Acme"), category=CategoryFactory(name="Dresses"), colour="red",
        pattern="floral", material="silk", gender="women", season="",
    )  # fmt: skip
    (example,) = catalogue_examples(on_skip=[])
    assert example.image.size == (24, 32)
    assert example.caption == "red floral silk Dresses for women by Acme, Wrap Dress"
    assert example.attributes == {
        "category": "Dresses", "gender": "women", "colour": "red", "pattern": "floral", "material": "silk",
        "season": "", "brand": "Acme",
    }  # fmt: skip


def test_a_product_without_category_and_brand_tells_what_is_left() -> None:
    ProductFactory(title="Thing", brand=None, category=None, colour="red", pattern="", material="", gender="")
    (example,) = catalogue_examples(on_skip=[])
    assert (example.caption, example.attributes["category"], example.attributes["brand"]) == ("red, Thing", "", "")


def test_pictures_that_do_not_open_are_passed_over_and_told() -> None:
    second, none, all_broken = ProductFactory(pictures=2), ProductFactory(pictures=0), ProductFactory(pictures=1)
    ProductFactory(status="archived")
    draft = ProductFactory(status="draft")
    for image in (second.images.first(), all_broken.images.first()):
        assert isinstance(image, ProductImage)
        Path(image.file.path).write_bytes(b"not a picture")
    skipped: list[str] = []
    examples = list(catalogue_examples(on_skip=skipped))
    assert [example.image.width for example in examples] == [25, 24]  # the second picture, and the draft's
    assert draft.images.count() == 1
    assert skipped[0] == f"{none.public_id}: has no picture"
    assert skipped[1].startswith(f"{all_broken.public_id} image: received 'products/")
    assert len(skipped) == 2


def test_reading_takes_two_queries_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_examples, "_BATCH", 3)
    ProductFactory.create_batch(6)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(list(catalogue_examples(on_skip=[]))) == 6
    assert len(queries) == 2 * 2 + 1  # and one that finds no more
