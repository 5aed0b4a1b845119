"""manage.py rate_catalogue: plans, asks, carries on, publishes what the gate lets through."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from fashionrec.common.queue import without_ringing
from personas.models import Rating, RatingChunk, RatingRun
from personas.selectors import run_summary
from personas.services.language_models import default_language_model, register_language_model
from personas.services.personas import generate_personas
from personas.services.rating_plans import plan_rating_run
from tests.factories.catalog import ProductFactory
from tests.personas.planned_rating import plan, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def products():
    return ProductFactory.create_batch(13, pictures=0)


@pytest.fixture
def shops_rater(settings):
    """The shop's rater is the simulator here: loading weights is another test's business."""
    settings.FASHIONREC = {
        **settings.FASHIONREC,
        "RATER": "fashionrec.simulation.rater.SimulatedRater",
        "RATER_OPTIONS": {},
        "RATING_GATE": {"cells": 30, "products": 10},
    }


def test_the_command_rates_publishes_and_carries_on_with_an_open_run(products, shops_rater, capsys):
    with without_ringing():
        run = plan_rating_run(
            personas=generate_personas(count=5, seed=1), language_model=default_language_model(),
            raters_per_product=3, seed=4,
        )  # fmt: skip
    work(run)
    RatingRun.objects.filter(pk=run.pk).update(state="running", finished_at=None)
    live = timezone.now() + timedelta(seconds=60)
    RatingChunk.objects.filter(run=run, index=1).update(state="pending", lease_owner="elsewhere:1:a", lease_until=live)
    with pytest.raises(CommandError, match="another process works on it"):
        call_command("rate_catalogue")
    RatingChunk.objects.filter(run=run, index=1).update(lease_until=None)
    call_command("rate_catalogue", publish=True)
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    run.refresh_from_db()
    assert RatingRun.objects.count() == 1
    assert (result["run"], result["state"], result["published"]) == (str(run.pk), "done", True)
    assert (result["simulated"], result["demonstration"]) == (True, False)
    assert result["ratings"] == Rating.objects.count() == sum(result["histogram"].values()) == 39
    assert result["quality"]["passed"] is True
    assert {key: result[key] for key in ("ratings", "mean")} == {
        key: run_summary(run)[key] for key in ("ratings", "mean")
    }


def test_the_command_says_what_it_will_take_and_asks_nothing(products, shops_rater, capsys):
    generate_personas(count=5, seed=1)
    call_command("rate_catalogue", raters=2, plan_only=True)
    figures = json.loads(capsys.readouterr().out)
    assert (figures["products"], figures["calls"]) == (13, 2 * (26 + 26))
    assert not RatingRun.objects.exists()


def test_the_command_goes_on_with_a_paused_run_under_the_budget_given_now(products, shops_rater, capsys):
    generate_personas(count=5, seed=1)
    register_language_model(name="steady", adapter="tests.raters.SteadyRater")
    with pytest.raises(CommandError, match="paused: token budget"):
        call_command("rate_catalogue", model="steady", raters=3, max_tokens=3000)
    with pytest.raises(CommandError, match="paused: token budget: .* of 3000 used"):
        call_command("rate_catalogue", model="steady")  # the budget stays until another one is given
    call_command("rate_catalogue", model="steady", max_tokens=30_000)
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["state"], result["tokens"]) == ("done", 15_600)
    assert RatingRun.objects.count() == 1


def test_a_budget_given_to_the_command_holds_for_an_open_run_too(products, shops_rater):
    run = plan()
    with pytest.raises(CommandError, match="paused: token budget: .* of 3000 used"):
        call_command("rate_catalogue", model="SteadyRater", max_tokens=3000)
    assert RatingRun.objects.get() == run


@pytest.mark.parametrize("amount", ["much", "NaN", "Infinity"])
def test_an_amount_that_is_none_is_refused_in_words(amount):
    with pytest.raises(CommandError, match=f"expected an amount such as 2.50, received '{amount}'"):
        call_command("rate_catalogue", "--max-cost", amount)


def test_the_command_says_so_when_there_is_nothing_to_judge(products, shops_rater):
    plan()
    for product in products:
        product.delete()
    with pytest.raises(CommandError, match="nothing was answered"):
        call_command("rate_catalogue", model="SteadyRater")


def test_the_command_says_what_is_missing(products, shops_rater):
    with pytest.raises(CommandError, match="raters_per_product: expected 1 to 0, the personas"):
        call_command("rate_catalogue")
    with pytest.raises(CommandError, match="--publish"):
        call_command("rate_catalogue", publish=True, queue=True)
    with pytest.raises(CommandError, match="language_model: unknown language model; known: .*'nobody'"):
        call_command("rate_catalogue", model="nobody")


def test_the_command_does_not_publish_what_the_gate_blocks(products, shops_rater):
    generate_personas(count=5, seed=1)
    register_language_model(name="random", adapter="tests.raters.RandomRater")
    with pytest.raises(CommandError, match="not published: .*asked twice"):
        call_command("rate_catalogue", model="random", raters=3, publish=True)
    assert RatingRun.objects.get().published_at is None
