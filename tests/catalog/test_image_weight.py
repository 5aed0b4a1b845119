"""How much the picture counts in hybrid vectors: measured on the catalogue, stored, and mixed anew without encoding."""

import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from catalog import embedding_jobs, hybrid_jobs
from catalog.embedding_jobs import work_embedding_run
from catalog.ml.hybrid import hybrid_vectors
from catalog.models import EmbeddingRun, Encoder, Product
from catalog.services import embeddings
from catalog.services.embeddings import plan_embedding_run, register_encoder, store_vectors
from catalog.services.encoders import set_image_weight
from catalog.vectors import stored_vectors
from fashionrec.common.errors import Invalid
from fashionrec.common.queue import without_ringing
from tests.factories.catalog import EncoderFactory, ProductFactory

pytestmark = pytest.mark.django_db

DIMENSIONS = 8


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embeddings, "CHUNK_SIZE", 16)
    with without_ringing():
        yield


@pytest.fixture
def encoder() -> Encoder:
    """Sixty products whose pictures tell the pattern and whose texts tell nothing; it cannot be loaded anywhere."""
    encoder: Encoder = EncoderFactory(name="nowhere", dimensions=DIMENSIONS)
    products = ProductFactory.create_batch(60, pictures=0)
    for row, product in enumerate(products):
        product.pattern = ("plain", "striped")[row % 2]
    Product.objects.bulk_update(products, ["pattern"])
    rng = np.random.default_rng(0)
    images = rng.normal(scale=0.1, size=(60, DIMENSIONS)).astype(np.float32)
    images[np.arange(60), np.arange(60) % 2] += 1
    texts = rng.normal(size=(60, DIMENSIONS)).astype(np.float32)
    store(encoder, products, images=unit(images), texts=unit(texts))
    return encoder


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def store(encoder: Encoder, products: list[Product], *, images: np.ndarray, texts: np.ndarray) -> None:
    versions = [(product.pk, product.content_version) for product in products]
    mixed = hybrid_vectors(images, texts, np.ones(len(products), dtype=bool), encoder.image_weight)
    for kind, vectors in (("image", images), ("text", texts), ("hybrid", mixed)):
        store_vectors(encoder=encoder, kind=kind, products=versions, vectors=vectors)


def expected_hybrids(encoder: Encoder, weight: float) -> np.ndarray:
    pks = list(Product.objects.order_by("pk").values_list("pk", flat=True))
    images = stored_vectors(encoder=encoder, kind="image", product_ids=pks)
    texts = stored_vectors(encoder=encoder, kind="text", product_ids=pks)
    return hybrid_vectors(images, texts, images.any(axis=1), weight)


def hybrids(encoder: Encoder) -> np.ndarray:
    pks = list(Product.objects.order_by("pk").values_list("pk", flat=True))
    return stored_vectors(encoder=encoder, kind="hybrid", product_ids=pks)


def test_the_command_finds_that_pictures_tell_more_and_mixes_anew_without_the_model(encoder: Encoder) -> None:
    out = StringIO()
    call_command("tune_hybrid", stdout=out)
    lines = out.getvalue().splitlines()
    measured = json.loads(lines[-1])
    assert (measured["encoder"], measured["before"], measured["applied"]) == ("nowhere", 0.5, False)
    assert measured["image_weight"] >= 0.7
    assert (lines[0].split()[:2], len(lines)) == (["image_weight", "colour"], 13)
    encoder.refresh_from_db()
    assert (encoder.image_weight, encoder.tuning) == (0.5, {})
    out = StringIO()
    call_command("tune_hybrid", apply=True, stdout=out)
    applied = json.loads(out.getvalue().splitlines()[-1])
    assert applied == {**measured, "applied": True, "remixed": 60}
    encoder.refresh_from_db()
    assert encoder.image_weight == measured["image_weight"]
    assert encoder.tuning["measured_on"] == "60 products of the catalogue"
    assert [row["image_weight"] for row in encoder.tuning["measured"]] == [step / 10 for step in range(11)]
    np.testing.assert_allclose(hybrids(encoder), expected_hybrids(encoder, encoder.image_weight), atol=1e-3)
    assert not Product.objects.dirty_for(encoder).exists()
    out = StringIO()
    call_command("tune_hybrid", apply=True, stdout=out)
    assert json.loads(out.getvalue().splitlines()[-1])["remixed"] == 0


def test_a_new_weight_makes_hybrids_dirty_in_the_same_commit_and_an_equal_one_does_not(encoder: Encoder) -> None:
    before = hybrids(encoder)
    assert set_image_weight(encoder=encoder, image_weight=0.5, tuning={"by": "hand"}) == 0
    assert set_image_weight(encoder=encoder, image_weight=0.25, tuning={}) == 60
    assert Product.objects.dirty_for(encoder).count() == 60
    np.testing.assert_array_equal(hybrids(encoder), before)  # they still answer
    with pytest.raises(Invalid, match=r"image_weight: must be within 0\.\.1 \(received '1\.5'\)"):
        set_image_weight(encoder=encoder, image_weight=1.5, tuning={})
    encoder.refresh_from_db()
    assert encoder.image_weight == 0.25


def test_mixing_that_was_killed_goes_on_with_the_rest(encoder: Encoder) -> None:
    set_image_weight(encoder=encoder, image_weight=0.9, tuning={})
    run = plan_embedding_run(encoder=encoder)
    assert run is not None

    def die(current: EmbeddingRun) -> None:
        if current.done == 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work_embedding_run(str(run.pk), on_chunk=die)
    run.refresh_from_db()
    assert (run.state, run.done, Product.objects.dirty_for(encoder).count()) == ("running", 32, 28)
    done = []
    work_embedding_run(str(run.pk), on_chunk=lambda current: done.append(current.done))
    assert done == [48, 60]
    np.testing.assert_allclose(hybrids(encoder), expected_hybrids(encoder, 0.9), atol=1e-3)


def test_a_weight_set_while_a_chunk_is_encoded_holds_for_that_chunk(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_image_weight(encoder=encoder, image_weight=0.1, tuning={})
    run = plan_embedding_run(encoder=encoder)
    assert run is not None
    look = embedding_jobs.reusable_vectors
    weights = iter([0.8])

    def set_then_look(**asked):
        if (weight := next(weights, None)) is not None:
            set_image_weight(encoder=encoder, image_weight=weight, tuning={})
        return look(**asked)

    monkeypatch.setattr(embedding_jobs, "reusable_vectors", set_then_look)
    work_embedding_run(str(run.pk))
    np.testing.assert_allclose(hybrids(encoder), expected_hybrids(encoder, 0.8), atol=1e-3)


def test_too_little_to_measure_on_is_said(encoder: Encoder) -> None:
    with pytest.raises(CommandError, match="received 'gone'; known are nowhere"):
        call_command("tune_hybrid", encoder="gone")
    with pytest.raises(CommandError, match="40 visible products have a vector of their picture, at least 50"):
        call_command("tune_hybrid", sample=40)
    Product.objects.update(category=None, colour="red", gender="", pattern="")
    with pytest.raises(CommandError, match="of category, colour, gender, pattern none has two values to tell apart"):
        call_command("tune_hybrid")
    Encoder.objects.update(is_live=False)
    with pytest.raises(CommandError, match="received none, and none is live; known are nowhere"):
        call_command("tune_hybrid")


def test_the_sample_is_drawn_by_its_seed(encoder: Encoder) -> None:
    first, second = (hybrid_jobs.measure_image_weight(encoder=encoder, sample=50, seed=seed) for seed in (1, 2))
    assert first == hybrid_jobs.measure_image_weight(encoder=encoder, sample=50, seed=1)
    assert first["measured"] != second["measured"]


def test_an_encoder_brings_the_weight_its_training_tuned_and_keeps_one_set_since() -> None:
    hybrid = {"image_weight": 0.7, "measured": [{"image_weight": 0.7, "mean": 0.9}]}
    encoder = register_encoder(name="mine", digest="1" * 64, dimensions=8, hybrid=hybrid)
    assert encoder.image_weight == 0.7
    assert encoder.tuning == {"measured_on": "the training's validation part", **hybrid}
    set_image_weight(encoder=encoder, image_weight=0.3, tuning={})
    assert register_encoder(name="mine", digest="1" * 64, dimensions=8, hybrid=hybrid).image_weight == 0.3
    with pytest.raises(Invalid, match=r"must be within 0\.\.1 \(received '7'\)"):
        register_encoder(name="other", digest="2" * 64, dimensions=8, hybrid={"image_weight": 7})
