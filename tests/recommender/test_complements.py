import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from catalog.models import Product
from recommender.complements import complementary_products
from tests.factories.catalog import CategoryFactory, EncoderFactory, ProductEmbeddingFactory, ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory

pytestmark = pytest.mark.django_db


def product(name: str, *, gender: str = "women", **fields: object) -> Product:
    """`product("Dresses 1")` lies in the category Dresses."""
    category = CategoryFactory(name=name.split()[0])
    return ProductFactory(external_id=name, title=name, category=category, gender=gender, **fields)


def choose(*products: Product, shoppers: int = 2, consented: bool = True) -> None:
    for _ in range(shoppers):
        visitor = VisitorFactory(consented=consented)
        for chosen in products:
            EventFactory(visitor=visitor, type="purchase", product=chosen)


def titles(of: Product, n: int = 10) -> list[tuple[str, str]]:
    return [(item.product.title, item.source) for item in complementary_products(product=of, n=n)]


def test_what_was_chosen_together_comes_first_by_the_cosine_of_its_shoppers() -> None:
    dress, shoes, bag = product("Dresses 1"), product("Shoes 1"), product("Bags 1")
    choose(dress, shoes, shoppers=2)
    choose(dress, bag, shoppers=3)
    choose(bag, shoppers=9)  # everybody buys the bag: it says less about the dress
    items = complementary_products(product=dress, n=10)
    assert [(item.product.title, item.source) for item in items] == [("Shoes 1", "together"), ("Bags 1", "together")]
    assert items[0].score == pytest.approx(2 / (5 * 2) ** 0.5)
    assert items[1].score == pytest.approx(3 / (5 * 12) ** 0.5)
    assert items[0].reason == "Often chosen together with Dresses 1"


def test_a_pair_that_one_shopper_or_a_shopper_without_consent_chose_is_not_told() -> None:
    dress, shoes, bag = product("Dresses 1"), product("Shoes 1"), product("Bags 1")
    choose(dress, shoes, shoppers=1)
    choose(dress, bag, shoppers=5, consented=False)
    assert {source for _, source in titles(dress)} == {"new"}


def test_the_rest_is_like_in_style_and_never_of_the_own_category_another_gender_or_sold_out() -> None:
    encoder = EncoderFactory(dimensions=2)
    dress = product("Dresses 1")
    for other, vector in [
        (dress, [1.0, 0.0]),
        (product("Dresses 2"), [1.0, 0.0]),
        (product("Shoes 1"), [0.6, 0.8]),
        (product("Bags 1", gender="unisex"), [0.8, 0.6]),
        (product("Ties 1", gender="men"), [1.0, 0.0]),
        (product("Hats 1", in_stock=False), [1.0, 0.0]),
        (product("Belts 1", status="draft"), [1.0, 0.0]),
    ]:
        ProductEmbeddingFactory(product=other, encoder=encoder, vector=vector)
    assert titles(dress) == [("Bags 1", "style"), ("Shoes 1", "style")]


def test_one_category_does_not_fill_the_list_while_others_have_something() -> None:
    dress = product("Dresses 1")
    bag = product("Bags 1")
    shoes = [product(f"Shoes {n}") for n in range(5)]
    assert [title for title, _ in titles(dress, n=3)].count("Bags 1") == 1
    assert len(titles(dress, n=6)) == 6
    assert {bag.title, *(s.title for s in shoes)} == {title for title, _ in titles(dress, n=6)}


def test_categories_above_and_below_are_not_other_categories() -> None:
    women = CategoryFactory(name="Women")
    dresses = CategoryFactory(name="Dresses", parent=women)
    maxi = CategoryFactory(name="Maxi", parent=dresses)
    shoes = CategoryFactory(name="Shoes", parent=women)
    dress = ProductFactory(category=dresses)
    ProductFactory(category=women)
    ProductFactory(category=maxi)
    shoe = ProductFactory(category=shoes)
    assert [item.product for item in complementary_products(product=dress, n=5)] == [shoe]


def test_over_http_with_a_constant_number_of_queries() -> None:
    dress = product("Dresses 1")
    others = [product(f"Shoes {n}") for n in range(12)]
    choose(dress, *others)

    def get(n: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            body = APIClient().get(f"/api/v1/products/shop:Dresses%201/complements/?n={n}").json()
        assert len(body["items"]) == n
        assert set(body["items"][0]) == {"product", "score", "source", "reason"}
        return len(captured)

    assert get(1) == get(12) <= 8


def test_other_shelves_come_before_neighbours_and_the_own_kind_for_others_never() -> None:
    women = CategoryFactory(name="Women")
    clothing, shoes = (CategoryFactory(name=name, parent=women) for name in ("Clothing", "Shoes"))
    dresses, suits, boots = (
        CategoryFactory(name=name, parent=shelf)
        for name, shelf in (("Dresses", clothing), ("Jumpsuits", clothing), ("Boots", shoes))
    )
    unisex = CategoryFactory(name="Dresses", parent=CategoryFactory(name="Unisex"))
    dress, suit, boot, other = (
        ProductFactory(title=category.name, category=category, gender="women")
        for category in (dresses, suits, boots, unisex)
    )
    choose(dress, suit, other, shoppers=5)
    choose(dress, boot, shoppers=2)
    assert titles(dress) == [("Boots", "together"), ("Jumpsuits", "together")]
