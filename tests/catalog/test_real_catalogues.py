"""Real catalogues with their real defects; skipped where they are not at hand."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from catalog.models import Brand, ImportIssue, Product, ProductImage, Variant

DATA = Path(settings.BASE_DIR).parent / "shared" / "data"
PHOTOS = DATA / "photos_catalog"
MYNTRA = DATA / "catalog" / "myntra_products_dev.csv"

pytestmark = pytest.mark.django_db

Run = Callable[..., dict[str, Any]]


@pytest.mark.skipif(not MYNTRA.is_file(), reason="the shop's export is not here")
def test_every_row_of_a_shops_export_arrives(run_import: Run) -> None:
    columns = {
        "external_id": "ProductID",
        "title": "ProductName",
        "brand": "ProductBrand",
        "gender": "Gender",
        "price": "Price (INR)",
        "description": "Description",
        "colour": "PrimaryColor",
    }
    mapping = [f"{field}={column}" for field, column in columns.items()]
    result = run_import(MYNTRA, format="csv", source="shop", map=mapping)
    assert {name: result[name] for name in ("read", "created", "updated", "unchanged", "rejected", "issues")} == {
        "read": 3212,
        "created": 3212,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
        "issues": 0,
    }
    assert Product.objects.filter(colour="").count() == 225
    assert set(Product.objects.values_list("gender", flat=True)) == {"women", "men", "unisex", "boys", "girls"}
    assert Product.objects.filter(colour="black").count() == 434
    assert Product.objects.values("title").distinct().count() == 3035
    suit = Product.objects.get(external_id="10015921")
    assert suit.description.startswith("Blue self-design bandhgala suit. Blue self-design bandhgala blazer, has")
    assert (suit.price, suit.currency, suit.in_stock) == (5599, "INR", True)
    assert Variant.objects.count() == 3212
    again = run_import(MYNTRA, format="csv", source="shop", map=mapping)
    assert (again["unchanged"], again["issues"]) == (3212, 0)


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="the photographed catalogue is not here")
def test_a_photographed_catalogue_arrives_with_its_pictures(run_import: Run, tmp_path: Path) -> None:
    # All 2,049 rows, and pictures for 40 of them: the others are missing, and said to be.
    (tmp_path / "images").mkdir()
    shutil.copy(PHOTOS / "labels.csv", tmp_path)
    for picture in sorted((PHOTOS / "images").iterdir())[:40]:
        shutil.copy(picture, tmp_path / "images")
    result = run_import(tmp_path, format="myntra", source="photos")
    assert (result["read"], result["created"], result["rejected"], result["images"]) == (2049, 2049, 0, 40)
    assert (result["issues"], result["warnings"]) == (2009, 2009)
    assert set(ImportIssue.objects.values_list("field", flat=True)) == {"image"}
    assert ProductImage.objects.count() == 40
    assert Brand.objects.get(name="Puma").products.count() == 129
    assert Product.objects.filter(brand=None).count() == 79
    assert Product.objects.filter(category__path="Apparel > Topwear > Tshirts").count() == 343
    assert Product.objects.filter(season="autumn").count() == 1298
    assert Product.objects.filter(price=None, in_stock=True).count() == 2049
