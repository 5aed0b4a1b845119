"""What a text tower is shown of a product, whole and with one value taken away."""

import pytest

from catalog.product_captions import caption_of
from tests.factories.catalog import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("without", "caption"),
    [
        ("", "red floral silk Dresses for women by Acme, Summer"),
        ("category", "red floral silk for women by Acme, Summer"),
        ("colour", "floral silk Dresses for women by Acme, Summer"),
        ("pattern", "red silk Dresses for women by Acme, Summer"),
    ],
)
def test_one_value_can_be_left_out(without: str, caption: str) -> None:
    product = ProductFactory(
        title="Summer", brand=BrandFactory(name="Acme"), category=CategoryFactory(name="Dresses"), colour="red",
        pattern="floral", material="silk", gender="women", pictures=0,
    )  # fmt: skip
    assert caption_of(product, without=without) == caption
