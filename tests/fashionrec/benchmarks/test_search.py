"""The search benchmark measures the shop's own search in a database of its own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection

from catalog.ml.encoder import encoder_directory
from catalog.ml.text_encoder import OnnxTextEncoder
from catalog.models import Product
from fashionrec.benchmarks import search as benchmark
from fashionrec.benchmarks.scratch_database import scratch_database
from fashionrec.benchmarks.search_quality import LabelQuery, label_queries, measure_fusion
from fashionrec.benchmarks.search_world import EncodedPhotos, Photo
from tests.factories.catalog import ProductFactory, png_bytes

KINDS = (("Shirts", "red"), ("Shirts", "blue"), ("Dresses", "red"), ("Dresses", "green"))
PHOTOS = [
    Photo(
        title=f"Nordhavn {gender} {colour} {kind} {number}",
        gender=gender,
        brand="Nordhavn",
        category=f"Apparel > {kind}",
        kind=kind,
        colour=colour,
    )
    for number in range(2)
    for gender in ("men", "women")
    for kind, colour in KINDS
]


@pytest.fixture
def photos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen photos, with vectors of their captions; random ones stand for their pictures."""
    tower = OnnxTextEncoder(encoder_directory("compact"))
    images = np.random.default_rng(0).normal(size=(len(PHOTOS), tower.dimensions)).astype(np.float32)
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    encoded = EncodedPhotos(
        PHOTOS, images, tower.encode_texts([p.caption for p in PHOTOS]), png_bytes(), "compact", tower.digest
    )
    monkeypatch.setattr(benchmark, "encode_photos", lambda photos, labels, *, encoder: encoded)


def databases() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'benchmark_%%'")
        return [name for (name,) in cursor.fetchall()]


def test_queries_ask_for_what_there_is_enough_of() -> None:
    queries = label_queries([*PHOTOS, Photo("Cape", "men", "", "", "Capes", "gold")], count=50, seed=1)
    assert queries[0].text.split()[-1] in ("shirts", "dresses")
    assert {query.gender for query in queries} <= {"", "men", "women"}
    assert all(sum(query.wants(photo) for photo in PHOTOS) >= 3 for query in queries)
    assert len(queries) == len(set(queries)) == len({query.text for query in queries})
    assert label_queries(PHOTOS, count=2, seed=1) == label_queries(PHOTOS, count=2, seed=1)
    assert LabelQuery("red shirts", "Shirts", "red", "").wants(PHOTOS[0])


def test_queries_with_a_gender_are_in_both_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Full text finds nothing but for queries with a gender, and there everything."""
    queries = [LabelQuery(f"{number}", f"kind {number}", "red", ("", "men")[number % 2]) for number in range(40)]
    photos = {number: Photo("", "men", "", "", f"kind {number}", "red") for number in range(40)}
    found = {query.text: [int(query.text)] if query.gender else [] for query in queries}
    monkeypatch.setattr("catalog.search.rankings", lambda text, filters: (found[text], []))
    measured = measure_fusion(queries, photos, seed=0)
    halves = (measured["validation"]["0.0"]["ndcg@10"], measured["test"]["full text"]["ndcg@10"])
    assert sum(halves) == pytest.approx(1.0)
    assert min(halves) > 0.3


@pytest.mark.django_db(transaction=True)
def test_it_measures_and_leaves_the_shop_as_it_was(photos: None) -> None:
    mine = ProductFactory(title="Of the shop")
    shop = connection.settings_dict["NAME"]
    options: dict[str, Any] = {"photos": Path("p"), "labels": Path("l"), "encoder": "compact", "seed": 0}
    results = benchmark.run(**options, products=40, queries=4)
    assert json.loads(json.dumps(results)) == results
    assert (results["products"], results["photos"]) == (40, 16)
    assert set(results["recall@100"]) == {"image", "text", "hybrid"}
    # So few products are all compared.
    assert {recall for figures in results["recall@100"].values() for recall in figures.values()} == {1.0}
    assert results["goals"]["recall@100 of the index, worst"]["met"] is True
    assert results["milliseconds"]["text search"]["p50"] <= results["milliseconds"]["text search"]["p99"]
    assert {"text search, misspelt", "text search, 1% of products", "picture search"} <= set(results["milliseconds"])
    assert results["fusion"]["test"]["full text"]["p@10"] > 0.5
    printed = benchmark.table(results)
    assert "40 products of 16 photos" in printed
    assert "met    recall@100 of the index, worst: 1.0 (goal 0.95)" in printed
    assert connection.settings_dict["NAME"] == shop
    assert list(Product.objects.all()) == [mine]


@pytest.mark.django_db(transaction=True)
def test_a_scratch_database_is_dropped_also_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, shop = ProductFactory(title="Of the shop"), connection.settings_dict["NAME"]
    monkeypatch.setattr("django.core.management.call_command", lambda *arguments, **options: None)  # no migrations
    with pytest.raises(RuntimeError, match="broken off"), scratch_database() as name:
        assert connection.settings_dict["NAME"] == name
        assert name in databases()
        assert connection.introspection.table_names() == []
        raise RuntimeError("broken off")
    assert connection.settings_dict["NAME"] == shop
    assert name not in databases()
    assert list(Product.objects.all()) == [mine]


@pytest.mark.django_db
def test_a_scratch_database_is_refused_inside_a_transaction() -> None:
    with pytest.raises(ValueError, match="inside a transaction"), scratch_database():
        pass


@pytest.mark.parametrize(("option", "value"), [("queries", 1), ("products", 0)])
def test_sizes_that_mean_nothing_are_refused(photos: None, option: str, value: int) -> None:
    options: dict[str, Any] = {"photos": Path("p"), "labels": Path("l"), "encoder": "compact", "seed": 0}
    with pytest.raises(ValueError, match=f"--{option}: received {value}"):
        benchmark.run(**options | {"products": 10, "queries": 10, option: value})
