"""The oracle speaks for the simulated shoppers of one catalogue, and for nobody else."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.models import Product
from fashionrec.demo.world import Oracle, identity, record_simulated_shoppers, world_of_shop
from feedback.models import Event
from personas.services.personas import generate_personas
from recommender.datasets import build_dataset
from recommender.ml.split import leave_one_out
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory, VisitorFactory

pytestmark = pytest.mark.django_db
SHOPPERS = 12


@pytest.fixture
def world():
    ProductFactory.create_batch(30, source="demo")
    world = world_of_shop(personas=generate_personas(count=4), source="demo", seed=3)
    record_simulated_shoppers(world=world, shoppers=SHOPPERS, source="demo")
    return world


def ask(world):
    dataset = build_dataset()
    return Oracle(world, source="demo")(dataset, leave_one_out(dataset.interactions))


def test_the_oracle_measures_every_shopper_who_holds_something_out(world) -> None:
    evaluation = ask(world)
    assert evaluation is not None
    assert 0 < len(evaluation.users) <= SHOPPERS
    assert evaluation.mean_recall > 10 / 30  # better than ten products drawn from thirty


def test_the_oracle_is_silent_once_a_person_is_among_the_evaluated(world) -> None:
    person = VisitorFactory(consented=True)
    for day, product in enumerate(Product.objects.all()[:3]):
        EventFactory(
            visitor=person, type=Event.Type.LIKE, product=product, occurred_at=timezone.now() - timedelta(days=day)
        )
    assert ask(world) is None


def test_the_oracle_is_silent_about_shoppers_of_another_catalogue(world) -> None:
    Product.objects.filter(pk=Product.objects.latest("pk").pk).update(colour="ultraviolet")
    changed = world_of_shop(personas=generate_personas(count=4), source="demo", seed=3)
    changed.simulate_shoppers(SHOPPERS)
    assert identity(changed, source="demo") != identity(world, source="demo")
    assert ask(changed) is None
