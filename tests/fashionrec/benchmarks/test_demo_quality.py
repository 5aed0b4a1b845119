"""The shop's models on the demo's own shoppers: the rows, their intervals, and the truth they are held against."""

from typing import Any

import numpy as np
import pytest

from fashionrec.benchmarks import demo_quality
from fashionrec.demo.world import record_simulated_shoppers, world_of_shop, world_of_visitors
from feedback.models import Visitor
from personas.services.personas import generate_personas
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory
from tests.recommender.training import train_version

pytestmark = pytest.mark.django_db
SEED = 3


@pytest.fixture
def demo() -> None:
    """A catalogue of thirty, and fifteen shoppers of a world that one seed made."""
    colours, materials = ("red", "blue", "green"), ("wool", "linen")
    for number in range(30):
        ProductFactory(source="demo", colour=colours[number % 3], material=materials[number % 2], pictures=0, sizes=())
    personas = generate_personas(count=6, seed=SEED)
    generate_personas(count=4, seed=SEED)  # another demo's
    world = world_of_shop(personas=personas, source="demo", seed=SEED)
    record_simulated_shoppers(world=world, shoppers=15, source="demo")


@pytest.fixture
def results(demo: None) -> dict[str, Any]:
    for kind in ("random", "popularity", "item_knn"):
        train_version(kind)
    return demo_quality.run(seed=0)


def test_models_stand_beside_popularity_and_the_truth(results: dict[str, Any]) -> None:
    rows = results["models"]
    assert set(rows) == {"random", "popularity", "item_knn", "oracle"}
    for name in ("random", "item_knn", "oracle"):
        gain = rows[name]["ndcg@10_minus_popularity"]
        assert gain["low"] <= gain["mean"] <= gain["high"]
        assert gain["mean"] == pytest.approx(rows[name]["ndcg@10_full"] - rows["popularity"]["ndcg@10_full"], abs=2e-4)
    assert "ndcg@10_minus_popularity" not in rows["popularity"]
    assert "ndcg@10_way_to_oracle" not in rows["oracle"]
    if rows["oracle"]["ndcg@10_full"] > rows["popularity"]["ndcg@10_full"]:
        way = rows["item_knn"]["ndcg@10_minus_popularity"]["mean"] / rows["oracle"]["ndcg@10_minus_popularity"]["mean"]
        assert rows["item_knn"]["ndcg@10_way_to_oracle"] == pytest.approx(way, abs=0.02)
    for row in rows.values():
        # In a catalogue of thirty no hundred can be sampled: both rankings are one.
        assert row["recall@10_of_100"] == pytest.approx(row["recall@10_full"], abs=2e-4)
        assert 0 < row["coverage@10"] <= 1
        assert row["novelty@10"] > 0


def test_goals_are_judged_by_the_best_of_the_shops_own_models(results: dict[str, Any]) -> None:
    assert {goal["model"] for goal in results["goals"]} == {"item_knn"}
    sampled = results["goals"][0]
    assert sampled["value"] == results["models"]["item_knn"]["recall@10_of_100"]
    assert sampled["met"] == (sampled["value"] >= 0.62)


def test_the_table_has_a_line_for_every_model_in_both_parts(results: dict[str, Any]) -> None:
    lines = demo_quality.table(results).splitlines()
    for name in results["models"]:
        assert sum(line.startswith(f"{name} ") for line in lines) == 2
    assert any("R@10 among 100 sampled ≥ 0.62" in line for line in lines)


def test_among_events_of_a_person_there_is_no_truth_to_compare_with(demo: None) -> None:
    person = VisitorFactory(consented=True)
    for product in ProductFactory.create_batch(3, source="demo", pictures=0, sizes=()):
        EventFactory(visitor=person, type="like", product=product)
    train_version("popularity")
    assert set(demo_quality.run(seed=0)["models"]) == {"popularity"}


def test_a_shop_without_models_is_told_what_to_do() -> None:
    with pytest.raises(ValueError, match="run `make demo` or train_model first"):
        demo_quality.run(seed=0)


def test_the_world_of_simulated_shoppers_is_found_again(demo: None) -> None:
    visitors = {str(pk) for pk in Visitor.objects.values_list("pk", flat=True)}
    found = world_of_visitors(visitors)
    assert found is not None
    world, source = found
    assert source == "demo"
    assert [persona.key for persona in world.personas] == [f"p{SEED}-6-{number:04d}" for number in range(6)]
    assert len(world.population.persona) == 15
    assert np.isfinite(world.utility(np.arange(15))).all()
    assert world_of_visitors(set()) is None
