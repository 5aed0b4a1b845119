"""More like this, but …, on the drawn catalogue's products."""

from collections.abc import Iterator

import numpy as np
import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.ml.captions import product_caption
from catalog.ml.encoder import encoder_directory
from catalog.ml.text_encoder import OnnxTextEncoder
from catalog.models import Brand, Category, Product
from catalog.product_data import ProductData
from catalog.product_filters import ProductFilters
from catalog.product_parsing import parse_product
from catalog.relative_search import attribute_words, attributes_of, search_relative
from catalog.selectors import similar_products
from catalog.services.embeddings import register_encoder, store_vectors
from catalog.services.product_batches import ProductWrite, write_products
from fashionrec.common.errors import Invalid
from fashionrec.demo.products import generate_products
from tests.factories.catalog import CategoryFactory, ProductFactory

PRODUCTS = 400


def checked(record: dict) -> ProductData:
    data = parse_product({name: value for name, value in record.items() if name != "images"}).data
    assert data is not None
    return data


@pytest.fixture(scope="module")
def catalogue(django_db_setup: None, django_db_blocker) -> Iterator[list[Product]]:
    """Products of the drawn catalogue with the shipped encoder's vectors of their captions; gone afterwards."""
    tower = OnnxTextEncoder(encoder_directory("compact"))
    with django_db_blocker.unblock():
        from django.db import transaction

        with transaction.atomic():
            records = [product.as_json() for product in generate_products(seed=7, count=PRODUCTS)]
            written = write_products(source="drawn", writes=[ProductWrite(checked(record)) for record in records])
            products = [entry.product for entry in written]
            encoder = register_encoder(name="compact", digest=tower.digest, dimensions=tower.dimensions, live=True)
            captions = [
                product_caption(
                    title=record["title"], brand=record["brand"], category=record["category"], gender=record["gender"],
                    colour=record["colour"], pattern=record["pattern"], material=record["material"],
                )
                for record in records
            ]  # fmt: skip
            versions = [(product.pk, product.content_version) for product in products]
            store_vectors(encoder=encoder, kind="hybrid", products=versions, vectors=tower.encode_texts(captions))
        cache.clear()
        yield list(Product.objects.filter(source="drawn").select_related("category").order_by("pk"))
        Product.objects.filter(source="drawn").delete()
        encoder.delete()
        Brand.objects.filter(products=None).delete()
        for category in Category.objects.order_by("-path"):  # children before their parents
            if not category.children.exists() and not category.products.exists():
                category.delete()


def kind_of(product: Product) -> str:
    assert product.category is not None
    return product.category.name


def planted(catalogue: list[Product], field: str, count: int) -> list[tuple[Product, str, int]]:
    """(product, another value that its kind comes in, how many such products there are), with at least three."""
    draw = np.random.default_rng(0)
    cases = []
    for row in draw.permutation(len(catalogue)):
        product = catalogue[row]
        alike = [other for other in catalogue if kind_of(other) == kind_of(product)]
        values = [getattr(other, field) for other in alike if getattr(other, field) != getattr(product, field)]
        wanted = [value for value in sorted(set(values)) if values.count(value) >= 2]
        if wanted and len(cases) < count:
            value = wanted[draw.integers(len(wanted))]
            cases.append((product, value, values.count(value)))
    return cases


@pytest.mark.django_db
@pytest.mark.parametrize(("field", "words"), [("colour", "is {} instead"), ("pattern", "but {}")])
def test_results_have_what_was_asked_for_and_keep_the_rest(catalogue: list[Product], field: str, words: str) -> None:
    cases = planted(catalogue, field, 12)
    assert len(cases) == 12
    shares: dict[str, list[tuple[float, float]]] = {"similar": [], "relative": []}
    for product, value, possible in cases:
        found = {
            "similar": similar_products(product=product, n=10),
            "relative": search_relative(product=product, text=words.format(value), n=10).items,
        }
        for name, items in found.items():
            fitting = [item.product for item in items if getattr(item.product, field) == value]
            kept = sum(kind_of(other) == kind_of(product) for other in fitting)
            shares[name].append((len(fitting) / 10, kept / min(10, possible)))
            assert product not in [item.product for item in items]
    plain, otherwise = np.mean(shares["similar"], axis=0), np.mean(shares["relative"], axis=0)
    print(field, plain, otherwise)
    assert otherwise[0] > 0.8
    assert otherwise[0] > plain[0] + 0.5
    assert otherwise[1] > 0.7
    assert otherwise[1] > plain[1] + 0.3


@pytest.mark.django_db
def test_unwanted_values_stay_out_and_filters_apply(catalogue: list[Product]) -> None:
    striped = next(p for p in catalogue if p.pattern == "striped" and p.gender == "women")
    found = search_relative(product=striped, text="no stripes", n=40)
    assert found.wishes.unwanted == {"pattern": ("striped",)}
    assert len(found.items) == 40
    assert "striped" not in {item.product.pattern for item in found.items}
    men = search_relative(product=striped, text="in red", n=40, filters=ProductFilters(gender="men"))
    assert {item.product.gender for item in men.items} == {"men"}
    assert [item.product.colour for item in men.items[:2]] == ["red", "red"]


@pytest.mark.django_db
def test_words_that_name_no_value_still_move_the_search(catalogue: list[Product]) -> None:
    product = catalogue[0]
    found = search_relative(product=product, text="something for the office", n=10)
    assert (found.wishes.wanted, found.wishes.unwanted) == ({}, {})
    assert len(found.items) == 10
    with pytest.raises(Invalid, match="301 characters"):
        search_relative(product=product, text="x" * 301)


@pytest.mark.django_db
def test_a_relative_search_takes_a_constant_number_of_queries(catalogue: list[Product]) -> None:
    cache.clear()
    with CaptureQueriesContext(connection) as first:
        search_relative(product=catalogue[0], text="in red", n=10)
    with CaptureQueriesContext(connection) as again:
        search_relative(product=catalogue[0], text="in red", n=40)
    assert (len(first), len(again)) == (15, 10)


@pytest.mark.django_db
def test_without_vectors_the_newest_of_the_kind_are_narrowed() -> None:
    dresses = CategoryFactory(name="Frocks")
    blank = {"category": dresses, "pictures": 0, "sizes": ()}
    blue = ProductFactory(colour="turquoise", attributes={"sleeve": "long sleeve"}, **blank)
    red = ProductFactory(colour="crimson", attributes={}, **blank)
    ProductFactory(colour="ochre", **blank)
    cache.clear()
    assert attributes_of(blue) == {
        "sleeve": "long sleeve", "colour": "turquoise", "pattern": blue.pattern, "material": blue.material,
        "category": "Frocks",
    }  # fmt: skip
    assert set(attribute_words().values["colour"]) >= {"turquoise", "crimson", "ochre"}
    assert [item.product for item in search_relative(product=blue, text="crimson please").items] == [red]


@pytest.mark.django_db
def test_the_words_are_laid_out_anew_only_when_a_value_came_or_went() -> None:
    ProductFactory(colour="ochre", pictures=0, sizes=())
    cache.clear()
    held = attribute_words()
    cache.clear()
    assert attribute_words() is held
    ProductFactory(colour="cerise", pictures=0, sizes=())
    cache.clear()
    assert "cerise" in attribute_words().values["colour"]
    assert "cerise" not in held.values["colour"]
