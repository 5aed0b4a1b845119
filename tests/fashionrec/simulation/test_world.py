"""The planted world: its declared variance shares, its oracle, its determinism, its refusals."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fashionrec.simulation.world as world_module
from fashionrec.simulation.config import WorldConfig
from fashionrec.simulation.world import SimPersona, SimProduct, build_world, price_edges


def test_personas_explain_thirty_percent_of_the_utility_variance(planted) -> None:
    world, _ = planted
    persona = world.persona_part[world.population.persona]
    utilities = world.popularity + world.private_part(np.arange(1500)) + persona
    share = float((persona * utilities).mean() / utilities.var(axis=1).mean())
    assert share == pytest.approx(0.30, abs=0.02)
    shares = world.variance_shares()
    assert shares["persona"] == pytest.approx(share, abs=1e-3)
    assert shares["popularity"] == pytest.approx(0.08, abs=0.01)
    assert shares["private"] == pytest.approx(0.62, abs=0.02)
    assert sum(shares.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_persona_share_holds_on_other_seeds(products, personas, seed: int) -> None:
    world = build_world(products, personas, seed=seed)
    world.simulate_shoppers(1500)
    assert world.variance_shares()["persona"] == pytest.approx(0.30, abs=0.02)


def test_private_taste_is_independent_of_the_persona_part(planted) -> None:
    world, _ = planted
    private = world.private_part(np.arange(1500)).ravel()
    persona = world.persona_part[world.population.persona].ravel()
    assert abs(np.corrcoef(private, persona)[0, 1]) < 0.03


def test_shared_popularity_is_zipf_with_exponent_one(planted) -> None:
    world, events = planted
    weights = np.sort(np.exp(world.popularity))[::-1]
    np.testing.assert_allclose(weights[0] / weights, np.arange(1, 651), rtol=1e-9)
    counts = np.sort(np.bincount(events.product[events.first_positives()], minlength=650))[::-1]
    counts = counts[counts > 0]
    slope = np.polyfit(np.log(np.arange(1, counts.size + 1)), np.log(counts), 1)[0]
    assert -slope == pytest.approx(1.0, abs=0.2)


def test_one_seed_gives_one_world_and_another_seed_another(products, personas) -> None:
    first, again, other = (build_world(products, personas, seed=seed) for seed in (7, 7, 8))
    a, b, c = (world.simulate_shoppers(60) for world in (first, again, other))
    for field in ("shopper", "persona", "product", "kind", "time"):
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field))
    np.testing.assert_array_equal(first.utility(), again.utility())
    assert a.product.tolist() != c.product.tolist()
    np.testing.assert_array_equal(first.simulate_shoppers(60).time, a.time)
    assert first.digest == again.digest != other.digest
    assert WorldConfig().digest(7) != replace(WorldConfig(), click_noise=0.06).digest(7)


def test_the_oracle_row_is_the_declared_sum(planted) -> None:
    world, events = planted
    shopper = 42
    categories = [product.attributes["category"] for product in world.products]
    clicks = events.first_positives()
    chosen = events.product[clicks[events.shopper[clicks] == shopper]]
    expected = (
        world.popularity
        + world.population.private[shopper] @ world.latents.T
        + world.persona_part[events.persona[shopper]]
    )
    row = world.utility([shopper])
    assert row.shape == (1, 650)
    assert row.dtype == np.float32
    bonus = row[0] - expected
    interest = world.population.interest[shopper]
    raised = world.categories == interest
    np.testing.assert_allclose(bonus, 1.4 * raised, atol=1e-4)
    if interest >= 0:
        assert {categories[index] for index in np.flatnonzero(raised)} == {categories[chosen[-2]]}


def test_interest_is_the_category_chosen_before_the_last_choice(planted) -> None:
    world, events = planted
    clicks = events.first_positives()
    ends = np.searchsorted(events.shopper[clicks], np.arange(1500), side="right")
    before = world.categories[events.product[clicks[ends - 2]]]
    raised = world.population.interest >= 0
    assert 0.4 < raised.mean() < 0.95
    assert (world.population.interest[raised] == before[raised]).all()


def test_a_catalogue_without_most_attributes_still_makes_a_world(personas) -> None:
    bare = [SimProduct(key=str(index), attributes={"category": "", "colour": ""}) for index in range(50)]
    world = build_world(bare, personas, seed=1)
    events = world.simulate_shoppers(50)
    assert np.isfinite(world.utility()).all()
    assert world.variance_shares()["persona"] == 0.0
    assert events.product.max() < 50
    assert np.bincount(events.shopper, minlength=50).min() >= 5


def test_two_products_and_one_persona_are_enough() -> None:
    world = build_world([SimProduct("a"), SimProduct("b")], [SimPersona("p")], seed=0)
    events = world.simulate_shoppers(3)
    assert set(events.product.tolist()) == {0, 1}
    assert np.isfinite(world.utility()).all()


def test_price_edges_are_terciles_of_the_catalogue() -> None:
    low, high = price_edges([{"price": f"{price} EUR"} for price in (10, 20, 30, 40)])
    assert (low, high) == pytest.approx((20.0, 30.0))
    assert price_edges([{"colour": "red"}]) == (30.0, 80.0)


def test_the_truth_of_a_rating_is_found_by_persona_and_attributes(planted) -> None:
    world, _ = planted
    one = world.persona_rating_distribution("persona 3", world.products[10].attributes)
    np.testing.assert_allclose(one, world.rating_distributions()[3, 10], atol=1e-12)
    with pytest.raises(KeyError, match="persona_key: received 'nobody'"):
        world.persona_rating_distribution("nobody", {})


def test_what_makes_no_world_is_refused_with_the_value(products, personas) -> None:
    with pytest.raises(ValueError, match="products: at least 2 are needed, received 1"):
        build_world(products[:1], personas)
    with pytest.raises(ValueError, match="personas: at least 1 is needed, received 0"):
        build_world(products, [])
    with pytest.raises(ValueError, match="personas: keys must differ, received 'persona 0'"):
        build_world(products, [personas[0], personas[0]])
    world = build_world(products, personas)
    with pytest.raises(RuntimeError, match="call simulate_shoppers first"):
        world.utility()
    with pytest.raises(ValueError, match="n: at least 1 shopper is needed, received 0"):
        world.simulate_shoppers(0)


@pytest.mark.parametrize(
    ("field", "value"),
    [("click_noise", 1.5), ("popularity_share", 0.9), ("popularity_share", 0.0), ("min_events", 61), ("segments", 0)],
)
def test_a_config_out_of_range_names_field_and_value(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        WorldConfig(**{field: value})


def test_the_simulator_imports_nothing_but_numpy_and_itself() -> None:
    for path in Path(world_module.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.split(".")[0]
                allowed = top == "numpy" or top in sys.stdlib_module_names or name.startswith("fashionrec.simulation")
                assert allowed, f"{path.name} imports {name}"
