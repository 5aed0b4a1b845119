"""A product added to a trained shop: a worker embeds it and makes it known to the models in use; nothing is trained."""

import csv
import time
from pathlib import Path

import pytest

from tests.worlds import Shop, wait_for

pytestmark = [pytest.mark.worker, pytest.mark.timeout(280)]

WITHIN = 60.0
"""Seconds from the import to the models, with beat as it is set for every shop."""

CANDIDATES = (
    "from recommender.serving.champion import load_champion\n"
    "from feedback.selectors import ShopperState\n"
    "model = load_champion()\n"
    "added = [{pk}]\n"
    "shopper = ShopperState(history=added, kinds=['like'], times=[1.0])\n"
    "print(len(model.history(shopper)), model.product_ids[-1], model.scorer.n_items, len(model.product_ids))\n"
)


def test_a_product_imported_after_training_is_in_the_models_within_a_minute(copied_shop: Shop, tmp_path: Path) -> None:
    shop = copied_shop
    ((number,),) = shop.query("SELECT id FROM recommender_modelversion WHERE kind = 'two_tower'")
    shop.manage("promote_model", f"two_tower-{number}")
    trainings = shop.query("SELECT count(*) FROM recommender_trainingrun")
    known = shop.query("SELECT count(*) FROM catalog_product WHERE status = 'active'")[0][0]
    shop.start_worker()
    wait_for(lambda: (shop.data_dir / "worker.log").read_text().count("ready."), timeout=60, what="the worker")
    file = tmp_path / "new.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["external_id", "title", "description", "price", "currency"])
        writer.writerow(["late-1", "Navy linen shirt", "A light shirt for warm days", "39.00", "EUR"])
    shop.manage("import_catalog", str(file), "--format", "csv", "--source", "late")
    began = time.monotonic()
    ((pk,),) = shop.query("SELECT id FROM catalog_product WHERE source = 'late'")
    wait_for(
        lambda: shop.query("SELECT 1 FROM recommender_itemvector WHERE product_id = %s", pk)
        and shop.query("SELECT 1 FROM recommender_modelalias a JOIN recommender_modelversion v ON v.id = a.version_id"
                       " WHERE a.name = 'champion' AND v.extension <> ''"),
        timeout=WITHIN, what="the new product's item vector",
    )  # fmt: skip
    assert time.monotonic() - began < WITHIN
    read, last, scored, products = shop.manage("shell", "-v0", "-c", CANDIDATES.format(pk=pk)).split()[-4:]
    assert (int(read), int(last)) == (1, pk)  # whoever liked nothing but it is understood
    assert int(scored) == int(products) == known + 1
    assert shop.query("SELECT count(*) FROM recommender_trainingrun") == trainings
