"""Made-up products: deterministic, varied, and in the import format."""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal

import pytest

from fashionrec.demo.brands import BRANDS
from fashionrec.demo.kinds import KINDS
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import COMPANIONS, SHADES
from fashionrec.demo.patterns import PATTERNS
from fashionrec.demo.phrases import FEEL, OCCASIONS
from fashionrec.demo.products import DemoProduct, generate_products
from fashionrec.demo.vocabulary import GENDERS, STYLES


@pytest.fixture(scope="module")
def catalogue() -> list[DemoProduct]:
    return generate_products(seed=7, count=640)


def test_the_same_seed_gives_the_same_products_and_a_longer_list_starts_with_the_shorter() -> None:
    assert generate_products(seed=3, count=40) == generate_products(seed=3, count=90)[:40]


def test_another_seed_gives_other_products() -> None:
    ours, theirs = (generate_products(seed=seed, count=100) for seed in (1, 2))
    same = sum(a.title == b.title for a, b in zip(ours, theirs, strict=True))
    assert same <= 2


def test_the_catalogue_spans_the_shop(catalogue: list[DemoProduct]) -> None:
    leaves = {product.category.rsplit(" > ", 1)[1] for product in catalogue}
    assert leaves == {kind.category for kind in KINDS}
    assert len(leaves) >= 30
    assert {product.gender for product in catalogue} == set(GENDERS)
    assert {product.pattern for product in catalogue} == set(PATTERNS)
    assert {product.colour for product in catalogue} == set(SHADES)
    assert {product.brand for product in catalogue} == {brand.name for brand in BRANDS}
    assert {product.attributes["style"] for product in catalogue} <= set(STYLES)
    assert {product.season for product in catalogue} == {"", "spring", "summer", "autumn", "winter"}


def test_every_word_of_the_vocabulary_can_be_drawn_and_described() -> None:
    for kind in KINDS:
        assert set(kind.colours) <= set(COMPANIONS), kind.noun
        assert set(kind.materials) <= set(MATERIALS) & set(FEEL), kind.noun
        assert set(kind.patterns) <= set(PATTERNS), kind.noun
        assert set(kind.genders) <= set(GENDERS), kind.noun
        assert set(kind.styles) <= set(STYLES), kind.noun
        assert set(kind.occasions) <= set(OCCASIONS), kind.noun
        assert any(kind.group in brand.groups and brand.style in kind.styles for brand in BRANDS), kind.noun


def test_titles_name_the_brand_and_the_thing_and_rarely_repeat(catalogue: list[DemoProduct]) -> None:
    for product in catalogue:
        assert product.title.startswith(product.brand)
        assert product.kind.noun in product.title
        assert "  " not in product.title
        assert len(product.title) < 100
    assert len({product.title for product in catalogue}) >= 0.95 * len(catalogue)


def test_descriptions_are_two_to_four_varied_sentences_that_name_the_colour(catalogue: list[DemoProduct]) -> None:
    for product in catalogue:
        sentences = re.findall(r"[A-Z][^.]*\.", product.description)
        assert 2 <= len(sentences) <= 4, product.description
        assert product.colour in product.description.lower()
        assert not re.search(r"  |\.\.| ,|\{|sleevess", product.description)
    assert len({product.description for product in catalogue}) >= 0.95 * len(catalogue)


def test_the_json_follows_the_import_contract(catalogue: list[DemoProduct]) -> None:
    record = json.loads(json.dumps(catalogue[0].as_json()))
    assert list(record) == [
        "external_id",
        "title",
        "description",
        "brand",
        "category",
        "gender",
        "colour",
        "material",
        "pattern",
        "season",
        "attributes",
        "images",
        "variants",
    ]
    assert list(record["variants"][0]) == ["sku", "size", "colour", "price", "compare_at_price", "currency", "stock"]
    assert record["images"] == ["images/demo-00001.jpg"]
    assert all(isinstance(value, str) and value for value in record["attributes"].values())


def test_skus_and_ids_are_unique(catalogue: list[DemoProduct]) -> None:
    skus = [variant.sku for product in catalogue for variant in product.variants]
    assert len(set(skus)) == len(skus)
    assert len({product.external_id for product in catalogue}) == 640


def test_prices_look_like_a_shop_and_sales_are_cheaper_than_before(catalogue: list[DemoProduct]) -> None:
    on_sale = 0
    for product in catalogue:
        prices = {variant.price for variant in product.variants}
        assert len(prices) == 1
        price = prices.pop()
        assert price >= Decimal("4.90")
        assert str(price).endswith((".90", "9.00")), price
        was = product.variants[0].compare_at_price
        if was is not None:
            on_sale += 1
            assert was > price
    assert 0.1 < on_sale / len(catalogue) < 0.27


def test_stock_has_sold_out_untracked_and_ordinary_variants(catalogue: list[DemoProduct]) -> None:
    stock = Counter(
        "untracked" if variant.stock is None else "sold out" if variant.stock == 0 else "there"
        for product in catalogue
        for variant in product.variants
    )
    assert stock["there"] > 5 * stock["sold out"] > 0
    assert stock["untracked"] > 0
    assert any(all(variant.stock == 0 for variant in product.variants) for product in catalogue)


def test_children_wear_children_sizes_and_pay_less() -> None:
    shirts = [product for product in generate_products(seed=5, count=3000) if product.kind.noun == "T-shirt"]
    sizes = {product.gender: [variant.size for variant in product.variants] for product in shirts}
    assert sizes["girls"][0] == "98"
    assert sizes["women"] == ["XS", "S", "M", "L", "XL"]
    mean = {
        gender: sum(float(product.variants[0].price) for product in group) / len(group)
        for gender in ("boys", "men")
        if (group := [product for product in shirts if product.gender == gender])
    }
    assert mean["boys"] < 0.8 * mean["men"]


def test_a_slip_dress_never_has_sleeves() -> None:
    dresses = [product for product in generate_products(seed=5, count=2000) if product.kind.noun == "dress"]
    slips = [product for product in dresses if product.attributes["shape"] == "slip"]
    assert len(slips) > 5
    assert {product.attributes["sleeve"] for product in slips} == {"sleeveless"}


def test_negative_counts_and_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="received -3 and 1"):
        generate_products(seed=1, count=-3)
    with pytest.raises(ValueError, match="received 3 and -1"):
        generate_products(seed=-1, count=3)
