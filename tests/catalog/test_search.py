"""Words, meaning and pictures as one ranking."""

from pathlib import Path

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from catalog import query_encoding, search
from catalog.models import Encoder, Product, ProductEmbedding
from catalog.product_filters import ProductFilters
from catalog.search import fused, picture_vector, search_by_picture, search_products
from catalog.selectors import product_list
from fashionrec.common.errors import Invalid
from tests.catalog.little_shop import embed, little_shop, read_queries_as, unit
from tests.factories.catalog import EncoderFactory, ProductEmbeddingFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> dict[str, Product]:
    return little_shop()


def test_search_fuses_words_and_meaning(shop: dict[str, Product], monkeypatch: pytest.MonkeyPatch) -> None:
    embed(shop)
    assert [item.product.title for item in search_products(query="pumps")] == ["Red pumps"]
    read_queries_as(monkeypatch, {"pumps": unit(1.5, 1)})
    found = search_products(query="pumps")
    assert [item.product.title for item in found] == ["Red pumps", "Linen midi dress", "Oxford shirt"]
    assert [item.score for item in found] == pytest.approx([1 / 61 + 0.5 / 61, 0.5 / 62, 0.5 / 63])
    assert [i.product.title for i in search_products(query="pumps", filters=ProductFilters(gender="men"))] == [
        "Oxford shirt"
    ]
    assert len(search_products(query="pumps", n=2)) == 2
    assert search_products(query="  ") == []


def test_a_query_without_meaning_finds_only_what_carries_its_words(
    shop: dict[str, Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(shop)
    read_queries_as(monkeypatch, {"evening": unit(1, -1)})
    assert search_products(query="qqqzzz") == []
    assert list(product_list(filters=ProductFilters(search="qqqzzz"))) == []
    assert [item.product.title for item in search_products(query="oxford")] == ["Oxford shirt"]
    # Nearer to it than to nothing is the dress alone: the pumps lie across, the shirt opposite.
    assert [item.product.title for item in search_products(query="evening")] == ["Linen midi dress"]


def test_where_nothing_carries_all_words_more_of_them_come_first(
    shop: dict[str, Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(shop)
    read_queries_as(monkeypatch, {"red linen dress pumps": unit(1, 1)})
    found = [item.product.title for item in search_products(query="red linen dress pumps")]
    assert found[:2] == ["Linen midi dress", "Red pumps"]
    assert set(found) == {"Red pumps", "Linen midi dress", "Oxford shirt"}
    read_queries_as(monkeypatch, {"linen dress for dancing": unit(1, 1)})
    assert search_products(query="linen dress for dancing")[0].product.title == "Linen midi dress"


def test_a_live_encoder_without_a_text_tower_of_its_weights_leaves_full_text(tmp_path: Path, settings) -> None:
    settings.DATA_DIR = tmp_path
    query_encoding._text_tower.cache_clear()
    assert query_encoding.encode_query("dress", encoder=EncoderFactory.build(name="nowhere")) is None
    assert query_encoding.encode_query("dress", encoder=EncoderFactory.build(name="compact", digest="0" * 64)) is None
    query_encoding._text_tower.cache_clear()


def test_ranks_are_fused_with_their_weights() -> None:
    assert fused([(1.0, [1, 2]), (0.5, [3, 2])]) == [
        (2, pytest.approx(1 / 62 + 0.5 / 62)),
        (1, pytest.approx(1 / 61)),
        (3, pytest.approx(0.5 / 61)),
    ]
    assert fused([]) == []


def test_filters_apply_before_the_nearest_are_taken(shop: dict[str, Product], monkeypatch: pytest.MonkeyPatch) -> None:
    embed(shop)
    read_queries_as(monkeypatch, {"footwear": unit(1, 1)})
    monkeypatch.setattr("catalog.relevance.MOST_RESULTS", 1)
    # Only the pumps are among the nearest one; within the filter the shirt is the nearest, and near enough.
    assert [item.product.title for item in search_products(query="footwear")] == ["Red pumps"]
    men = ProductFilters(gender="men")
    assert [item.product.title for item in search_products(query="footwear", filters=men)] == ["Oxford shirt"]


def test_what_is_near_enough_is_judged_by_the_whole_catalogue(
    shop: dict[str, Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(shop)
    read_queries_as(monkeypatch, {"gown": unit(1, 0.3)})
    found = [item.product.title for item in search_products(query="gown")]
    assert found == ["Linen midi dress", "Red pumps"]
    # Among men's pieces the shirt is the nearest, and still no gown.
    assert search_products(query="gown", filters=ProductFilters(gender="men")) == []


def see_pictures_as(monkeypatch: pytest.MonkeyPatch, vector: list[float] | None) -> None:
    answer = None if vector is None else np.array(vector, np.float32)
    monkeypatch.setattr(search, "encode_query_image", lambda image, *, encoder: answer)


def embed_pictures(shop: dict[str, Product]) -> None:
    encoder = EncoderFactory(is_live=True)
    for name, vector in {"midi": unit(1, 0), "pumps": unit(1, 1), "shirt": unit(0, 1), "hidden": unit(1)}.items():
        ProductEmbeddingFactory(product=shop[name], kind="image", encoder=encoder, vector=vector)


PICTURE = Image.new("RGB", (20, 30), "red")


def test_a_picture_finds_what_looks_like_it(shop: dict[str, Product], monkeypatch: pytest.MonkeyPatch) -> None:
    embed_pictures(shop)
    ProductFactory(title="Never photographed")
    see_pictures_as(monkeypatch, unit(1, 0.2))
    vector = picture_vector(PICTURE)
    found = search_by_picture(vector=vector)
    assert [item.product.title for item in found] == ["Linen midi dress", "Red pumps", "Oxford shirt"]
    assert found[0].score == pytest.approx(1 / np.sqrt(1.04), abs=1e-3)
    assert [i.product.title for i in search_by_picture(vector=vector, n=1)] == ["Linen midi dress"]
    men = ProductFilters(gender="men")
    assert [i.product.title for i in search_by_picture(vector=vector, filters=men)] == ["Oxford shirt"]


def test_beside_a_picture_what_carries_the_words_comes_first(
    shop: dict[str, Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    embed_pictures(shop)
    vector = np.array(unit(0, 1), np.float32)
    found = search_by_picture(vector=vector, query="red")
    assert [item.product.title for item in found] == ["Red pumps", "Linen midi dress", "Oxford shirt"]
    assert found[0].score == pytest.approx(2 / 61 + 1 / 62)
    # Words that nothing carries count by their meaning.
    for name, meaning in {"midi": unit(1, 0), "pumps": unit(1, 1), "shirt": unit(0, 1)}.items():
        ProductEmbeddingFactory(product=shop[name], encoder=Encoder.objects.get(), vector=meaning)
    read_queries_as(monkeypatch, {"evening": unit(1, -1)})
    found = search_by_picture(vector=vector, query="evening")
    assert [item.product.title for item in found] == ["Linen midi dress", "Oxford shirt", "Red pumps"]
    assert found[0].score == pytest.approx(1 / 63 + 1 / 61)


def test_without_an_image_tower_a_picture_is_refused_with_the_reason(
    shop: dict[str, Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Invalid, match="no image tower that the web can run"):
        picture_vector(PICTURE)
    embed_pictures(shop)
    see_pictures_as(monkeypatch, None)
    with pytest.raises(Invalid, match="no image tower that the web can run"):
        picture_vector(PICTURE)
    with pytest.raises(Invalid, match="another encoder"):
        search_by_picture(vector=np.ones(3, np.float32))


def test_every_search_takes_a_constant_number_of_queries(
    shop: dict[str, Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    embed(shop)
    for name in ("midi", "shirt"):
        ProductEmbeddingFactory(product=shop[name], kind="image", encoder=Encoder.objects.get(), vector=unit(1))
    read_queries_as(monkeypatch, {"pumps": unit(1, 1), "footwear": unit(1, 1)})
    vector = np.array(unit(1), np.float32)
    vale = ProductFilters(brand="vale", price_max=None)

    def count() -> list[int]:
        counts = []
        for find in (
            lambda: search_products(query="pumps"),
            lambda: search_products(query="footwear"),
            lambda: search_products(query="footwear", filters=vale),
            lambda: search_by_picture(vector=vector),
            lambda: search_by_picture(vector=vector, query="red"),
        ):
            with CaptureQueriesContext(connection) as queries:
                assert [(item.product.brand, list(item.product.images.all())) for item in find()]
            counts.append(len(queries))
        return counts

    search_products(query="pumps")  # the floor is measured once
    before = count()
    for number in range(6):
        more = ProductFactory(title="Red pumps", brand=shop["midi"].brand)
        ProductEmbeddingFactory(product=more, encoder=Encoder.objects.get(), vector=unit(1, number))
    assert count() == before
    assert before == [7, 8, 10, 5, 8]


def test_vectors_of_other_kinds_and_encoders_are_not_compared(shop: dict[str, Product]) -> None:
    embed_pictures(shop)
    live = Encoder.objects.get()
    ProductEmbedding.objects.filter(product=shop["pumps"]).update(kind="text")
    other = EncoderFactory(digest="2" * 64, is_live=False)
    ProductEmbedding.objects.filter(product=shop["shirt"]).update(encoder=other)
    found = search_by_picture(vector=np.array(unit(1), np.float32))
    assert [item.product.title for item in found] == ["Linen midi dress"]
    assert live.dimensions == 8
