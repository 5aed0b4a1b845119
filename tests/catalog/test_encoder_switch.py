"""Another encoder is embedded beside the live one, takes over when it is complete, and can be given up again."""

import json
from functools import lru_cache
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from catalog import embedding_jobs
from catalog.embedding_jobs import registered_encoder, work_embedding_run
from catalog.models import EmbeddingRun, Encoder, Product, ProductEmbedding
from catalog.services import embeddings, vector_index
from catalog.services.embeddings import (
    pending_switch,
    plan_due_embedding,
    plan_embedding_run,
    register_encoder,
    swap_if_complete,
)
from catalog.services.encoders import retire_vectors, switch_encoder
from catalog.vectors import index_name, live_encoder
from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import request_cancel
from tests.catalog.ml.tiny_models import save_open_clip_folder
from tests.factories.catalog import ProductFactory


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three encoders that can be loaded here."""
    folder = tmp_path_factory.mktemp("encoders")
    return [f"open_clip:local-dir:{save_open_clip_folder(folder / name)}" for name in ("old", "new", "third")]


kept_open = lru_cache(maxsize=3)(embedding_jobs.open_encoder.__wrapped__)
"""A worker keeps one encoder; these tests go back and forth between three."""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedding_jobs, "open_encoder", kept_open)
    monkeypatch.setattr(embeddings, "CHUNK_SIZE", 2)
    with without_ringing():
        yield


@pytest.fixture
def shop(db: None, names: list[str]) -> list[Product]:
    """Five products with vectors of the first encoder, which is live."""
    products = ProductFactory.create_batch(5)
    run = plan_embedding_run(encoder=registered_encoder(names[0]))
    assert run is not None
    work_embedding_run(str(run.pk))
    return products


def live_name() -> str:
    encoder = live_encoder()
    assert encoder is not None
    return encoder.name


def fresh(encoder: Encoder) -> int:
    return Product.objects.count() - Product.objects.dirty_for(encoder).count()


@pytest.mark.django_db
def test_the_command_makes_the_first_encoder_live_at_once_and_the_next_when_it_is_complete(names: list[str]) -> None:
    ProductFactory.create_batch(3)
    for name, expected in ((names[0], 3), (names[0], 0), (names[1], 3), (names[0], 0)):
        out = StringIO()
        call_command("embed_catalog", encoder=name, stdout=out)
        assert json.loads(out.getvalue().splitlines()[-1]) == {"encoder": name, "embedded": expected}
        assert live_name() == name
    assert ProductEmbedding.objects.count() == 2 * 3 * 3  # both encoders' vectors of all kinds are there
    with pytest.raises(CommandError, match=r"'nowhere', but there is no config\.json"):
        call_command("embed_catalog", encoder="nowhere", stdout=StringIO())


def test_the_old_encoder_answers_until_the_last_vector_is_there(shop: list[Product], names: list[str]) -> None:
    new = registered_encoder(names[1])
    assert (new.is_live, live_name()) == (False, names[0])
    run = switch_encoder(encoder=new)
    assert (run.total, run.goes_live, pending_switch()) == (5, True, run)
    seen = []
    work_embedding_run(str(run.pk), on_chunk=lambda current: seen.append((current.done, live_name() == names[0])))
    assert seen == [(2, True), (4, True), (5, True)]
    assert (live_name(), fresh(new), pending_switch()) == (names[1], 5, None)
    with pytest.raises(Conflict, match="is live already"):
        switch_encoder(encoder=new)


def test_products_that_change_meanwhile_are_embedded_before_the_switch(shop: list[Product], names: list[str]) -> None:
    new = registered_encoder(names[1])
    run = switch_encoder(encoder=new)
    live_at = []

    def change(current: EmbeddingRun) -> None:
        live_at.append(live_name() == names[0])
        if current.pk == run.pk and current.done == 4:
            Product.objects.filter(pk=shop[0].pk).update(title="Velvet coat", content_version=2)
            ProductFactory()

    work_embedding_run(str(run.pk), on_chunk=change)
    assert [(later.total, later.state) for later in EmbeddingRun.objects.filter(goes_live=True)] == [
        (2, "done"),
        (5, "done"),
    ]
    assert all(live_at)
    assert (live_name(), fresh(new)) == (names[1], 6)


def test_a_cancelled_switch_keeps_the_old_encoder(shop: list[Product], names: list[str]) -> None:
    run = switch_encoder(encoder=registered_encoder(names[1]))
    work_embedding_run(str(run.pk), on_chunk=lambda current: request_cancel(run=current))
    run.refresh_from_db()
    assert (run.state, run.done, live_name(), pending_switch()) == ("cancelled", 2, names[0], None)
    assert plan_due_embedding() is None
    # A person who asks again has only the rest embedded.
    again = switch_encoder(encoder=run.encoder)
    assert (again.pk != run.pk, again.total) == (True, 3)
    work_embedding_run(str(again.pk))
    assert live_name() == names[1]


def test_a_wish_put_on_a_run_that_is_being_cancelled_is_not_cancelled_with_it(
    shop: list[Product], names: list[str]
) -> None:
    new = registered_encoder(names[1])
    ending = switch_encoder(encoder=new)
    EmbeddingRun.objects.filter(pk=ending.pk).update(state="running", cancel_requested=True)
    again = switch_encoder(encoder=new)
    assert (again.pk != ending.pk, again.total) == (True, 5)
    for run in (ending, again):
        work_embedding_run(str(run.pk))
        run.refresh_from_db()
    assert (ending.state, again.state, live_name()) == ("cancelled", "done", names[1])


def test_a_follow_up_that_is_cancelled_cancels_the_switch(shop: list[Product], names: list[str]) -> None:
    new = registered_encoder(names[1])
    run = switch_encoder(encoder=new)

    def change_and_cancel(current: EmbeddingRun) -> None:
        if current.pk != run.pk:
            request_cancel(run=current)
        elif current.done == 5:
            Product.objects.update(content_version=2)

    work_embedding_run(str(run.pk), on_chunk=change_and_cancel)
    assert (live_name(), pending_switch(), swap_if_complete(encoder=new)) == (names[0], None, None)
    assert live_name() == names[0]


def test_beat_finishes_a_switch_whose_worker_died_after_the_last_vector(
    shop: list[Product], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = switch_encoder(encoder=registered_encoder(names[1]))
    with monkeypatch.context() as patch:
        patch.setattr(embedding_jobs, "_finish", lambda run: None)
        work_embedding_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, live_name()) == ("done", names[0])
    rung = []
    monkeypatch.setattr(embeddings, "enqueue", lambda task, *args: rung.append((task, args)))
    plan_due_embedding()
    assert rung == [(EmbeddingRun.task_name, (str(run.pk),))]
    work_embedding_run(str(run.pk))
    assert live_name() == names[1]


def test_an_index_that_cannot_be_made_fails_the_switch_with_the_reason(
    shop: list[Product], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(**_: Any) -> None:
        raise OperationalError("could not extend file: No space left on device")

    run = switch_encoder(encoder=registered_encoder(names[1]))
    with monkeypatch.context() as patch:
        patch.setattr(embedding_jobs, "ensure_vector_indexes", full_disk)
        work_embedding_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "index: could not extend file: No space left on device")
    assert (live_name(), pending_switch()) == (names[0], None)
    again = switch_encoder(encoder=run.encoder)
    assert again.total == 0
    work_embedding_run(str(again.pk))
    assert live_name() == names[1]


def test_beat_keeps_the_old_encoder_fresh_while_a_switch_is_under_way(shop: list[Product], names: list[str]) -> None:
    new = registered_encoder(names[1])
    switch = switch_encoder(encoder=new)
    added = ProductFactory()
    due = plan_due_embedding()
    assert due is not None
    assert (due.encoder.name, due.total, due.goes_live) == (names[0], 1, False)
    work_embedding_run(str(due.pk))
    assert live_name() == names[0]
    work_embedding_run(str(switch.pk))
    assert (live_name(), fresh(new)) == (names[1], 6)
    assert ProductEmbedding.objects.filter(product=added).count() == 6


def test_of_two_switches_the_later_one_holds(shop: list[Product], names: list[str]) -> None:
    earlier = switch_encoder(encoder=registered_encoder(names[1]))
    later = switch_encoder(encoder=registered_encoder(names[2]))
    work_embedding_run(str(earlier.pk))
    assert live_name() == names[0]
    work_embedding_run(str(later.pk))
    assert live_name() == names[2]
    # Back to the first: its vectors are there, so an empty run switches.
    back = switch_encoder(encoder=Encoder.objects.get(name=names[0]))
    assert (back.total, live_name()) == (0, names[2])
    work_embedding_run(str(back.pk))
    assert (live_name(), pending_switch()) == (names[0], None)


def test_archived_products_hold_up_no_switch(shop: list[Product], names: list[str]) -> None:
    Product.objects.filter(pk=shop[0].pk).update(status="archived")
    run = switch_encoder(encoder=registered_encoder(names[1]))
    assert run.total == 4
    work_embedding_run(str(run.pk))
    assert live_name() == names[1]


def test_vectors_that_answer_or_soon_will_cannot_be_retired(shop: list[Product], names: list[str]) -> None:
    old, new = Encoder.objects.get(name=names[0]), registered_encoder(names[1])
    with pytest.raises(Conflict, match="is live: switch to another encoder first"):
        retire_vectors(encoder=old)
    run = switch_encoder(encoder=new)
    with pytest.raises(Conflict, match="is about to go live: cancel its embedding run first"):
        retire_vectors(encoder=new)
    EmbeddingRun.objects.filter(pk=run.pk).update(goes_live=False)
    with pytest.raises(Conflict, match="has an open embedding run: cancel it first"):
        retire_vectors(encoder=new)
    assert ProductEmbedding.objects.filter(encoder=old).count() == 15


@pytest.mark.django_db(transaction=True)
def test_the_index_is_there_before_the_switch_and_gone_with_the_vectors(
    names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_index, "EXACT_ROWS", 2)
    ProductFactory.create_batch(3)
    call_command("embed_catalog", encoder=names[0], stdout=StringIO())
    old = Encoder.objects.get(name=names[0])
    indexed = []
    swap = embedding_jobs.swap_if_complete

    def look_and_swap(*, encoder: Encoder) -> EmbeddingRun | None:
        indexed.append((live_name(), indexes(encoder)))
        return swap(encoder=encoder)

    monkeypatch.setattr(embedding_jobs, "swap_if_complete", look_and_swap)
    call_command("embed_catalog", encoder=names[1], stdout=StringIO())
    new = Encoder.objects.get(name=names[1])
    assert indexed == [(names[0], indexes(new))]
    assert len(indexes(new)) == len(indexes(old)) == 3
    assert live_name() == names[1]
    assert retire_vectors(encoder=old) == 9
    assert (indexes(old), len(indexes(new)), ProductEmbedding.objects.count()) == ([], 3, 9)
    assert retire_vectors(encoder=old) == 0


def indexes(encoder: Encoder) -> list[str]:
    named = [index_name(encoder=encoder, kind=kind) for kind in ProductEmbedding.Kind.values]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid AND indexrelid::regclass::text = ANY(%s)",
            [named],
        )
        return sorted(row[0] for row in cursor.fetchall())


@pytest.mark.django_db
def test_a_name_too_long_to_store_is_refused() -> None:
    with pytest.raises(Invalid, match="the name has 125 letters, at most 120 are stored"):
        register_encoder(name="x" * 125, digest="0" * 64, dimensions=8)
    assert not Encoder.objects.exists()
