"""Lists, facets, likeness and search: exact answers in a constant number of queries."""

from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Encoder, Product
from catalog.search import search_products
from catalog.selectors import (
    ProductFilters,
    content_matrix,
    facets,
    get_visible_product,
    product_list,
    similar_products,
)
from catalog.services.taxonomy import categories_by_path
from fashionrec.common.errors import Invalid, NotFound
from tests.catalog.little_shop import embed, little_shop, read_queries_as, unit
from tests.factories.catalog import EncoderFactory, ProductEmbeddingFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> dict[str, Product]:
    return little_shop()


def titles(**filters: object) -> list[str]:
    return [product.title for product in product_list(filters=ProductFilters(**filters))]  # type: ignore[arg-type]


def test_every_filter_narrows_and_hidden_products_never_show(shop: dict[str, Product]) -> None:
    assert titles() == ["Oxford shirt", "Red pumps", "Linen midi dress"]
    assert titles(category="women") == ["Red pumps", "Linen midi dress"]
    assert titles(category="Women > Dresses") == ["Linen midi dress"]
    assert titles(category="nowhere") == []
    assert titles(brand="birch-co") == titles(brand="Birch & Co") == ["Red pumps"]
    assert titles(gender="men") == ["Oxford shirt"]
    assert titles(colour="red") == ["Red pumps", "Linen midi dress"]
    assert titles(price_min=Decimal(80), price_max=Decimal(100)) == ["Linen midi dress"]
    assert titles(in_stock=True) == ["Oxford shirt", "Linen midi dress"]
    assert titles(category="women", colour="red", in_stock=True, brand="vale") == ["Linen midi dress"]


def test_orderings_put_products_without_a_price_last(shop: dict[str, Product]) -> None:
    assert titles(ordering="price") == ["Linen midi dress", "Red pumps", "Oxford shirt"]
    assert titles(ordering="-price") == ["Red pumps", "Linen midi dress", "Oxford shirt"]
    assert titles(ordering="title") == ["Linen midi dress", "Oxford shirt", "Red pumps"]
    with pytest.raises(Invalid, match="ordering: expected one of newest"):
        titles(ordering="random")


def test_search_ranks_titles_above_descriptions_and_completes_the_last_word(shop: dict[str, Product]) -> None:
    assert titles(search="dresses") == ["Linen midi dress", "Oxford shirt"]
    assert titles(search="linen dre") == ["Linen midi dress"]
    assert titles(search="dress -code") == ["Linen midi dress"]
    assert titles(search='"dress code"') == ["Oxford shirt"]
    assert titles(search="birch & co") == ["Red pumps"]
    assert titles(search="Shoes") == ["Red pumps"]
    assert titles(search="dress", ordering="newest") == ["Oxford shirt", "Linen midi dress"]


@pytest.mark.parametrize("query", ["'; DROP TABLE", "!!!", "a\x00b", "((", "\\", "%", "ü" * 300, ":*", "dress & | !"])
def test_odd_queries_find_something_or_nothing_but_never_fail(shop: dict[str, Product], query: str) -> None:
    found = titles(search=query)
    assert set(found) <= {"Linen midi dress", "Oxford shirt", "Red pumps"}
    assert [item.product.title for item in search_products(query=query)] == found or found == titles()


def test_the_name_of_several_categories_finds_all_of_them(shop: dict[str, Product]) -> None:
    more = categories_by_path({"Men > Shoes > Boots"})
    ProductFactory(title="Hiking pair", category=more["Men > Shoes > Boots"], description="", material="")
    assert set(titles(search="shoes")) == {"Red pumps", "Hiking pair"}
    assert titles(search="men > shoes") == ["Hiking pair"]


def test_a_query_that_is_too_long_is_refused() -> None:
    with pytest.raises(Invalid, match="301 characters"):
        search_products(query="x" * 301)
    with pytest.raises(Invalid, match="301 characters"):
        titles(search="x" * 301)


def test_each_facet_counts_under_all_filters_but_its_own(shop: dict[str, Product]) -> None:
    found = facets(filters=ProductFilters(colour="red", category="women"))
    assert found["colours"] == [{"value": "red", "count": 2}]
    assert found["genders"] == [{"value": "women", "count": 2}]
    assert found["brands"] == [
        {"name": "Birch & Co", "slug": "birch-co", "count": 1},
        {"name": "Vale", "slug": "vale", "count": 1},
    ]
    (women,) = found["categories"]
    assert (women["name"], women["slug"], women["path"], women["count"]) == ("Women", "women", "Women", 2)
    assert [(node["name"], node["count"], node["children"]) for node in women["children"]] == [
        ("Dresses", 1, []),
        ("Shoes", 1, []),
    ]
    closed = facets(filters=ProductFilters())["categories"]
    assert [(node["name"], node["count"], node["children"]) for node in closed] == [("Men", 1, []), ("Women", 2, [])]


def test_lists_facets_and_searches_take_a_constant_number_of_queries(shop: dict[str, Product]) -> None:
    filters = ProductFilters(search="dress", category="women", brand="vale")

    def count() -> tuple[int, int, int, int]:
        result = []
        for read in (
            lambda: [(p.brand, p.category, list(p.images.all())) for p in product_list(filters=ProductFilters())],
            lambda: facets(filters=filters),
            lambda: [(p.product.brand, list(p.product.images.all())) for p in search_products(query="dress")],
            lambda: similar_products(product=shop["midi"], n=5),
        ):
            with CaptureQueriesContext(connection) as queries:
                read()
            result.append(len(queries))
        return tuple(result)  # type: ignore[return-value]

    ProductFactory(title="Another dress", category=shop["midi"].category)
    before = count()
    for _ in range(10):
        ProductFactory(title="Another dress", category=shop["midi"].category)
    assert count() == before
    assert before == (2, 8, 5, 4)


def test_a_product_is_found_by_its_public_id_while_it_is_visible(shop: dict[str, Product]) -> None:
    assert get_visible_product(shop["midi"].public_id) == shop["midi"]
    for unknown in (shop["hidden"].public_id, "shop", "shop:", "", "a:b:c", "shop:\x00"):
        with pytest.raises(NotFound):
            get_visible_product(unknown)


def test_similar_products_are_ordered_by_cosine_without_hidden_ones_and_itself(shop: dict[str, Product]) -> None:
    embed(shop)
    found = similar_products(product=shop["midi"], n=5)
    assert [item.product.title for item in found] == ["Red pumps", "Oxford shirt"]
    assert found[0].score == pytest.approx(np.sqrt(0.5), abs=1e-3)
    assert found[1].score == pytest.approx(0.0, abs=1e-3)
    assert [item.product.title for item in similar_products(product=shop["midi"], n=1)] == ["Red pumps"]


def test_vectors_of_an_encoder_that_is_not_live_do_not_count(shop: dict[str, Product]) -> None:
    embed(shop)
    Encoder.objects.update(is_live=False)
    newer = EncoderFactory(digest="1" * 64, is_live=True)
    ProductEmbeddingFactory(product=shop["midi"], encoder=newer, vector=unit(1, 0))
    ProductEmbeddingFactory(product=shop["shirt"], encoder=newer, vector=unit(1, 0.1))
    assert [item.product.title for item in similar_products(product=shop["midi"], n=5)] == ["Oxford shirt"]


def test_without_a_vector_the_same_category_stands_in(shop: dict[str, Product]) -> None:
    sibling = ProductFactory(title="Other dress", category=shop["midi"].category)
    assert [(item.product, item.score) for item in similar_products(product=shop["midi"], n=5)] == [(sibling, 0.0)]


def test_the_content_matrix_keeps_the_order_and_leaves_gaps_at_zero(shop: dict[str, Product]) -> None:
    assert content_matrix([shop["midi"].pk]).shape == (1, 0)
    embed(shop)
    other = ProductFactory()
    matrix = content_matrix([shop["shirt"].pk, other.pk, shop["pumps"].pk])
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix, [unit(0, 1), np.zeros(8), unit(1, 1)], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), [1, 0, 1], atol=1e-6)


def test_facets_and_orderings_cover_what_the_search_finds_by_meaning(
    shop: dict[str, Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(shop)
    read_queries_as(monkeypatch, {"footwear": unit(1, 1)})
    assert {item.product.title for item in search_products(query="footwear")} == set(titles(search="footwear"))
    assert titles(search="footwear", ordering="price") == ["Linen midi dress", "Red pumps", "Oxford shirt"]
    genders = facets(filters=ProductFilters(search="footwear"))["genders"]
    assert genders == [{"value": "women", "count": 2}, {"value": "men", "count": 1}]


def test_any_number_of_public_ids_is_one_query_and_malformed_ones_match_nothing(django_assert_num_queries) -> None:
    mine, yours = ProductFactory(source="a", external_id="x:1"), ProductFactory(source="b", external_id="1")
    with django_assert_num_queries(1):
        found = Product.objects.pk_by_public_id(
            ["a:x:1", "b:1", "b:2", "c:1", "nothing", ":", "b:\x00", *(f"a:{n}" for n in range(1000))]
        )
    assert found == {"a:x:1": mine.pk, "b:1": yours.pk}
