"""kill -9 of a real Celery worker in the middle of embedding, rating and training: nothing finished is done again."""

from pathlib import Path

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


def test_rating_carries_on_after_kill_9_and_asks_for_no_stored_answer_again(copied_shop: Shop, tmp_path: Path) -> None:
    shop, log = copied_shop, tmp_path / "asked"
    shop.manage(
        "shell", "-v0", "-c",
        "from personas.models import Persona\n"
        "from personas.services.language_models import register_language_model\n"
        "from personas.services.rating_plans import plan_rating_run\n"
        f"options = {{'seconds': 0.03, 'log': '{log}'}}\n"
        "model = register_language_model(name='slow', adapter='tests.raters.SteadyRater', options=options)\n"
        "plan_rating_run(personas=list(Persona.objects.all()), language_model=model, raters_per_product=6)\n",
    )  # fmt: skip
    run = shop.query("SELECT id FROM personas_ratingrun WHERE state = 'queued'")[0][0]
    finished = (
        f"SELECT index, attempts, finished_at FROM personas_ratingchunk WHERE state = 'done' AND run_id = '{run}'"
    )
    scores = f"SELECT id, prompt_sha256, created_at FROM personas_rawscore WHERE run_id = '{run}'"

    before = kill_in_the_middle(shop, finished)
    stored, asked_before = shop.query(scores), log.read_text().split()

    wait_for(
        lambda: shop.query(
            "SELECT 1 FROM personas_ratingrun r JOIN personas_qualityreport q ON q.run_id = r.id WHERE r.id = %s", run
        ),
        timeout=WITHIN,
        what="the end of the rating run and its report",
    )
    after, scored_after = shop.query(finished), shop.query(scores)
    assert 2 <= len(before) < len(after)
    assert set(before) <= set(after)
    assert all(attempts == 1 for _, attempts, _ in before)
    assert set(stored) <= set(scored_after)
    # 96 products by 6 personas, 60 of these cells twice, all in both label orders: once each, none missing.
    assert len(scored_after) == 2 * (96 * 6 + 60)
    keys = "persona_id, product_id, label_order, purpose"
    cells = f"SELECT DISTINCT {keys} FROM personas_rawscore WHERE run_id = '{run}'"
    assert len(shop.query(cells)) == 2 * (96 * 6 + 60)
    retested = f"SELECT prompt_sha256 FROM personas_rawscore WHERE run_id = '{run}' AND purpose = 'retest'"
    planned_twice = {prompt for (prompt,) in shop.query(retested)}
    asked_after = log.read_text().split()[len(asked_before) :]
    repeated = {prompt for _, prompt, _ in stored} & set(asked_after)
    assert repeated <= planned_twice  # no stored answer was asked for again, but where the plan wants a second one
    assert shop.query("SELECT state, done, total FROM personas_ratingrun WHERE id = %s", run) == [("done", 636, 636)]
    assert shop.query(f"SELECT count(*) FROM personas_rating WHERE run_id = '{run}'") == [(576,)]


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
