"""Shoppers' events: their shape, and each mechanism seen through its effect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fashionrec.simulation.config import WorldConfig
from fashionrec.simulation.shoppers import ShopperEvents
from fashionrec.simulation.world import World, build_world


def simulate(products, personas, n: int = 600, **changes: float) -> tuple[World, ShopperEvents]:
    world = build_world(products, personas, config=replace(WorldConfig(), **changes), seed=3)
    return world, world.simulate_shoppers(n)


def mean_own_taste(world: World, events: ShopperEvents, picked: np.ndarray) -> float:
    """Mean of utility without popularity of picked events, in standard deviations."""
    own = world.private_part(np.arange(events.n_shoppers)) + world.persona_part[events.persona]
    return float((own[events.shopper[picked], events.product[picked]] / own.std()).mean())


def test_every_shopper_has_five_to_sixty_events_with_a_long_tail(planted) -> None:
    _, events = planted
    per_shopper = np.bincount(events.shopper, minlength=1500)
    assert (per_shopper.min(), per_shopper.max()) == (5, 60)
    assert np.median(per_shopper) == pytest.approx(20, abs=1.5)
    assert per_shopper.mean() > np.median(per_shopper) + 2


def test_events_are_sorted_with_time_rising_in_each_shopper(planted) -> None:
    _, events = planted
    assert (np.diff(events.shopper) >= 0).all()
    same = np.diff(events.shopper) == 0
    assert (np.diff(events.time)[same] > 0).all()
    assert events.time.min() >= 0
    assert events.time.max() < 95 * 86_400


def test_events_come_in_sessions_over_three_months(planted) -> None:
    _, events = planted
    gaps = np.diff(events.time)[np.diff(events.shopper) == 0]
    assert np.median(gaps) < 120
    assert 0.1 < (gaps > 1800).mean() < 0.4
    assert np.quantile(events.time, 0.95) > 60 * 86_400


def test_a_product_is_clicked_once_before_all_else_with_it(planted) -> None:
    _, events = planted
    pair = events.shopper * 650 + events.product
    clicked = pair[events.kind == "click"]
    assert np.unique(clicked).size == clicked.size
    first = np.unique(pair[np.isin(events.kind, ["click", "like", "basket_add", "purchase"])], return_index=True)[0]
    np.testing.assert_array_equal(np.sort(clicked), first)
    position = {key: index for index, key in enumerate(zip(pair.tolist(), events.kind.tolist(), strict=True))}
    for index, (key, kind) in enumerate(zip(pair.tolist(), events.kind.tolist(), strict=True)):
        if kind in ("like", "basket_add"):
            assert position[key, "click"] < index
        if kind == "purchase":
            assert position[key, "click"] < position[key, "basket_add"] < index


def test_a_disliked_product_is_never_chosen(planted) -> None:
    _, events = planted
    pair = events.shopper * 650 + events.product
    assert not np.isin(pair[events.kind == "dislike"], pair[events.kind != "dislike"]).any()


def test_kinds_have_the_documented_shares_and_follow_taste(planted) -> None:
    world, events = planted
    shares = {kind: float((events.kind == kind).mean()) for kind in np.unique(events.kind)}
    expected = {"click": 0.575, "like": 0.13, "basket_add": 0.18, "purchase": 0.09, "dislike": 0.02}
    assert shares == pytest.approx(expected, abs=0.015)
    taste = {kind: mean_own_taste(world, events, events.kind == kind) for kind in expected}
    assert taste["dislike"] < 0.5 < taste["click"] < taste["basket_add"] < taste["purchase"]


def test_personas_have_equally_many_shoppers(planted) -> None:
    _, events = planted
    counts = np.bincount(events.persona, minlength=40)
    assert counts.max() - counts.min() <= 1


def test_click_noise_makes_choices_care_less_for_taste(products, personas) -> None:
    tastes = []
    for noise in (0.0, 1.0):
        world, events = simulate(products, personas, click_noise=noise)
        tastes.append(mean_own_taste(world, events, events.first_positives()))
    assert tastes[0] > tastes[1] + 0.1


def test_position_bias_hides_what_stands_low(products, personas) -> None:
    tastes = []
    for exponent in (0.0, 50.0):
        world, events = simulate(products, personas, examination_exponent=exponent)
        tastes.append(mean_own_taste(world, events, events.first_positives()))
    assert tastes[0] > tastes[1] + 0.1


def test_interest_keeps_a_session_in_one_category(products, personas) -> None:
    repeats = []
    for log_odds in (0.0, 1.4):
        world, events = simulate(products, personas, interest_log_odds=log_odds)
        clicks = events.first_positives()
        category = world.categories[events.product[clicks]]
        together = (np.diff(events.shopper[clicks]) == 0) & (np.diff(events.time[clicks]) < 1800)
        repeats.append(float((np.diff(category) == 0)[together].mean()))
    assert repeats[1] > 1.5 * repeats[0]


def test_private_taste_drifts_away_from_early_choices(products, personas) -> None:
    lags = []
    for days in (1e9, 10.0):
        world, events = simulate(products, personas, drift_days=days, segment_share=0.0)
        private = world.private_part(np.arange(events.n_shoppers))
        clicks = events.first_positives()
        value = private[events.shopper[clicks], events.product[clicks]]
        starts = np.searchsorted(events.shopper[clicks], np.arange(events.n_shoppers))
        ends = np.searchsorted(events.shopper[clicks], np.arange(events.n_shoppers), side="right") - 1
        lags.append(float((value[ends] - value[starts]).mean() / private.std()))
    assert lags[1] > lags[0] + 0.5


def test_segments_share_private_taste(products, personas) -> None:
    world, _ = simulate(products, personas, segment_share=1.0)
    assert np.unique(world.population.private.round(9), axis=0).shape[0] == 8
