"""Embedding runs: what cannot be worked on, how often beat plans one, and pictures that do not open."""

import io
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.utils import timezone
from safetensors.numpy import load_file, save_file

from catalog import embedding_jobs
from catalog.embedding_jobs import registered_encoder, work_embedding_run
from catalog.ml.encoder import load_encoder
from catalog.models import EmbeddingRun, Encoder, Product
from catalog.services.embeddings import REST, plan_due_embedding, plan_embedding_run, register_encoder
from catalog.vectors import stored_vector
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import _hostname
from tests.catalog.ml.tiny_models import save_open_clip_folder
from tests.factories.catalog import EncoderFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def silence():
    with without_ringing():
        yield


@pytest.mark.parametrize(
    ("name", "reason"), [("gone", "there is no config.json in"), ("compact", "compact now has weights")]
)
def test_an_encoder_that_cannot_be_loaded_or_has_other_weights_fails_the_run(name, reason):
    ProductFactory(pictures=0)
    run = plan_embedding_run(encoder=EncoderFactory(name=name, digest="0" * 64))
    work_embedding_run(str(run.pk))
    run.refresh_from_db()
    assert run.state == "failed"
    assert run.error.startswith("encoder: ")
    assert reason in run.error
    assert run.finished_at is not None


def test_beat_plans_what_is_dirty_and_rests_after_a_failure():
    assert plan_due_embedding() is None  # no encoder is live
    encoder = EncoderFactory(is_live=True)
    ProductFactory(pictures=0)
    run = plan_due_embedding()
    assert plan_due_embedding() == run
    EmbeddingRun.objects.update(state="failed")
    assert plan_due_embedding() is None
    EmbeddingRun.objects.update(created_at=timezone.now() - REST - timedelta(seconds=1))
    again = plan_due_embedding()
    assert again not in (None, run)
    EmbeddingRun.objects.filter(pk=again.pk).update(state="failed")
    assert plan_embedding_run(encoder=encoder) is not None  # a person who asks does not wait


@pytest.fixture
def tiny(tmp_path_factory) -> Encoder:
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    return registered_encoder(f"open_clip:local-dir:{save_open_clip_folder(folder)}")


def embed(encoder: Encoder) -> EmbeddingRun:
    run = plan_embedding_run(encoder=encoder)
    work_embedding_run(str(run.pk))
    run.refresh_from_db()
    return run


def vectors(encoder: Encoder, product: Product) -> dict[str, np.ndarray]:
    found = {k: stored_vector(encoder=encoder, kind=k, product_id=product.pk) for k in ("text", "image", "hybrid")}
    return {kind: vector for kind, vector in found.items() if vector is not None}


def test_a_picture_that_does_not_open_is_reported_and_the_text_stands_for_the_product(tiny: Encoder):
    sound, broken, half = ProductFactory(), ProductFactory(), ProductFactory(pictures=2)
    storage = broken.images.get().file.storage
    for product in (broken, half):
        name = product.images.order_by("position")[0].file.name
        storage.delete(name)
        storage.save(name, ContentFile(b"\x89PNG\r\n\x1a\n and no more"))
    run = embed(tiny)
    assert (run.state, run.done) == ("done", 3)
    assert set(vectors(tiny, sound)) == set(vectors(tiny, half)) == {"text", "image", "hybrid"}
    of_broken = vectors(tiny, broken)
    assert set(of_broken) == {"text", "hybrid"}
    np.testing.assert_array_equal(of_broken["hybrid"], of_broken["text"])
    lines = run.chunks.get().error.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [broken.public_id, half.public_id]
    assert lines[0].startswith(f"{broken.public_id}: image: received '{broken.images.get().file.name}'")
    assert "image: received" in lines[1]


def test_the_vector_of_a_picture_that_is_gone_goes_with_it(tiny: Encoder):
    product = ProductFactory()
    embed(tiny)
    before = vectors(tiny, product)
    product.images.all().delete()
    Product.objects.update(content_version=2)
    embed(tiny)
    after = vectors(tiny, product)
    assert set(after) == {"text", "hybrid"}
    np.testing.assert_array_equal(after["text"], before["text"])
    assert not np.array_equal(after["hybrid"], before["hybrid"])


def test_products_deleted_since_the_plan_are_passed_over(tiny: Encoder):
    kept, gone = ProductFactory(), ProductFactory()
    run = plan_embedding_run(encoder=tiny)
    gone.delete()
    work_embedding_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.done, tiny.embeddings.filter(kind="hybrid").count()) == ("done", 2, 1)
    assert vectors(tiny, kept).keys() == {"text", "image", "hybrid"}


def test_what_keeps_an_encoder_from_loading_fails_the_run_instead_of_ringing_for_ever(monkeypatch):
    def too_large(name: str) -> None:
        raise RuntimeError("CUDA out of memory")

    ProductFactory(pictures=0)
    run = plan_embedding_run(encoder=EncoderFactory())
    monkeypatch.setattr(embedding_jobs, "open_encoder", too_large)
    work_embedding_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "encoder: CUDA out of memory")


def test_a_worker_opens_an_encoder_again_that_was_trained_anew_under_its_name(tiny: Encoder):
    path = Path(tiny.name.removeprefix("open_clip:local-dir:")) / "open_clip_model.safetensors"
    weights = load_file(path)
    weights["text_projection"] = -weights["text_projection"]
    save_file(weights, path)
    ProductFactory(pictures=0)
    anew = register_encoder(name=tiny.name, digest=load_encoder(tiny.name).digest, dimensions=tiny.dimensions)
    assert anew != tiny
    run = embed(anew)
    assert (run.state, run.error, anew.embeddings.count()) == ("done", "", 2)


def test_the_command_goes_on_at_once_where_it_was_killed(tiny: Encoder):
    ProductFactory(pictures=0)
    run = plan_embedding_run(encoder=tiny)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    held = {"lease_owner": f"{_hostname()}:{dead.pid}:abc", "lease_until": timezone.now() + timedelta(minutes=1)}
    run.chunks.update(**held)
    EmbeddingRun.objects.update(state="running", **held)
    out = io.StringIO()
    call_command("embed_catalog", encoder=tiny.name, stdout=out)
    assert out.getvalue().splitlines()[-1].endswith('"embedded": 1}')
