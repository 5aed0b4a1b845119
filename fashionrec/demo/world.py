"""Simulated shoppers for the catalogue in the shop: a planted world, its events, and its oracle."""

import json
import uuid
from collections.abc import Container
from datetime import timedelta

import numpy as np
from django.db import transaction
from django.utils import timezone

from catalog.models import Product
from fashionrec.common.batching import batched
from fashionrec.simulation.config import WorldConfig
from fashionrec.simulation.world import SimPersona, SimProduct, World, build_world
from feedback.models import Consent, Event, Provenance, Visitor
from personas.models import Persona
from personas.prompts import persona_fields, product_fields
from recommender.datasets import Dataset
from recommender.ml.dataset import FloatArray
from recommender.ml.evaluation import Evaluation, evaluate_scores
from recommender.ml.split import Split

SIMULATED_SOURCE = "simulated"
CONSENT_WORDING = "simulated shopper"
PERSONA_ATTRIBUTES = ("gender", "age_band", "region", "occupation", "style", "budget", "likes", "dislikes")
EVENT_NAMESPACE = uuid.UUID("b7d2f9a4-2a53-4f0e-8a51-7a7d6f5a9c10")


def world_of_shop(*, personas: list[Persona], source: str, seed: int) -> World:
    """The planted world over a source's visible products (by primary key) and personas (by key)."""
    products = Product.objects.visible().filter(source=source).select_related("brand", "category").order_by("pk")
    return build_world(
        [SimProduct(str(product.pk), product_attributes(product)) for product in products],
        [SimPersona(persona.key, persona_attributes(persona)) for persona in personas],
        config=WorldConfig(),
        seed=seed,
    )


def product_attributes(product: Product) -> dict[str, str]:
    """What a rater is told of a product, but for its title: a world's taste is about attributes."""
    return {name: value for name, value in product_fields(product).items() if value and name != "title"}


def persona_attributes(persona: Persona) -> dict[str, str]:
    fields = persona_fields(persona)
    return {name: fields[name] for name in PERSONA_ATTRIBUTES}


def identity(world: World, *, source: str) -> uuid.UUID:
    """One id for parameters, seed, products and personas: another catalogue is another truth."""
    products = [(product.key, sorted(product.attributes.items())) for product in world.products]
    personas = [(persona.key, sorted(persona.attributes.items())) for persona in world.personas]
    return uuid.uuid5(EVENT_NAMESPACE, json.dumps([source, world.digest, products, personas]))


@transaction.atomic
def record_simulated_shoppers(*, world: World, shoppers: int, source: str) -> int:
    """Store the shoppers' visitors, consents and events, all or nothing; returns the number of events.

    The last event lies an hour back. Event ids derive from the world, so that nothing is stored twice.
    """
    events = world.simulate_shoppers(shoppers)
    world_id = identity(world, source=source)
    visitors = [
        Visitor(
            id=uuid.uuid5(world_id, str(index)),
            source=f"{SIMULATED_SOURCE}:{source}",
            external_id=f"{str(world_id)[:8]}-{index:05d}",
            provenance=Provenance.SIMULATED,
            persona=world.personas[persona].key,
            consented=True,
        )
        for index, persona in enumerate(events.persona)
    ]
    Visitor.objects.bulk_create(visitors, batch_size=1000)
    Consent.objects.bulk_create(
        [Consent(visitor=visitor, granted=True, wording=CONSENT_WORDING) for visitor in visitors], batch_size=1000
    )
    product_ids = [int(product.key) for product in world.products]
    begin = timezone.now() - timedelta(hours=1) - timedelta(seconds=float(events.time.max(initial=0.0)))
    for batch in batched(range(len(events.shopper)), 5000):
        Event.objects.bulk_create(
            Event(
                event_id=uuid.uuid5(visitors[events.shopper[i]].pk, str(i)),
                type=str(events.kind[i]),
                visitor=visitors[events.shopper[i]],
                product_id=product_ids[events.product[i]],
                occurred_at=begin + timedelta(seconds=float(events.time[i])),
                provenance=Provenance.SIMULATED,
            )
            for i in batch
        )
    return len(events.shopper)


def world_of_visitors(user_ids: Container[str]) -> tuple[World, str] | None:
    """The world whose simulated shoppers are among `user_ids`, its shoppers drawn again, and its source.

    A demo draws its personas and its world by one seed; None when no personas in the shop make those shoppers' world.
    """
    simulated = Visitor.objects.filter(source__startswith=f"{SIMULATED_SOURCE}:")
    sets = Persona.objects.values_list("key", "seed")
    for visitor_source in simulated.values_list("source", flat=True).distinct().order_by("source"):
        visitors = simulated.filter(source=visitor_source)
        source = visitor_source.partition(":")[2]
        if not any(str(pk) in user_ids for pk in visitors.values_list("pk", flat=True)):
            continue
        for name, seed in sorted({(key.rpartition("-")[0], seed) for key, seed in sets}):
            personas = list(Persona.objects.filter(key__startswith=f"{name}-", seed=seed).order_by("key"))
            world = world_of_shop(personas=personas, source=source, seed=seed)
            if visitors.filter(external_id__startswith=f"{str(identity(world, source=source))[:8]}-").exists():
                world.simulate_shoppers(visitors.count())
                return world, source
    return None


class Oracle:
    """The ranking by true utility, as far as any model could come: the last row of every table."""

    def __init__(self, world: World, *, source: str, k: int = 10) -> None:
        self.world, self.source, self.k = world, source, k

    def __call__(self, dataset: Dataset, split: Split) -> Evaluation | None:
        """Evaluate on the test events; None when they are not this world's alone: people came, or products changed."""
        users = np.unique(split.targets("test")[0])
        world_id = identity(self.world, source=self.source)
        shopper_of = {
            str(uuid.uuid5(world_id, str(index))): index for index in range(len(self.world.population.persona))
        }
        if any(dataset.user_ids[user] not in shopper_of for user in users):
            return None
        shoppers = np.array([shopper_of[dataset.user_ids[user]] for user in users])
        column_of = {int(product.key): column for column, product in enumerate(self.world.products)}
        columns = np.array([column_of.get(int(pk), -1) for pk in dataset.product_ids])

        def scores(rows: slice) -> FloatArray:
            utility = self.world.utility(shoppers[rows])
            return np.where(columns >= 0, utility[:, columns], -np.inf).astype(np.float32)

        return evaluate_scores(scores, split, k=self.k)
