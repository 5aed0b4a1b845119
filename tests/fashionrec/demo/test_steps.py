"""The steps of the demo: what is done is found, and other people's work is left alone."""

import pytest
from django.core.management import CommandError, call_command

from catalog.models import Product
from fashionrec.common.queue import without_ringing
from fashionrec.demo.steps import LONGEST_SOURCE, Demo, plan_ratings
from fashionrec.demo.world import SIMULATED_SOURCE
from feedback.models import Visitor
from personas.models import RatingRun
from personas.services.personas import generate_personas
from personas.services.ratings import publish
from tests.factories.catalog import ProductFactory
from tests.factories.personas import QualityReportFactory, RatingFactory, RatingRunFactory

pytestmark = pytest.mark.django_db


def test_the_demo_publishes_its_own_rating_run_and_nobody_elses():
    demo, personas = Demo(source="demo", personas=4, raters_per_product=2), generate_personas(count=4)
    product = ProductFactory.create_batch(6, source="demo", pictures=0)[0]
    waiting, working = RatingRunFactory(state="done"), RatingRunFactory(state="running")
    with without_ringing():
        run = plan_ratings(demo, personas)
        assert run not in (waiting, working, None)
        assert plan_ratings(demo, personas) == run
    RatingRun.objects.filter(pk=run.pk).update(state="done")
    assert plan_ratings(demo, personas) == run  # rated, not published yet
    QualityReportFactory(run=run)
    RatingFactory(run=publish(run=run), product=product)
    assert plan_ratings(demo, personas) is None


def test_of_a_large_catalogue_a_sample_is_rated():
    demo, personas = Demo(source="demo", personas=4, raters_per_product=2, rated_products=5), generate_personas(count=4)
    ProductFactory.create_batch(8, source="demo", pictures=0)
    with without_ringing():
        run = plan_ratings(demo, personas)
    assert (run.plan["products"], run.plan["cells"]["rating"]) == (5, 10)


def test_a_source_too_long_for_its_shoppers_is_refused_before_anything_is_built():
    longest = Visitor._meta.get_field("source").max_length - len(f"{SIMULATED_SOURCE}:")
    assert longest == LONGEST_SOURCE
    with pytest.raises(CommandError, match="--source: expected at most 30 characters, received 'xxx"):
        call_command("demo", source="x" * (LONGEST_SOURCE + 1))
    assert not Product.objects.exists()
