"""kill -9 of a real Celery worker in the middle of embedding, rating and training: nothing finished is done again."""

import pytest

from tests.worlds import Shop, wait_for

pytestmark = [pytest.mark.worker, pytest.mark.timeout(280)]

WITHIN = 90.0
"""Seconds in which a new worker must have carried on to the end, start of the process included."""


def kill_in_the_middle(shop: Shop, finished: str) -> list[tuple]:
    """Start a worker, kill it once `finished` returns rows, start another; returns the rows finished before."""
    worker = shop.start_worker()
    wait_for(lambda: len(shop.query(finished)) >= 2, timeout=WITHIN, what="the first finished pieces")
    shop.kill(worker)
    before = shop.query(finished)
    shop.start_worker()
    return before


def test_embedding_carries_on_after_kill_9_and_repeats_no_chunk(copied_shop: Shop) -> None:
    shop = copied_shop
    # All products dirty, one per chunk: enough pieces to be killed between two of them.
    shop.manage(
        "shell", "-v0", "-c",
        "from catalog.models import Encoder, ProductEmbedding\n"
        "from catalog.services import embeddings\n"
        "ProductEmbedding.objects.all().delete()\n"
        "embeddings.CHUNK_SIZE = 1\n"
        "embeddings.plan_embedding_run(encoder=Encoder.objects.get(is_live=True))\n",
    )  # fmt: skip
    run = shop.query("SELECT id FROM catalog_embeddingrun WHERE state = 'queued'")[0][0]
    finished = (
        f"SELECT index, attempts, finished_at FROM catalog_embeddingchunk WHERE state = 'done' AND run_id = '{run}'"
    )

    before = kill_in_the_middle(shop, finished)

    wait_for(
        lambda: shop.query("SELECT 1 FROM catalog_embeddingrun WHERE id = %s AND state = 'done'", run),
        timeout=WITHIN,
        what="the end of the embedding run",
    )
    after = shop.query(finished)
    assert 2 <= len(before) < len(after) == 96
    assert set(before) <= set(after)  # the same attempt, finished at the same instant: not touched again
    assert all(attempts == 1 for _, attempts, _ in before)
    assert shop.query("SELECT done, total FROM catalog_embeddingrun WHERE id = %s", run) == [(96, 96)]
    assert shop.query("SELECT count(*) FROM catalog_productembedding") == [(3 * 96,)]


def test_rating_carries_on_after_kill_9_and_asks_for_no_finished_cell_again(copied_shop: Shop) -> None:
    shop = copied_shop
    shop.manage(
        "shell", "-v0", "-c",
        "from personas.models import Persona\n"
        "from personas.services.language_models import register_language_model\n"
        "from personas.services.ratings import plan_rating_run\n"
        "model = register_language_model(name='slow', adapter='tests.slow_rater.SlowRater')\n"
        "plan_rating_run(personas=list(Persona.objects.all()), language_model=model, raters_per_product=6)\n",
    )  # fmt: skip
    run = shop.query("SELECT id FROM personas_ratingrun WHERE state = 'queued'")[0][0]
    finished = (
        f"SELECT index, attempts, finished_at FROM personas_ratingchunk WHERE state = 'done' AND run_id = '{run}'"
    )
    scores = f"SELECT id, persona_id, product_id, created_at FROM personas_rawscore WHERE run_id = '{run}'"

    before = kill_in_the_middle(shop, finished)
    scored_before = shop.query(scores)

    wait_for(
        lambda: shop.query("SELECT 1 FROM personas_ratingrun WHERE id = %s AND state = 'done'", run),
        timeout=WITHIN,
        what="the end of the rating run",
    )
    after, scored_after = shop.query(finished), shop.query(scores)
    assert 2 <= len(before) < len(after)
    assert set(before) <= set(after)
    assert all(attempts == 1 for _, attempts, _ in before)
    assert set(scored_before) <= set(scored_after)
    assert len(scored_after) == 96 * 6
    assert len({(persona, product) for _, persona, product, _ in scored_after}) == 96 * 6
    assert shop.query("SELECT done, total FROM personas_ratingrun WHERE id = %s", run) == [(576, 576)]


def test_training_carries_on_after_kill_9_and_repeats_no_epoch(copied_shop: Shop) -> None:
    shop = copied_shop
    epochs = 60
    shop.manage("train_model", "two_tower", "--queue", "--config", f'{{"epochs": {epochs}}}')
    run = shop.query("SELECT id FROM recommender_trainingrun WHERE state = 'queued'")[0][0]
    finished = f"SELECT id, epoch, worker, finished_at FROM recommender_trainingepoch WHERE run_id = '{run}'"

    before = kill_in_the_middle(shop, finished)

    wait_for(
        lambda: shop.query("SELECT 1 FROM recommender_trainingrun WHERE id = %s AND state = 'done'", run),
        timeout=WITHIN,
        what="the end of the training",
    )
    after = shop.query(finished)
    assert 2 <= len(before) < epochs
    assert set(before) <= set(after)  # the very rows: no finished epoch was run again
    assert len(after) == len({epoch for _, epoch, _, _ in after})
    # An epoch whose checkpoint was saved, but not yet its row, is not run again either: at most one row is missing.
    assert len(after) >= epochs - 1
    assert len({worker for _, _, worker, _ in after}) == 2
    assert shop.query("SELECT count(*) FROM recommender_modelversion WHERE run_id = %s", run) == [(1,)]
