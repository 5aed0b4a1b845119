"""The scale benchmark: its world is of the size asked for, and what it says follows from what it measured."""

import numpy as np
import pytest
from django.db import connection

from fashionrec.benchmarks import scale, scale_world
from fashionrec.benchmarks.scale import growth, run, table
from fashionrec.benchmarks.scale_measurement import measure_training
from fashionrec.benchmarks.scale_world import store_events
from feedback.models import Event, Visitor
from recommender.datasets import Dataset, build_dataset
from recommender.ml.dataset import Interactions
from recommender.ml.sequences import SequenceBatches
from tests.factories.catalog import ProductFactory


def row(interactions, seconds, own_mb, **more):
    return {"interactions": interactions, "measured": {"stream": {"seconds": seconds, "own_mb": own_mb, **more}}}


def test_seconds_grow_as_a_power_and_memory_in_a_line_of_the_sizes_that_show_it():
    rows = [row(n, 2e-9 * n**1.5, 40 + n / 1e5) for n in (100_000, 1_000_000, 5_000_000)]
    found = growth([row(10_000, 99.0, 500.0), *rows], "stream")
    assert found == {
        "exponent": pytest.approx(1.5),
        "seconds": pytest.approx(2e-9 * 50_000_000**1.5),
        "bytes_per_interaction": pytest.approx((1 << 20) / 1e5),
        "own_mb": pytest.approx(540),
    }
    assert growth([row(10_000, 1.0, 1.0), rows[0]], "stream") is None


def test_the_table_says_what_was_computed_and_what_was_not():
    rows = [row(100_000, 1.0, 50.0, database_seconds=0.5), row(1_000_000, 15.0, 70.0, share=0.25)]
    results = {"products": 10_000, "rows": rows, "growth": {"stream": growth(rows, "stream")}}
    lines = table(results).splitlines()
    assert lines[1] == "| interactions | stream s | MB |"
    assert lines[3:5] == ["| 100,000 | 1.5 | 50 |", "| 1,000,000 | 15 (25% computed) | 70 |"]
    assert lines[5].startswith("| 50,000,000, extrapolated | 750 | ")
    assert lines[6] == "exponent of the seconds: stream 1.00"


@pytest.mark.parametrize("sizes", [(), (0,), (10, 10), (20, 10)])
def test_sizes_must_rise(sizes):
    with pytest.raises(ValueError, match="--interactions: received"):
        run(interactions=sizes, kinds=("two_tower",), products=5_000, seconds=1.0, seed=0)


def test_an_unknown_kind_is_refused_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(scale, "scratch_database", None)
    with pytest.raises(ValueError, match="kind: received 'guess'"):
        run(interactions=(10,), kinds=("guess",), products=5_000, seconds=1.0, seed=0)


@pytest.mark.django_db
def test_a_world_has_as_many_distinct_interactions_as_asked_for(monkeypatch):
    monkeypatch.setattr(scale_world, "TASTES", 2)
    monkeypatch.setattr(scale_world, "LONGEST", 8)
    products = [product.pk for product in ProductFactory.create_batch(16)]
    with connection.cursor() as cursor:  # tables with checks that wait for the commit cannot be altered
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    events = store_events(products, interactions=300, seed=1)
    events += store_events(products, interactions=50, seed=2)
    assert Event.objects.count() == events > 350
    assert Visitor.objects.filter(consented=True).count() == Visitor.objects.count() > 40
    interactions = build_dataset().interactions
    assert len(interactions.user) == 350
    assert interactions.n_users == Visitor.objects.count()
    assert all(len(set(history % 2)) == 1 for history in interactions.histories())


@pytest.mark.parametrize(("at_most", "steps_done"), [(0.0, 1), (60.0, 20)])
def test_a_training_is_measured_as_far_as_asked(tmp_path, monkeypatch, at_most, steps_done):
    monkeypatch.setattr(SequenceBatches, "epoch", SequenceBatches.epoch)  # what the measurement changes is undone
    user = np.repeat(np.arange(100), 4)
    interactions = Interactions.from_events(
        n_users=100, n_items=20, user=user, item=np.arange(400) % 20, time=np.arange(400)
    )
    snapshot = tmp_path / "dataset.safetensors"
    Dataset(interactions, np.arange(20), [""] * 100, {}).save(snapshot)
    parameters = {"batch_size": 20, "embedding_size": 8}
    found = measure_training(kind="two_tower", snapshot=str(snapshot), parameters=parameters, at_most=at_most)
    assert found["share"] == steps_done / 20
    assert found["seconds"] > 0
    assert found["own_mb"] >= 0
